//! The verdict of each agent on each task. A separate table, because there are many tasks and the ranking has to
//! stay readable.

use maud::{Markup, html};
use tasks::{TaskId, Verdict};

use crate::api::{Ranking, Round, TaskScore};

pub(super) fn heat_map(round: &Round, shown: &[&Ranking]) -> Markup {
    let tasks = &round.tasks;
    html! {
        h2 #verdicts-title { "Verdicts by task" }
        (legend())
        div.scroll role="region" aria-labelledby="verdicts-title" tabindex="0" {
            table #verdicts {
                thead {
                    tr {
                        th scope="col" { "Miner" }
                        @for task in tasks {
                            th.task scope="col" title=[private_name(round, task)] { span { (task) } }
                        }
                    }
                }
                tbody {
                    @for entry in shown {
                        tr data-miner=(entry.miner_id) {
                            th scope="row" { (entry.miner_id) }
                            @for task in tasks { (cell(task, entry.tasks.get(task))) }
                        }
                    }
                }
            }
        }
    }
}

/// What a private task belongs to.
fn private_name(round: &Round, task: &TaskId) -> Option<String> {
    let private = round.private.as_ref().filter(|_| task.is_private())?;
    Some(format!("a private task of {}", private.name))
}

/// One trial's verdict, in letters as well as in colour.
fn cell(task: &TaskId, score: Option<&TaskScore>) -> Markup {
    let Some(score) = score else {
        return html! { td.verdict.none { abbr title=(format!("{task}: the arena failed")) { "fault" } } };
    };
    let verdict = score.verdict;
    let fraction = format!("{}/{}", score.passed, score.total);
    html! {
        td class={ "verdict " (verdict.code().to_ascii_lowercase()) } {
            abbr title=(format!("{task}: {}, {fraction} cases", label(verdict))) { (verdict.code()) }
            " " span.cases { (fraction) }
        }
    }
}

fn legend() -> Markup {
    const ALL: [Verdict; 7] = [
        Verdict::Accepted,
        Verdict::WrongAnswer,
        Verdict::RuntimeError,
        Verdict::TimeLimit,
        Verdict::MemoryLimit,
        Verdict::OutputLimit,
        Verdict::NoSolution,
    ];
    html! {
        dl.legend {
            @for verdict in ALL {
                div {
                    dt class={ "verdict " (verdict.code().to_ascii_lowercase()) } { (verdict.code()) }
                    dd { (label(verdict)) }
                }
            }
        }
    }
}

fn label(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Accepted => "accepted",
        Verdict::WrongAnswer => "wrong answer",
        Verdict::RuntimeError => "runtime error",
        Verdict::TimeLimit => "time limit exceeded",
        Verdict::MemoryLimit => "memory limit exceeded",
        Verdict::OutputLimit => "output limit exceeded",
        Verdict::NoSolution => "no solution",
    }
}
