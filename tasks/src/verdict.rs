//! The verdicts: what can be said of an agent's doing, in the words of programming contests.
//!
//! A failure of the arena itself is never one of these; the harness calls that a fault.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The verdict of a case or of a trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Verdict {
    /// Accepted.
    #[serde(rename = "AC")]
    Accepted,
    /// Wrong answer: it ran, and its value is not the right one.
    #[serde(rename = "WA")]
    WrongAnswer,
    /// Runtime error: it raised, crashed or ended by itself.
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
    /// No solution: nothing that could be judged was answered.
    #[serde(rename = "NS")]
    NoSolution,
}

impl Verdict {
    /// The two- or three-letter form, as in JSON.
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

    /// Whether this is any verdict but accepted.
    pub const fn is_wrong(self) -> bool {
        !matches!(self, Self::Accepted)
    }

    /// The verdict of a trial from those of its cases: accepted when all are, else the first other
    /// one.
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
    fn a_trial_has_the_verdict_of_its_first_case_that_is_not_accepted() {
        assert_eq!(Verdict::of_cases([Accepted, Accepted]), Accepted);
        assert_eq!(Verdict::of_cases([Accepted, TimeLimit, WrongAnswer]), TimeLimit);
    }

    #[test]
    fn the_code_is_what_json_says() {
        assert_eq!(serde_json::to_string(&TimeLimit).unwrap(), format!("\"{TimeLimit}\""));
    }
}
