//! What is stored of a trial, and how much of it a report discloses.

use platform::MinerId;
use platform::api::TaskScore;
use serde::{Deserialize, Serialize};
use tasks::{Seed, Sha256, TaskId, Verdict};

use crate::choice::choices;

/// The outcome of a trial, as its file stores it. It does not name the miner: two miners with the same agent share it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrialRecord {
    /// The agent, by its source
    pub agent_sha256: Sha256,
    /// The task
    pub task: TaskId,
    /// The round's seed; left out of the report of an open round
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<Seed>,
    /// The verdict of the first case that is not accepted
    pub verdict: Verdict,
    /// 100 x passed cases / cases, two decimals
    pub score: f64,
    /// Cases that were accepted
    pub passed: u32,
    /// Cases in all
    pub total: u32,
    /// Each case
    pub cases: Vec<CaseResult>,
    /// Wall-clock time of the agent and of all calls, in milliseconds
    pub wall_ms: u64,
    /// CPU time of the same, in milliseconds
    pub cpu_ms: u64,
    /// Largest resident size of any one process, in bytes
    pub peak_memory_bytes: u64,
    /// What the agent printed, up to the limit of an answer
    pub stdout: String,
    /// The end of what it wrote to stderr
    pub stderr: String,
    /// Whether it printed more
    pub stdout_truncated: bool,
    /// Whether it wrote more to stderr
    pub stderr_truncated: bool,
    /// Every attempt, in order. All but the last ended in a fault.
    pub attempts: Vec<Attempt>,
}

/// One case of a trial.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseResult {
    /// The case's name
    pub name: String,
    /// Its verdict
    pub verdict: Verdict,
    /// The kind of failure, which the miner may always see
    pub detail: String,
    /// What happened and what should have happened, in full. It is kept here until [`Disclose`] decides who may see it
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explanation: Option<Explanation>,
    /// The smallest other input that fails as well, explained
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counterexample: Option<String>,
}

/// What happened in a case and what should have happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Explanation {
    /// Of a public case, from a container that never held a hidden input
    Public(String),
    /// Of a hidden case, whose input it would reveal, or from a container that held hidden inputs
    Hidden(String),
}

/// How much of failed cases a report discloses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Disclose {
    /// Verdicts only
    None,
    /// Public cases in full, and the smallest failing input that was found for hidden ones
    #[default]
    Public,
    /// Every case in full
    All,
}

choices!(Disclose, "a level of disclosure", None: "none", Public: "public", All: "all");

/// One attempt at a trial.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// The fault that ended it; none if it ended with a verdict.
    pub fault: Option<String>,
}

/// A trial record together with the miner: one entry of `trials` in the JSON of `check` and `evaluate`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MinerTrial {
    /// Who submitted the agent
    pub miner_id: MinerId,
    /// The key of the record: the digest of everything that decided it. Left out of the report of an open round, because
    /// a guess of the seed could be tested against it
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Sha256>,
    /// The record
    #[serde(flatten)]
    pub record: TrialRecord,
}

impl Explanation {
    /// The same, for the validator only.
    #[must_use]
    pub fn withheld(self) -> Self {
        let (Self::Public(text) | Self::Hidden(text)) = self;
        Self::Hidden(text)
    }
}

impl CaseResult {
    /// A case without an explanation.
    pub fn new(name: &str, verdict: Verdict, detail: impl Into<String>) -> Self {
        let (name, detail) = (name.to_owned(), detail.into());
        Self { name, verdict, detail, explanation: None, counterexample: None }
    }

    /// Returns the case with as much in its detail as may be disclosed, and nothing more.
    #[must_use]
    pub fn disclosed(self, disclose: Disclose) -> Self {
        let mut detail = self.detail;
        match (disclose, self.explanation) {
            (Disclose::Public | Disclose::All, Some(Explanation::Public(text)))
            | (Disclose::All, Some(Explanation::Hidden(text))) => detail = text,
            _ => {}
        }
        if let Some(text) = self.counterexample
            && disclose != Disclose::None
        {
            detail = format!("{detail}; this fails too: {text}");
        }
        Self::new(&self.name, self.verdict, detail)
    }
}

impl TrialRecord {
    /// What rankings need of it.
    pub fn score(&self) -> TaskScore {
        TaskScore {
            verdict: self.verdict,
            score: self.score,
            passed: self.passed,
            total: self.total,
        }
    }

    /// Returns the record with as much about its cases as may be disclosed.
    #[must_use]
    pub fn disclosed(mut self, disclose: Disclose) -> Self {
        let cases = std::mem::take(&mut self.cases);
        self.cases = cases.into_iter().map(|case| case.disclosed(disclose)).collect();
        self
    }

    /// Every case: its name, the code of its verdict, and what happened.
    pub fn case_lines(&self) -> impl Iterator<Item = (&str, &'static str, &str)> {
        self.cases.iter().map(|case| (&*case.name, case.verdict.code(), &*case.detail))
    }

    /// The cases that are not accepted; those that failed alike together.
    pub fn failed_cases(&self) -> Vec<FailedCases> {
        let mut failed: Vec<FailedCases> = Vec::new();
        for case in self.cases.iter().filter(|case| case.verdict.is_wrong()) {
            let (verdict, detail) = (case.verdict.code(), &case.detail);
            match failed.iter_mut().find(|f| (f.verdict, &f.detail) == (verdict, detail)) {
                Some(alike) => alike.count += 1,
                None => failed.push(FailedCases {
                    first: case.name.clone(),
                    count: 1,
                    verdict,
                    detail: detail.clone(),
                }),
            }
        }
        failed
    }

    /// The last lines that the agent wrote to stderr, escaped, so that it cannot move the cursor of a terminal.
    pub fn stderr_tail(&self) -> Vec<String> {
        let tail: Vec<_> = self.stderr.lines().rev().take(STDERR_LINES).collect();
        tail.into_iter().rev().map(|line| line.escape_debug().to_string()).collect()
    }

    /// What a miner needs to see of a trial that is not accepted, in plain lines.
    pub fn failure(&self) -> String {
        use std::fmt::Write as _;
        let Self { task, verdict, passed, total, .. } = self;
        let mut text = format!("{task}: {verdict}, {passed} of {total} cases\n");
        for case in self.failed_cases() {
            let _ = writeln!(text, "  {} {}: {}", case.verdict, case.names(), case.detail);
        }
        let tail = self.stderr_tail();
        if !tail.is_empty() {
            text.push_str("  stderr ends:\n");
        }
        for line in tail {
            let _ = writeln!(text, "    {line}");
        }
        text
    }
}

/// Lines of stderr that are shown of a failed trial.
const STDERR_LINES: usize = 10;

/// Cases that failed alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedCases {
    /// The name of the first one
    pub first: String,
    /// How many there are
    pub count: usize,
    /// The verdict's code
    pub verdict: &'static str,
    /// What happened
    pub detail: String,
}

impl FailedCases {
    /// `example_1`, or `example_1 and 3 more calls`.
    pub fn names(&self) -> String {
        let first = &self.first;
        match self.count - 1 {
            0 => first.clone(),
            1 => format!("{first} and 1 more call"),
            more => format!("{first} and {more} more calls"),
        }
    }
}
