//! The tasks: a list, and a page for each.

use maud::{Markup, html};
use tasks::{Kind, TaskView};

use super::prompt::prompt;
use crate::server::board::{Board, TaskRate};
use crate::server::case_rates::CaseRate;
use crate::server::public_url::PublicUrl;

/// The list of tasks with their solve rates in the latest round.
pub(in crate::server) fn tasks(
    site: &PublicUrl,
    tasks: &[TaskView],
    board: Option<&Board>,
) -> Markup {
    let private = board.and_then(|board| board.rankings.round.private.as_ref());
    html! {
        h1 { "Tasks" }
        p { "An agent gets the prompt of a task and prints its answer. Most cases are hidden; those shown are examples." }
        div.scroll role="region" aria-labelledby="tasks-title" tabindex="0" {
            table #tasks {
                caption #tasks-title { (tasks.len()) " tasks" }
                thead {
                    tr {
                        th scope="col" { "Task" }
                        th scope="col" { "Title" }
                        th scope="col" { "Family" }
                        th.number scope="col" { "Weight" }
                        th.number scope="col" { "Cases" }
                        th.number scope="col" { "Solved" }
                    }
                }
                tbody {
                    @for task in tasks {
                        tr {
                            th scope="row" { a href=(site.path_to(&format!("/tasks/{}", task.id))) { (task.id) } }
                            td { (task.title) }
                            td { (task.family) }
                            td.number { (task.weight) }
                            td.number { (task.cases) }
                            td.number { @if let Some(rate) = rate(board, task) { (share(rate)) } }
                        }
                    }
                }
            }
        }
        @if let Some(private) = private {
            p { "The latest round has " (private.tasks) " private tasks of " (private.name) " as well. No one but the validator knows them." }
        }
        p { a href=(site.path_to("/tasks?format=json")) { "JSON" } }
    }
}

fn rate<'a>(board: Option<&'a Board>, task: &TaskView) -> Option<&'a TaskRate> {
    board?.rates.iter().find(|rate| rate.task == task.id)
}

/// `12 of 50 (24 %)`.
fn share(rate: &TaskRate) -> String {
    let percent = rate.solved().map(|solved| format!(" ({:.0} %)", (solved * 100.0).floor()));
    format!("{} of {}{}", rate.accepted, rate.judged, percent.unwrap_or_default())
}

/// What the page of a task shows.
#[derive(Clone, Copy)]
pub(in crate::server) struct TaskPage<'a> {
    /// Where the site is.
    pub(in crate::server) site: &'a PublicUrl,
    /// The task.
    pub(in crate::server) task: &'a TaskView,
    /// The latest round, if there was one.
    pub(in crate::server) board: Option<&'a Board>,
    /// The cases that most agents failed in it.
    pub(in crate::server) hardest: &'a [CaseRate],
}

/// One task.
pub(in crate::server) fn task(TaskPage { site, task, board, hardest }: TaskPage<'_>) -> Markup {
    html! {
        h1 { (task.title) }
        dl.round {
            div { dt { "Task" } dd { code { (task.id) } } }
            div { dt { "Family" } dd { (task.family) } }
            div { dt { "Weight" } dd { (task.weight) } }
            div { dt { "Cases" } dd { (task.cases) ", of which " (task.examples.len()) " are shown" } }
            div {
                dt { "Answer" }
                dd {
                    @match &task.kind {
                        Kind::Code { entry_point } => { "Python that defines " code { (entry_point) } },
                        Kind::Findings => "a list of findings as JSON",
                    }
                }
            }
            div { dt { "Download" } dd { a href=(site.path_to(&format!("/tasks/{}?format=json", task.id))) { "JSON" } } }
        }
        section aria-labelledby="prompt-title" {
            h2 #prompt-title { "Prompt" }
            div.prompt { (prompt(&task.prompt)) }
        }
        @if !task.examples.is_empty() { (examples(task)) }
        section aria-labelledby="rules-title" {
            h2 #rules-title { "Rules" }
            p { (task.scoring) }
            (limits(task))
        }
        @if let Some((board, rate)) = board.zip(rate(board, task)) {
            (solve_rate(site, board, rate))
            @if !hardest.is_empty() { (hardest_cases(hardest)) }
        }
    }
}

fn examples(task: &TaskView) -> Markup {
    html! {
        section {
            h2 #examples-title { "Examples" }
            div.scroll role="region" aria-labelledby="examples-title" tabindex="0" {
                table.examples {
                    thead { tr { th scope="col" { "Call" } th scope="col" { "Expected" } } }
                    tbody {
                        @for example in &task.examples {
                            tr { td { code { (example.call) } } td { code { (example.expected) } } }
                        }
                    }
                }
            }
        }
    }
}

fn limits(task: &TaskView) -> Markup {
    let limits = &task.limits;
    let seconds = |ms: u64| format!("{} s", ms / 1_000);
    let mebibytes = |bytes: u64| format!("{} MiB", bytes >> 20);
    let rows = [
        ("Printing the answer, wall-clock time", seconds(limits.agent_wall_ms)),
        ("Loading the answer and each call, CPU time", seconds(limits.call_cpu_ms)),
        ("All calls together, wall-clock time", seconds(limits.calls_wall_ms)),
        ("Calls that may exceed their time", limits.call_timeouts.to_string()),
        ("Answer", format!("{} KiB", limits.answer_bytes >> 10)),
        ("Memory", mebibytes(limits.memory_bytes)),
        ("Work directory", mebibytes(limits.work_bytes)),
        ("Processes and threads", limits.pids.to_string()),
        ("Processors", format!("{}.{:03}", limits.cpu_millis / 1_000, limits.cpu_millis % 1_000)),
    ];
    html! {
        dl.facts { @for (name, value) in rows { dt { (name) } dd { (value) } } }
    }
}

/// How the agents of the latest round did.
fn solve_rate(site: &PublicUrl, board: &Board, rate: &TaskRate) -> Markup {
    let round = &board.rankings.round;
    html! {
        section aria-labelledby="rate-title" {
            h2 #rate-title { "In round " a href=(site.path_to(&format!("/rounds/{}", round.id))) { (round.id) } }
            p { (share(rate)) " agents solved it; the mean score is " (format!("{:.2}", rate.mean)) "." }
        }
    }
}

/// The cases that most agents failed. The names of hidden ones say nothing about their inputs.
fn hardest_cases(cases: &[CaseRate]) -> Markup {
    html! {
        section aria-labelledby="cases-title" {
            h2 #cases-title { "Hardest cases" }
            table.facts {
                thead { tr { th scope="col" { "Case" } th.number scope="col" { "Failed" } } }
                tbody {
                    @for CaseRate { name, failed, judged } in cases {
                        tr { td { code { (name) } } td.number { (failed) " of " (judged) } }
                    }
                }
            }
        }
    }
}
