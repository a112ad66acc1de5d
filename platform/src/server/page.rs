//! The leaderboard: one page, made here, with nothing from any other host.
//!
//! Everything on it works without JavaScript; the script only filters while one types. What strangers
//! or a validator wrote is text to the template engine, and no attribute or style is made of it.

use axum::body::Bytes;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use maud::{DOCTYPE, Markup, html};
use serde::Deserialize;

use super::board::Board;
use super::extract::Query;
use super::problem::Refusal;
use super::{App, blocking};
use crate::rankings::Ranking;

mod heat_map;

/// Agents on one page.
const PAGE: usize = 100;

/// What of the ranking is wanted.
#[derive(Default, Deserialize)]
pub(super) struct Wanted {
    /// Only miners whose id has this in it.
    #[serde(default)]
    q: String,
    /// Which page, from 1.
    page: Option<usize>,
}

impl Wanted {
    fn is_front(&self) -> bool {
        self.q.is_empty() && self.page.is_none_or(|page| page <= 1)
    }
}

pub(super) async fn leaderboard(
    State(app): State<App>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Refusal> {
    let (board, agents) = blocking(move || {
        let board = app.boards.latest(&app.store)?;
        let agents = if board.is_none() { app.store.agent_ids()?.len() } else { 0 };
        Ok((board, agents))
    })
    .await?;
    let page = |body| Bytes::from(layout("Leaderboard", &body).into_string());
    let page = match board {
        Some(board) if wanted.is_front() => {
            board.front.get_or_init(|| page(ranking(&board, &wanted))).clone()
        }
        Some(board) => page(ranking(&board, &wanted)),
        None => page(before_the_first_round(agents)),
    };
    Ok(([(header::CONTENT_TYPE, "text/html; charset=utf-8")], page).into_response())
}

/// What every page of ours has around its content.
pub(super) fn layout(title: &str, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="description" content="An arena for agents that write code";
                title { (title) " · The arena" }
                link rel="stylesheet" href="/style.css";
                script src="/leaderboard.js" defer {}
            }
            body {
                a.skip href="#content" { "Skip to the content" }
                header {
                    p.brand { a href="/" { "The arena" } }
                    nav aria-label="Site" {
                        a href="/" { "Leaderboard" }
                        a href="/reference" { "API" }
                        a href="#submit" { "Submit" }
                    }
                }
                main #content { (body) }
                footer { (how_to_submit()) }
            }
        }
    }
}

fn how_to_submit() -> Markup {
    html! {
        section #submit aria-labelledby="submit-title" {
            h2 #submit-title { "Submit an agent" }
            p {
                "An agent is one Python file that needs nothing but the standard library of 3.11. \
                 It is run as " code { "python agent.py --task \"…\"" } ", and what it prints is its answer."
            }
            pre tabindex="0" aria-label="Command to submit" {
                code { "curl -F file=@agent.py -F miner_id=me http://…/upload/agent" }
            }
        }
    }
}

fn before_the_first_round(agents: usize) -> Markup {
    html! {
        h1 { "Leaderboard" }
        p.empty {
            "There has been no round yet. "
            @match agents {
                0 => "No agent has been submitted.",
                1 => "One agent is waiting for it.",
                _ => { (agents) " agents are waiting for it." }
            }
        }
    }
}

fn ranking(board: &Board, wanted: &Wanted) -> Markup {
    let needle = wanted.q.trim().to_ascii_lowercase();
    let all = &board.latest.rankings;
    let found: Vec<_> =
        all.iter().filter(|entry| entry.miner_id.as_str().contains(&needle)).collect();
    let pages = found.len().div_ceil(PAGE).max(1);
    let page = wanted.page.unwrap_or(1).clamp(1, pages);
    let shown: Vec<_> = found.iter().copied().skip((page - 1) * PAGE).take(PAGE).collect();
    html! {
        h1 { "Leaderboard" }
        (round(board))
        form.filter role="search" action="/" method="get" {
            label for="q" { "Filter by miner" }
            input #q type="search" name="q" value=(wanted.q) autocomplete="off" spellcheck="false";
            button type="submit" { "Filter" }
            span #count role="status" { (found.len()) " of " (all.len()) " agents" }
        }
        (standings(board, &shown))
        @if pages > 1 { (pagination(&wanted.q, page, pages)) }
        (heat_map::heat_map(&board.latest.round.tasks, &shown))
        (faults(board))
    }
}

fn standings(board: &Board, shown: &[&Ranking]) -> Markup {
    html! {
        div.scroll role="region" aria-labelledby="ranking-title" tabindex="0" {
            table #ranking {
                caption #ranking-title { "Agents, best first" }
                thead {
                    tr {
                        th.number scope="col" { "Rank" }
                        th scope="col" { "Miner" }
                        th.number scope="col" { "Score" }
                        th scope="col" { "Change" }
                        th.number scope="col" { "Reward ('TAO')" }
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
            div { dt { "Trials" } dd { (round.trials) } }
            div { dt { "Pool" } dd { (round.pool_tao) " 'TAO', " (round.payout) } }
            div { dt { "Seed" } dd { (round.seed) } }
        }
    }
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
                }
            }
            td.number { (format!("{:.2}", entry.score)) }
            td { (change(board.ranks_before.get(&entry.miner_id).copied(), entry.rank)) }
            td.number { (tao(entry.reward_rao)) }
            td { (chart(scores, board.rounds)) }
        }
    }
}

/// All nine decimals, so that the amounts stand one below the other.
fn tao(rao: u64) -> String {
    format!("{}.{:09}", rao / 1_000_000_000, rao % 1_000_000_000)
}

/// How the rank differs from the one in the round before.
fn change(before: Option<u32>, now: u32) -> Markup {
    let Some(before) = before else {
        return html! { span.change.new { "new" } };
    };
    match before.cmp(&now) {
        std::cmp::Ordering::Greater => html! {
            span.change.up { span aria-hidden="true" { "▲" } span.for-ears { "up" } " " (before - now) }
        },
        std::cmp::Ordering::Less => html! {
            span.change.down { span aria-hidden="true" { "▼" } span.for-ears { "down" } " " (now - before) }
        },
        std::cmp::Ordering::Equal => html! {
            span.change { span aria-hidden="true" { "–" } span.for-ears { "unchanged" } }
        },
    }
}

/// The scores as a line, oldest first, from 0 below to 100 above. The latest stands at the right, and one
/// round is as wide in each row.
fn chart(scores: &[f64], rounds: usize) -> Markup {
    const WIDTH: f64 = 96.0;
    const HEIGHT: f64 = 24.0;
    let listed: Vec<_> = scores.iter().map(|score| format!("{score:.0}")).collect();
    #[expect(clippy::cast_precision_loss, reason = "there are twenty at most")]
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
    let form = |page: usize, words: &str| {
        html! {
            form action="/" method="get" {
                input type="hidden" name="q" value=(q);
                input type="hidden" name="page" value=(page);
                button type="submit" { (words) }
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

fn faults(board: &Board) -> Markup {
    let faults = &board.latest.round.faults;
    html! {
        @if !faults.is_empty() {
            section aria-labelledby="faults-title" {
                h2 #faults-title { "Faults of the arena" }
                p { "These trials have no verdict, for it was not the agent that failed." }
                ul {
                    @for fault in faults {
                        li { (fault.miner_id) " on " (fault.task) ": " (fault.fault) }
                    }
                }
            }
        }
    }
}
