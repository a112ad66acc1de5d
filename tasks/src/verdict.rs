//! Verdicts: the outcome of a case or a trial, in the terms of programming contests.
//!
//! A failure of the arena itself is never a verdict; the harness reports it as a fault.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The verdict of a case or of a trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Verdict {
    /// Accepted.
    #[serde(rename = "AC")]
    Accepted,
    /// Wrong answer: the call returned a wrong value.
    #[serde(rename = "WA")]
    WrongAnswer,
    /// Runtime error: the call raised, crashed or exited.
    #[serde(rename = "RE")]
    RuntimeError,
    /// Time limit exceeded.
    #[serde(rename = "TLE")]
    TimeLimit,
    /// Memory limit exceeded.
    #[serde(rename = "MLE")]
    MemoryLimit,
    /// Output limit exceeded: the answer or a returned value was too large.
    #[serde(rename = "OLE")]
    OutputLimit,
    /// No solution: the agent printed no answer that can be judged.
    #[serde(rename = "NS")]
    NoSolution,
}

impl Verdict {
    /// Returns the two- or three-letter code, as in JSON.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Accepted => "AC",
            Self::WrongAnswer => "WA",
            Self::RuntimeError => "RE",
            Self::TimeLimit => "TLE",
            Self::MemoryLimit => "MLE",
            Self::OutputLimit => "OLE",
            Self::NoSolution => "NS",
        }
    }

    /// Returns whether this is any verdict but accepted.
    pub const fn is_wrong(self) -> bool {
        !matches!(self, Self::Accepted)
    }

    /// Returns the verdict of a trial: accepted if all its cases are, else the first other verdict.
    pub fn of_cases(cases: impl IntoIterator<Item = Self>) -> Self {
        cases.into_iter().find(|verdict| *verdict != Self::Accepted).unwrap_or(Self::Accepted)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.code())
    }
}

#[cfg(test)]
mod tests {
    use super::Verdict::{self, Accepted, TimeLimit, WrongAnswer};

    #[test]
    fn trial_verdict_is_that_of_its_first_failed_case() {
        assert_eq!(Verdict::of_cases([Accepted, Accepted]), Accepted);
        assert_eq!(Verdict::of_cases([Accepted, TimeLimit, WrongAnswer]), TimeLimit);
    }

    #[test]
    fn json_and_display_agree() {
        assert_eq!(serde_json::to_string(&TimeLimit).unwrap(), format!("\"{TimeLimit}\""));
    }
}
