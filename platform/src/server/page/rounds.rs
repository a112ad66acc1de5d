//! The list of rounds, and the page of one.

use maud::{Markup, html};

use super::command::command;
use super::leaderboard::{RoundPage, ranking};
use super::round_facts::{facts, live_progress, time, verification};
use crate::api::{RoundListing, RoundStatus};
use crate::server::public_url::PublicUrl;

/// The list, newest first, and the link to the next page.
pub(in crate::server) fn rounds(
    site: &PublicUrl,
    rounds: &[RoundListing],
    next: Option<&str>,
) -> Markup {
    html! {
        h1 { "Rounds" }
        @if rounds.is_empty() {
            p.empty { "There has been no round yet. The validator starts one with:" }
            (command("Command to start a round", &format!(
                "arena evaluate --platform {} --validator-token-file FILE", site.url_to("")
            )))
        } @else {
            (table(site, rounds))
        }
        @if let Some(after) = next {
            nav.pages aria-label="Pages" {
                a.button rel="next" href=(site.path_to(&format!("/rounds?before={after}"))) { "Older rounds" }
            }
        }
        p { a href=(site.path_to("/rounds?format=json")) { "JSON" } " " a href=(site.path_to("/feed.atom")) { "Atom feed" } }
    }
}

fn table(site: &PublicUrl, rounds: &[RoundListing]) -> Markup {
    html! {
        div.scroll role="region" aria-labelledby="rounds-title" tabindex="0" {
            table #rounds {
                caption #rounds-title { "Rounds, newest first" }
                thead {
                    tr {
                        th scope="col" { "Round" }
                        th scope="col" { "State" }
                        th scope="col" { "Finished" }
                        th.number scope="col" { "Agents" }
                        th.number scope="col" { "Tasks" }
                        th scope="col" { "Best" }
                        th scope="col" { "Signed" }
                    }
                }
                tbody {
                    @for round in rounds {
                        tr {
                            th scope="row" { a href=(site.path_to(&format!("/rounds/{}", round.id))) { (round.id) } }
                            td { (state(round)) }
                            td { (time(round.finished_at)) }
                            td.number { (round.agents) }
                            td.number { (round.tasks) }
                            td { @if let Some(best) = &round.best { a href=(site.path_to(&format!("/agents/{best}"))) { (best) } } }
                            td { (if round.signed { "yes" } else { "no" }) }
                        }
                    }
                }
            }
        }
    }
}

fn state(round: &RoundListing) -> String {
    let mut state = match round.status {
        RoundStatus::Open => "open, standings".to_owned(),
        RoundStatus::Closed => "closed".to_owned(),
    };
    if round.partial {
        state.push_str(", partial");
    }
    if round.provisional {
        state.push_str(", provisional");
    }
    state
}

/// One round: its facts, its ranking, and how to verify it.
pub(in crate::server) fn round(page: RoundPage<'_>) -> Markup {
    let round = &page.board.rankings.round;
    html! {
        h1 { "Round " (round.id) }
        @if let Some(running) = page.running { (live_progress(page.site, running)) }
        @if round.status == RoundStatus::Open {
            p.notice { "This round is open. Its ranking shows standings, which change until it is closed." }
        }
        (facts(page.site, page.board))
        (ranking(page))
        (verification(page.site, page.board))
    }
}
