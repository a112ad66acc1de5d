//! The verdict of each agent on each task. A separate table, because there are many tasks and the ranking has to stay
//! readable.
//!
//! A cell per verdict would be thousands of elements. A row is one drawing instead: a path for each kind of failure, and
//! its letters.

use std::fmt::Write as _;

use maud::{Markup, PreEscaped, html};
use tasks::{TaskId, Verdict};

use super::verdict::{FAILURES, label};
use crate::api::{Ranking, Round};
use crate::server::board::Board;
use crate::server::public_url::PublicUrl;

/// The width of a cell, in pixels. The style sheet has the same.
const CELL: usize = 16;
/// Failures that the text alternative of a row names.
const NAMED: usize = 8;

pub(super) fn heat_map(site: &PublicUrl, board: &Board, shown: &[&Ranking]) -> Markup {
    let round = &board.rankings.round;
    let tasks: Vec<_> = board.rates.iter().map(|rate| &rate.task).collect();
    html! {
        section #heat {
            h2 #verdicts-title { "Verdicts by task" }
            p.note { "The tasks that most agents fail come first. An empty cell is an accepted answer." }
            (legend())
            div.scroll.tall role="region" aria-labelledby="verdicts-title" tabindex="0" {
                table #verdicts {
                    thead {
                        tr {
                            th scope="col" { "Agent" }
                            th.names scope="col" {
                                @for task in &tasks {
                                    a href=(site.path_to(&format!("/tasks/{task}"))) title=[private_name(round, task)] { (task) }
                                }
                            }
                        }
                    }
                    tbody {
                        @for entry in shown {
                            tr data-miner=(entry.miner_id) {
                                th scope="row" {
                                    a href=(site.path_to(&format!("/agents/{}", entry.miner_id))) { (entry.miner_id) }
                                }
                                td { (strip(entry, &tasks)) }
                            }
                        }
                    }
                }
            }
            output #cell {}
        }
    }
}

/// What a private task belongs to.
fn private_name(round: &Round, task: &TaskId) -> Option<String> {
    let private = round.private.as_ref().filter(|_| task.is_private())?;
    Some(format!("a private task of {}", private.name))
}

/// The kind of a cell that is not an accepted answer: the class of its path, and its letter.
type CellKind = (&'static str, char);

/// A trial without a verdict.
const FAULT: CellKind = ("none", '?');

fn kind(verdict: Option<Verdict>) -> Option<CellKind> {
    match verdict {
        None => Some(FAULT),
        Some(Verdict::Accepted) => None,
        Some(Verdict::WrongAnswer) => Some(("wa", 'W')),
        Some(Verdict::RuntimeError) => Some(("re", 'R')),
        Some(Verdict::TimeLimit) => Some(("tle", 'T')),
        Some(Verdict::MemoryLimit) => Some(("mle", 'M')),
        Some(Verdict::OutputLimit) => Some(("ole", 'O')),
        Some(Verdict::NoSolution) => Some(("ns", 'N')),
    }
}

/// The verdicts of an agent, in the order of the tasks.
fn strip(entry: &Ranking, tasks: &[&TaskId]) -> Markup {
    let verdicts: Vec<_> =
        tasks.iter().map(|task| entry.tasks.get(*task).map(|score| score.verdict)).collect();
    let mut paths: Vec<(&'static str, String)> = Vec::new();
    let (mut places, mut letters) = (String::new(), String::new());
    for (column, kind) in verdicts.iter().map(|verdict| kind(*verdict)).enumerate() {
        let Some((class, letter)) = kind else { continue };
        let index = paths.iter().position(|(of, _)| *of == class).unwrap_or_else(|| {
            paths.push((class, String::new()));
            paths.len() - 1
        });
        let _ = write!(paths[index].1, "M{} 9h{}", column * CELL + 1, CELL - 1);
        let _ = write!(places, "{} ", column * CELL + CELL / 2);
        letters.push(letter);
    }
    html! {
        svg.strip width=(tasks.len() * CELL + 1) height="18" role="img" aria-label=(summary(entry, tasks, &verdicts)) {
            @for (class, path) in &paths { path class=(class) d=(path) {} }
            @if !letters.is_empty() { text x=(places.trim_end()) y="13" { (PreEscaped(letters)) } }
        }
    }
}

/// The same in words.
fn summary(entry: &Ranking, tasks: &[&TaskId], verdicts: &[Option<Verdict>]) -> String {
    let failed: Vec<_> = tasks
        .iter()
        .zip(verdicts)
        .filter(|(_, verdict)| **verdict != Some(Verdict::Accepted))
        .map(|(task, verdict)| format!("{task} {}", verdict.map_or("fault", Verdict::code)))
        .collect();
    let accepted = tasks.len() - failed.len();
    let mut text = format!("{}: {accepted} of {} accepted", entry.miner_id, tasks.len());
    if !failed.is_empty() {
        let _ = write!(text, "; {}", failed[..failed.len().min(NAMED)].join(", "));
    }
    if failed.len() > NAMED {
        let _ = write!(text, " and {} more", failed.len() - NAMED);
    }
    text
}

/// The meaning of colours and letters. Each choice leaves only the agents with such a failure.
fn legend() -> Markup {
    let choice = |class: &'static str, letter: char, label: &str| {
        html! {
            label { input type="radio" name="verdict" value=(class); span class={ "key " (class) } { (letter) } (label) }
        }
    };
    html! {
        fieldset.legend {
            legend { "Show agents with" }
            label { input type="radio" name="verdict" value="all" checked; "any verdict" }
            @for verdict in FAILURES {
                @if let Some((class, letter)) = kind(Some(verdict)) { (choice(class, letter, label(verdict))) }
            }
            (choice(FAULT.0, FAULT.1, "fault of the arena"))
        }
    }
}
