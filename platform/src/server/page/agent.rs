//! The page of an agent: its scores over rounds, its families, its verdicts, its versions.

use maud::{Markup, html};
use tasks::TaskId;

use super::chart::{ScorePoint, score_bar, score_chart};
use super::command::command;
use super::leaderboard::similar_to;
use super::round_facts::{tao, time};
use super::verdict::{badge, label};
use crate::api::{
    AgentHistory, JudgedSubmission, MinerId, Ranking, SubmissionOutcome, SubmissionStatus,
    TaskScore,
};
use crate::server::board::Board;
use crate::server::public_url::PublicUrl;

/// What the page of an agent shows.
#[derive(Clone, Copy)]
pub(in crate::server) struct AgentPage<'a> {
    /// Where the site is.
    pub(in crate::server) site: &'a PublicUrl,
    /// The agent.
    pub(in crate::server) agent: &'a AgentHistory,
    /// Where its current version stands.
    pub(in crate::server) status: &'a SubmissionStatus,
    /// The latest round, if there was one.
    pub(in crate::server) board: Option<&'a Board>,
}

/// The content of the page.
pub(in crate::server) fn agent(page: AgentPage<'_>) -> Markup {
    let AgentPage { site, agent, board, .. } = page;
    let miner_id = &agent.current.miner_id;
    let entry = board.and_then(|board| entry(board, miner_id));
    html! {
        h1 {
            (miner_id)
            @if let Some(name) = &agent.current.display_name { " " bdi.note { (name) } }
        }
        @if let Some(url) = &agent.current.url {
            p { a href=(url) rel="nofollow noopener noreferrer ugc" { (url) } }
        }
        @if let Some(at) = agent.current.withdrawn_at {
            p.notice { "Its owner withdrew this agent at " (time(at)) ". It is not judged any more." }
        } @else {
            (status(page))
        }
        @if let Some((board, entry)) = board.zip(entry) {
            (place(site, board, entry))
            (history(site, board, entry))
            (families(entry))
            (verdicts(site, board, entry))
        }
        (reasons(site, miner_id))
        (versions(agent))
    }
}

/// Whether the current version is judged, and when it will be.
fn status(AgentPage { site, status, .. }: AgentPage<'_>) -> Markup {
    let SubmissionStatus {
        version, queued_since, judged_in, running, next_round_expected_at, ..
    } = status;
    let not_judged = |judged: &&JudgedSubmission| judged.outcome == SubmissionOutcome::NotJudged;
    html! {
        p.notice {
            "Version " (version) ", "
            @match (queued_since, judged_in) {
                (None, Some(judged)) => {
                    "judged in round " a href=(site.path_to(&format!("/rounds/{}", judged.round))) { (judged.round) }
                    @if judged.outcome == SubmissionOutcome::Stopped { ", where it was stopped before all its trials" }
                    "."
                },
                (Some(since), _) => {
                    "waiting since " (time(*since)) "."
                    @if *running { " The round that runs now judges it." }
                    @else if let Some(expected) = next_round_expected_at {
                        " The next round is expected at " (time(*expected)) "."
                    }
                    @if let Some(judged) = judged_in.as_ref().filter(not_judged) {
                        " Round " (judged.round) " could not judge it, because the arena failed; its trials are run again."
                    }
                },
                (None, None) => "not judged yet.",
            }
        }
    }
}

/// The agent's entry in a round.
fn entry<'a>(board: &'a Board, miner_id: &MinerId) -> Option<&'a Ranking> {
    board.rankings.rankings.iter().find(|entry| entry.miner_id == *miner_id)
}

/// Rank, score and reward.
fn place(site: &PublicUrl, board: &Board, entry: &Ranking) -> Markup {
    let round = &board.rankings.round;
    let similar = board.similar.get().and_then(|all| all.get(&entry.miner_id));
    html! {
        dl.round {
            div { dt { "Round" } dd { a href=(site.path_to(&format!("/rounds/{}", round.id))) { (round.id) } } }
            div { dt { "Rank" } dd { (entry.rank) " of " (board.rankings.rankings.len()) } }
            div {
                dt { "Score" }
                dd {
                    (format!("{:.2}", entry.score))
                    @if let Some(interval) = entry.interval { ", 95 % interval " (interval.low) " to " (interval.high) }
                }
            }
            div { dt { "Group" } dd { (entry.group) } }
            div { dt { "Reward" } dd { (tao(entry.reward_rao)) } }
            @if let Some(original) = &entry.copy_of {
                div {
                    dt { "Copy" }
                    dd { "of " a href=(site.path_to(&format!("/agents/{original}"))) { (original) } "; copies earn nothing" }
                }
            } @else if let Some(similar) = similar {
                div { dt { "Similar" } dd { (similar_to(similar)) } }
            }
        }
    }
}

/// The scores over rounds.
fn history(site: &PublicUrl, board: &Board, entry: &Ranking) -> Markup {
    let link = |id: &str| site.path_to(&format!("/rounds/{id}"));
    let mut points: Vec<_> = board
        .earlier
        .iter()
        .filter_map(|round| {
            let place = round.places.get(&entry.miner_id)?;
            Some(ScorePoint {
                round: round.listing.id.clone(),
                link: link(&round.listing.id),
                score: place.score,
                interval: place.interval,
                rank: place.rank,
            })
        })
        .collect();
    let round = &board.rankings.round.id;
    points.push(ScorePoint {
        round: round.clone(),
        link: link(round),
        score: entry.score,
        interval: entry.interval,
        rank: entry.rank,
    });
    html! {
        section aria-labelledby="history-title" {
            h2 #history-title { "Scores so far" }
            (score_chart(&points))
        }
    }
}

/// The score within each family.
fn families(entry: &Ranking) -> Markup {
    html! {
        @if !entry.families.is_empty() {
            section aria-labelledby="families-title" {
                h2 #families-title { "Families" }
                table.facts {
                    thead { tr { th scope="col" { "Family" } th.number scope="col" { "Score" } th { span.visually-hidden { "Bar" } } } }
                    tbody {
                        @for (family, score) in &entry.families {
                            tr { th scope="row" { (family) } td.number { (format!("{score:.2}")) } td { (score_bar(*score)) } }
                        }
                    }
                }
            }
        }
    }
}

/// The verdict on each task, failures first.
fn verdicts(site: &PublicUrl, board: &Board, entry: &Ranking) -> Markup {
    let mut tasks: Vec<(&TaskId, _)> =
        board.rankings.round.tasks.iter().map(|task| (task, entry.tasks.get(task))).collect();
    let points = |score: Option<&TaskScore>| score.map_or(-1.0, |score| score.score);
    tasks.sort_by(|(_, a), (_, b)| points(*a).total_cmp(&points(*b)));
    html! {
        section {
            h2 #tasks-title { "Verdicts" }
            div.scroll role="region" aria-labelledby="tasks-title" tabindex="0" {
                table #verdicts {
                    thead {
                        tr {
                            th scope="col" { "Task" }
                            th scope="col" { "Verdict" }
                            th.number scope="col" { "Cases" }
                            th.number scope="col" { "Score" }
                        }
                    }
                    tbody {
                        @for (task, score) in tasks {
                            tr {
                                th scope="row" {
                                    @if task.is_private() { (task) } @else { a href=(site.path_to(&format!("/tasks/{task}"))) { (task) } }
                                }
                                @match score {
                                    Some(score) => {
                                        td { (badge(score.verdict)) " " (label(score.verdict)) }
                                        td.number { (score.passed) " of " (score.total) }
                                        td.number { (format!("{:.2}", score.score)) }
                                    },
                                    None => td colspan="3" { "not judged: the arena failed" },
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The way to the reasons, for the owner.
fn reasons(site: &PublicUrl, miner_id: &MinerId) -> Markup {
    html! {
        section #why aria-labelledby="why-title" {
            h2 #why-title { "Why?" }
            p {
                "The owner of this agent can see why each case failed. Its token came with the first upload; "
                code { "arena upload" } " and " code { "arena mine" } " keep it."
            }
            form.filter action=(site.path_to(&format!("/agents/{miner_id}/reasons"))) method="post" {
                label for="token" { "Token" }
                input #token type="password" name="token" required autocomplete="off" spellcheck="false";
                button type="submit" { "Show the reasons" }
            }
            p { "The same in a terminal:" }
            (command("Command to see the reasons", &format!("arena status --platform {} --miner {miner_id}", site.url_to(""))))
        }
    }
}

fn versions(agent: &AgentHistory) -> Markup {
    let current = &agent.current;
    html! {
        section {
            h2 #versions-title { "Versions" }
            div.scroll role="region" aria-labelledby="versions-title" tabindex="0" {
                table.facts {
                    thead {
                        tr {
                            th.number scope="col" { "Version" }
                            th scope="col" { "Uploaded" }
                            th.number scope="col" { "Bytes" }
                            th scope="col" { "SHA-256" }
                        }
                    }
                    tbody {
                        tr {
                            td.number { (current.version) }
                            td { (time(current.uploaded_at)) }
                            td.number { (current.size) }
                            td { code title=(current.sha256) { (current.sha256.short()) } }
                        }
                        @for version in agent.history.iter().rev().take(SHOWN_VERSIONS) {
                            tr {
                                td.number { (version.version) }
                                td { (time(version.uploaded_at)) }
                                td.number { (version.size) }
                                td { code title=(version.sha256) { (version.sha256.short()) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The number of earlier versions that the page lists.
const SHOWN_VERSIONS: usize = 50;
