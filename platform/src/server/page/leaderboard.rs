//! The leaderboard.

use std::cmp::Ordering;

use maud::{Markup, html};
use serde::Deserialize;
use utoipa::IntoParams;

use super::heat_map::heat_map;
use crate::api::{Ranking, Round, RoundStatus, ScoreInterval, dollars};
use crate::server::board::Board;
use crate::similarity::Passage;
use crate::similarity::survey::SimilarAgents;

/// Number of agents per page.
const PAGE_SIZE: usize = 100;

/// The part of the ranking to show.
#[derive(Default, Deserialize, IntoParams)]
pub(in crate::server) struct LeaderboardQuery {
    /// Only miners whose id contains this.
    #[serde(default)]
    q: String,
    /// One-based page.
    #[param(minimum = 1)]
    page: Option<usize>,
}

impl LeaderboardQuery {
    /// Returns whether this is the first page without a filter.
    pub(in crate::server) fn is_front(&self) -> bool {
        self.q.is_empty() && self.page.is_none_or(|page| page <= 1)
    }
}

/// The content of the page before the first round.
pub(in crate::server) fn before_first_round(agents: usize) -> Markup {
    html! {
        h1 { "Leaderboard" }
        p.empty {
            "There has been no round yet. "
            @match agents {
                0 => "No agent has been submitted.",
                1 => "One agent has been submitted.",
                _ => { (agents) " agents have been submitted." }
            }
        }
    }
}

/// The content of the page.
pub(in crate::server) fn leaderboard(board: &Board, query: &LeaderboardQuery) -> Markup {
    let needle = query.q.trim().to_ascii_lowercase();
    let all = &board.latest.rankings;
    let found: Vec<_> =
        all.iter().filter(|entry| entry.miner_id.as_str().contains(&needle)).collect();
    let pages = found.len().div_ceil(PAGE_SIZE).max(1);
    let page = query.page.unwrap_or(1).clamp(1, pages);
    let shown: Vec<_> =
        found.iter().copied().skip((page - 1) * PAGE_SIZE).take(PAGE_SIZE).collect();
    html! {
        h1 { "Leaderboard" }
        (round(board))
        form.filter role="search" action="/" method="get" {
            label for="q" { "Filter by miner" }
            input #q type="search" name="q" value=(query.q) autocomplete="off" spellcheck="false";
            button type="submit" { "Filter" }
            span #count role="status" { (found.len()) " of " (all.len()) " agents" }
        }
        (standings(board, &shown))
        (gate(&board.latest.round))
        @if pages > 1 { (pagination(&query.q, page, pages)) }
        (heat_map(&board.latest.round, &shown))
        (stopped(&board.latest.round))
        (faults(board))
    }
}

fn standings(board: &Board, shown: &[&Ranking]) -> Markup {
    let round = &board.latest.round;
    let (has_model, has_private) = (round.model.is_some(), round.private.is_some());
    html! {
        div.scroll role="region" aria-labelledby="ranking-title" tabindex="0" {
            table #ranking {
                caption #ranking-title { "Agents, best first" }
                thead {
                    tr {
                        th.number scope="col" { "Rank" }
                        th scope="col" { "Miner" }
                        th.number scope="col" { "Score" }
                        @if has_private {
                            th.number scope="col" { "Public" }
                            th.number scope="col" { "Private" }
                        }
                        th scope="col" { "95 % interval" }
                        th scope="col" { "Group" }
                        th scope="col" { "Change" }
                        th.number scope="col" { "Reward ('TAO')" }
                        @if has_model { th.number scope="col" { "Cost (USD)" } }
                        th scope="col" { "Scores so far" }
                    }
                }
                tbody { @for entry in shown { (row(board, entry)) } }
            }
        }
    }
}

fn round(board: &Board) -> Markup {
    let round = &board.latest.round;
    html! {
        dl.round {
            div { dt { "Round" } dd { (round.id) } }
            div {
                dt { "Finished" }
                dd { time datetime=(round.finished_at) { (round.finished_at.strftime("%Y-%m-%d %H:%M UTC")) } }
            }
            div { dt { "Tasks" } dd { (round.tasks.len()) } }
            @if let Some(private) = &round.private {
                div { dt { "Private tasks" } dd { (private.tasks) " of " (private.name) } }
            }
            div { dt { "Trials" } dd { (round.trials) } }
            div { dt { "Pool" } dd { (round.pool_tao) " 'TAO', " (round.payout) } }
            @if round.repeat > 1 { div { dt { "Repetitions" } dd { (round.repeat) " of each trial" } } }
            @if let Some(points) = round.resolution {
                div { dt { "Resolution" } dd { "smaller differences than " (points) " points may be chance" } }
            }
            div { dt { "State" } dd { (state(round)) } }
            div {
                dt { "Commitment" }
                dd { code title=(round.commitment) { (round.commitment.short()) } }
            }
            @if let Some(model) = &round.model {
                div { dt { "Model" } dd { (model.split('@').next().unwrap_or_default()) } }
            }
            @if let Some(seed) = round.seed { div { dt { "Seed" } dd { (seed) } } }
        }
    }
}

/// What the ranking of a round is worth so far.
fn state(round: &Round) -> String {
    let mut state = match round.status {
        RoundStatus::Open => "open: these are standings".to_owned(),
        RoundStatus::Closed => "closed: final ranking".to_owned(),
    };
    if round.partial {
        state.push_str("; partial: not all tasks or agents");
    }
    if round.is_provisional() {
        state.push_str("; provisional: some trials are not judged, and rewards may change");
    }
    state
}

fn row(board: &Board, entry: &Ranking) -> Markup {
    let scores = board.scores.get(&entry.miner_id).map_or(&[][..], Vec::as_slice);
    html! {
        tr data-miner=(entry.miner_id) {
            td.number { (entry.rank) }
            th scope="row" {
                (entry.miner_id)
                @if let Some(original) = &entry.copy_of {
                    span.note { " copy of " (original) }
                } @else if let Some(similar) = board.similar.get().and_then(|all| all.get(&entry.miner_id)) {
                    (similar_to(similar))
                }
            }
            td.number { (format!("{:.2}", entry.score)) }
            @for part in [entry.public_score, entry.private_score].into_iter().flatten() {
                td.number { (format!("{part:.2}")) }
            }
            td { @if let Some(interval) = entry.interval { (interval_bar(entry.score, interval)) } }
            td title=[entry.p_above.map(|p| format!("p {p:.4} against the rank above"))] { (entry.group) }
            td { (change(board.ranks_before.get(&entry.miner_id).copied(), entry.rank)) }
            td.number { (tao(entry.reward_rao)) }
            @if let Some(cost) = entry.cost_micro_usd { td.number { (dollars(cost)) } }
            td { (chart(scores, board.rounds)) }
        }
    }
}

/// Who holds the first place, and why.
fn gate(round: &Round) -> Markup {
    html! {
        @if let Some(gate) = &round.gate {
            section aria-labelledby="gate-title" {
                h2 #gate-title { "First place" }
                ul { @for sentence in gate.explanation(round.alpha) { li { (sentence) } } }
            }
        }
    }
}

/// A score in its interval, from 0 at the left to 100 at the right.
fn interval_bar(score: f64, interval: ScoreInterval) -> Markup {
    const HEIGHT: f64 = 12.0;
    let ScoreInterval { low, high } = interval;
    let at = |points: f64| format!("{:.1}", 2.0 + points.clamp(0.0, 100.0) * 0.92);
    html! {
        svg.interval width="96" height=(HEIGHT) viewBox=(format!("0 0 96 {HEIGHT}"))
            role="img" aria-label=(format!("from {low} to {high}")) {
            title { (low) " to " (high) }
            line x1=(at(low)) x2=(at(high)) y1="6" y2="6" {}
            circle cx=(at(score)) cy="6" r="2.5" {}
        }
    }
}

/// Names the earlier agent that this one is similar to. The figure is rounded down, so that 100 % means all.
fn similar_to(similar: &SimilarAgents) -> Markup {
    let earlier = &similar.earlier.miner_id;
    let percent = format!("{:.0} %", (similar.figures.similarity * 100.0).floor());
    let place = similar.passages.first().map(|passage| {
        let Passage { earlier: there, later: here, .. } = passage;
        format!(
            "; lines {} to {} here, {} to {} there",
            here.first, here.last, there.first, there.last
        )
    });
    let title = format!(
        "{percent} of the code of the smaller of both agents is in the other one too, apart from names and values; {earlier} had it first{}",
        place.unwrap_or_default()
    );
    html! { span.note title=(title) { " similar to " (earlier) " (" (percent) ")" } }
}

/// The amount with all nine decimals, so that the amounts in a column align.
fn tao(rao: u64) -> String {
    format!("{}.{:09}", rao / 1_000_000_000, rao % 1_000_000_000)
}

/// The change of rank since the round before.
fn change(before: Option<u32>, now: u32) -> Markup {
    let Some(before) = before else {
        return html! { span.change.new { "new" } };
    };
    match before.cmp(&now) {
        Ordering::Greater => html! {
            span.change.up { span aria-hidden="true" { "▲" } span.visually-hidden { "up" } " " (before - now) }
        },
        Ordering::Less => html! {
            span.change.down { span aria-hidden="true" { "▼" } span.visually-hidden { "down" } " " (now - before) }
        },
        Ordering::Equal => html! {
            span.change { span aria-hidden="true" { "–" } span.visually-hidden { "unchanged" } }
        },
    }
}

/// The scores as a line, oldest first, from 0 at the bottom to 100 at the top. The latest is at the right, and
/// a round has the same width in every row.
fn chart(scores: &[f64], rounds: usize) -> Markup {
    const WIDTH: f64 = 96.0;
    const HEIGHT: f64 = 24.0;
    let listed: Vec<_> = scores.iter().map(|score| format!("{score:.0}")).collect();
    #[expect(clippy::cast_precision_loss, reason = "at most twenty")]
    let (step, width) = {
        let step = (WIDTH - 6.0) / (rounds.max(2) - 1) as f64;
        (step, step * scores.len() as f64)
    };
    let mut at = WIDTH - 3.0 - width;
    let points: Vec<_> = scores
        .iter()
        .map(|score| {
            at += step;
            (at, HEIGHT - 3.0 - score.clamp(0.0, 100.0) / 100.0 * (HEIGHT - 6.0))
        })
        .collect();
    let line: Vec<_> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
    html! {
        svg.chart width=(WIDTH) height=(HEIGHT) viewBox=(format!("0 0 {WIDTH} {HEIGHT}"))
            role="img" aria-label=(format!("Scores, oldest first: {}", listed.join(", "))) {
            polyline points=(line.join(" ")) {}
            @if let Some((x, y)) = points.last() {
                circle cx=(format!("{x:.1}")) cy=(format!("{y:.1}")) r="2.5" {}
            }
        }
    }
}

fn pagination(q: &str, page: usize, pages: usize) -> Markup {
    let form = |page: usize, label: &str| {
        html! {
            form action="/" method="get" {
                input type="hidden" name="q" value=(q);
                input type="hidden" name="page" value=(page);
                button type="submit" { (label) }
            }
        }
    };
    html! {
        nav.pages aria-label="Pages" {
            @if page > 1 { (form(page - 1, "Previous")) }
            span { "Page " (page) " of " (pages) }
            @if page < pages { (form(page + 1, "Next")) }
        }
    }
}

fn stopped(round: &Round) -> Markup {
    html! {
        @if !round.stopped.is_empty() {
            section aria-labelledby="stopped-title" {
                h2 #stopped-title { "Stopped early" }
                ul { @for agent in &round.stopped { li { (agent.explanation(round)) } } }
            }
        }
    }
}

fn faults(board: &Board) -> Markup {
    let faults = &board.latest.round.faults;
    html! {
        @if !faults.is_empty() {
            section aria-labelledby="faults-title" {
                h2 #faults-title { "Faults" }
                p { "These trials have no verdict, because the arena failed and not the agent." }
                ul {
                    @for fault in faults {
                        li { (fault.miner_id) " on " (fault.task) ": " (fault.fault) }
                    }
                }
            }
        }
    }
}
