//! Verdicts in words and colours.

use maud::{Markup, html};
use tasks::Verdict;

/// Every verdict but the accepted one, in the order of the legend.
pub(super) const FAILURES: [Verdict; 6] = [
    Verdict::WrongAnswer,
    Verdict::RuntimeError,
    Verdict::TimeLimit,
    Verdict::MemoryLimit,
    Verdict::OutputLimit,
    Verdict::NoSolution,
];

/// A verdict in words.
pub(super) fn label(verdict: Verdict) -> &'static str {
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

/// A verdict as a coloured word.
pub(super) fn badge(verdict: Verdict) -> Markup {
    html! { span class={ "key " (verdict.code().to_ascii_lowercase()) } title=(label(verdict)) { (verdict.code()) } }
}
