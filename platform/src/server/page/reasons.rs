//! The reasons of an agent's scores, for its owner: each trial with its failed cases, what it printed and used.

use maud::{Markup, html};
use tasks::Verdict;

use super::verdict::{badge, label};
use crate::api::{AgentResults, DisclosedTrial, dollars};
use crate::server::public_url::PublicUrl;

/// The content of the page.
pub(in crate::server) fn reasons(site: &PublicUrl, results: &AgentResults) -> Markup {
    let AgentResults { round, miner_id, agent_sha256, trials, faults } = results;
    let (failed, accepted): (Vec<_>, Vec<_>) =
        trials.iter().partition(|trial| trial.record.verdict != Verdict::Accepted);
    html! {
        h1 { "Why " (miner_id) " has its score" }
        dl.round {
            div { dt { "Agent" } dd { a href=(site.path_to(&format!("/agents/{miner_id}"))) { (miner_id) } } }
            div { dt { "Round" } dd { a href=(site.path_to(&format!("/rounds/{round}"))) { (round) } } }
            div { dt { "Version" } dd { code title=(agent_sha256) { (agent_sha256.short()) } } }
            div { dt { "Trials" } dd { (accepted.len()) " of " (trials.len()) " accepted" } }
        }
        @if failed.is_empty() && faults.is_empty() { p.empty { "Every answer was accepted." } }
        @for trial in &failed { (details(site, trial)) }
        @if !faults.is_empty() {
            section aria-labelledby="faults-title" {
                h2 #faults-title { "Not judged" }
                p { "The arena failed, and not the agent. These trials are run again." }
                ul { @for fault in faults { li { (fault.task) ": " (fault.fault) } } }
            }
        }
        @if !accepted.is_empty() {
            section aria-labelledby="accepted-title" {
                h2 #accepted-title { "Accepted" }
                @for trial in &accepted { (folded(trial)) }
            }
        }
    }
}

/// A trial that is not accepted, in full.
fn details(site: &PublicUrl, trial: &DisclosedTrial) -> Markup {
    let record = &trial.record;
    html! {
        section.trial {
            h2 {
                @if record.task.is_private() { (record.name()) }
                @else { a href=(site.path_to(&format!("/tasks/{}", record.task))) { (record.name()) } }
                " " (badge(record.verdict))
            }
            p { (label(record.verdict)) ", " (record.passed) " of " (record.total) " cases, score " (format!("{:.2}", record.score)) }
            (cases(trial))
            (output(trial))
        }
    }
}

/// The failed cases; those that failed alike together.
fn cases(trial: &DisclosedTrial) -> Markup {
    let failed = trial.record.failed_cases();
    html! {
        @if !failed.is_empty() {
            div.scroll role="region" aria-label=(format!("Failed cases of {}", trial.record.name())) tabindex="0" {
                table.cases {
                    thead { tr { th scope="col" { "Case" } th scope="col" { "Verdict" } th scope="col" { "What happened" } } }
                    tbody {
                        @for case in &failed {
                            tr { td { code { (case.names()) } } td { (case.verdict) } td { (case.detail) } }
                        }
                    }
                }
            }
        }
    }
}

/// What the agent used and printed.
fn output(trial: &DisclosedTrial) -> Markup {
    let record = &trial.record;
    let faults: Vec<_> =
        record.attempts.iter().filter_map(|attempt| attempt.fault.as_ref()).collect();
    html! {
        p.note {
            "Used " (record.wall_ms) " ms, of which " (record.cpu_ms) " ms on the processor, and "
            (record.peak_memory_bytes >> 20) " MiB of memory."
            @if let Some(model) = record.model {
                " Asked the model " (model.calls) " times for " (dollars(model.cost_micro_usd)) " USD."
            }
        }
        @if !faults.is_empty() {
            p.note { (record.attempts.len()) " attempts. Earlier ones ended in a fault of the arena:" }
            ul { @for fault in faults { li { (fault) } } }
        }
        (printed("stderr, its end", &record.stderr, record.stderr_truncated))
        (printed("stdout, the answer", &record.stdout, record.stdout_truncated))
    }
}

fn printed(name: &str, text: &str, truncated: bool) -> Markup {
    html! {
        @if !text.is_empty() {
            details {
                summary { (name) @if truncated { " (shortened)" } }
                pre tabindex="0" aria-label=(name) { code { (text) } }
            }
        }
    }
}

/// An accepted trial, folded.
fn folded(trial: &DisclosedTrial) -> Markup {
    let record = &trial.record;
    html! {
        details {
            summary { (record.name()) ", " (record.passed) " of " (record.total) " cases" }
            (output(trial))
        }
    }
}
