//! Charts, as SVG of very few elements: a page shows a hundred of the small ones.

use std::fmt::Write as _;

use maud::{Markup, html};

use crate::api::ScoreInterval;

/// A score in its interval, from 0 at the left to 100 at the right.
pub(super) fn interval_bar(score: f64, ScoreInterval { low, high }: ScoreInterval) -> Markup {
    let at = |points: f64| format!("{:.1}", 2.0 + points.clamp(0.0, 100.0) * 0.76);
    let path = format!("M{} 6H{}M{} 1v10", at(low), at(high), at(score));
    html! {
        svg.interval width="80" height="12" role="img" aria-label=(format!("95 % interval {low} to {high}")) {
            path d=(path) {}
        }
    }
}

/// Scores as a line, oldest first, from 0 at the bottom to 100 at the top. The latest is at the right, and a round has the
/// same width in every row.
pub(super) fn sparkline(scores: &[f64], rounds: usize) -> Markup {
    const WIDTH: f64 = 96.0;
    const HEIGHT: f64 = 24.0;
    let step = (WIDTH - 6.0) / count(rounds.max(2) - 1);
    let mut path = String::new();
    for (index, score) in scores.iter().enumerate() {
        let x = WIDTH - 3.0 - step * count(scores.len() - 1 - index);
        let y = HEIGHT - 3.0 - score.clamp(0.0, 100.0) / 100.0 * (HEIGHT - 6.0);
        let _ = write!(path, "{}{x:.0} {y:.0}", if index == 0 { "M" } else { "L" });
    }
    // A round end marks the latest score.
    path.push_str("h0");
    let listed: Vec<_> = scores.iter().map(|score| format!("{score:.0}")).collect();
    html! {
        svg.chart width=(WIDTH) height=(HEIGHT) role="img"
            aria-label=(format!("Scores, oldest first: {}", listed.join(", "))) {
            path d=(path) {}
        }
    }
}

/// A score of an agent in a round.
pub(super) struct ScorePoint {
    /// The name of the round.
    pub(super) round: String,
    /// The link to the round.
    pub(super) link: String,
    /// 0 to 100.
    pub(super) score: f64,
    /// Where the score would lie in 95 % of rounds with other tasks of the same kind.
    pub(super) interval: Option<ScoreInterval>,
    /// 1 is best.
    pub(super) rank: u32,
}

/// The scores of an agent over rounds, oldest at the left, with their intervals.
pub(super) fn score_chart(points: &[ScorePoint]) -> Markup {
    const WIDTH: f64 = 640.0;
    const HEIGHT: f64 = 220.0;
    const LEFT: f64 = 36.0;
    let y = |points: f64| 10.0 + (100.0 - points.clamp(0.0, 100.0)) * (HEIGHT - 34.0) / 100.0;
    let step = (WIDTH - LEFT - 24.0) / count(points.len().saturating_sub(1).max(1));
    let x = |index: usize| {
        if points.len() == 1 {
            f64::midpoint(LEFT, WIDTH)
        } else {
            LEFT + 8.0 + step * count(index)
        }
    };
    let line: Vec<_> = points
        .iter()
        .enumerate()
        .map(|(index, point)| format!("{:.1} {:.1}", x(index), y(point.score)))
        .collect();
    let mut whiskers = String::new();
    for (index, point) in points.iter().enumerate() {
        if let Some(ScoreInterval { low, high }) = point.interval {
            let _ = write!(whiskers, "M{:.1} {:.1}V{:.1}", x(index), y(low), y(high));
        }
    }
    html! {
        svg.scores viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="group" aria-label="Scores over rounds, oldest first" {
            @for mark in [0.0, 25.0, 50.0, 75.0, 100.0] {
                path.grid d=(format!("M{LEFT} {:.1}H{WIDTH}", y(mark))) {}
                text x=(LEFT - 6.0) y=(format!("{:.1}", y(mark) + 4.0)) text-anchor="end" { (mark) }
            }
            path.whisker d=(whiskers) {}
            path.line d=(format!("M{}", line.join("L"))) {}
            @for (index, point) in points.iter().enumerate() {
                a href=(point.link) aria-label=(describe(point)) {
                    circle cx=(format!("{:.1}", x(index))) cy=(format!("{:.1}", y(point.score))) r="5" {
                        title { (describe(point)) }
                    }
                }
            }
        }
    }
}

fn describe(ScorePoint { round, score, interval, rank, .. }: &ScorePoint) -> String {
    let interval =
        interval.map(|ScoreInterval { low, high }| format!(", 95 % interval {low} to {high}"));
    format!("round {round}: {score:.2}{}, rank {rank}", interval.unwrap_or_default())
}

/// A share of 100 as a bar.
pub(super) fn score_bar(score: f64) -> Markup {
    let path = format!("M0 6h{:.1}", score.clamp(0.0, 100.0) * 1.6);
    html! { svg.bar width="160" height="12" aria-hidden="true" { path d=(path) {} } }
}

#[expect(clippy::cast_precision_loss, reason = "numbers of rounds are small")]
fn count(number: usize) -> f64 {
    number as f64
}
