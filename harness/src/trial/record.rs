//! What is stored of a trial, and how much of it a report discloses.

use platform::MinerId;
use platform::api::{
    AnswerOrigin, Attempt, DisclosedCase, DisclosedRecord, ModelUsage, TaskScore, first_repetition,
    is_first_repetition,
};
use serde::{Deserialize, Serialize};
use tasks::{Seed, Sha256, TaskId, Verdict};

use crate::choice::choices;

/// The outcome of a trial, as its file stores it. It does not name the miner: two miners with the same agent share it.
/// What a report has of it is a [`DisclosedRecord`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrialRecord {
    /// The agent, by its source
    pub agent_sha256: Sha256,
    /// The task
    pub task: TaskId,
    /// The round's seed; left out of the report of an open round
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<Seed>,
    /// Which of the agent's trials on the task, from 1; left out if it is the first
    #[serde(default = "first_repetition", skip_serializing_if = "is_first_repetition")]
    pub repetition: u32,
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
    /// What its requests to the model used, if it had one
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<ModelUsage>,
    /// Every attempt, in order. All but the last ended in a fault.
    pub attempts: Vec<Attempt>,
    /// Where the answer comes from. Left out of the report of an open round, because a guess of the seed could be tested
    /// against the prompt
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<AnswerOrigin>,
}

/// One case of a trial.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseResult {
    /// The case's name
    pub name: String,
    /// Its verdict
    pub verdict: Verdict,
    /// The kind of failure
    pub detail: String,
    /// Whether verdict and detail may depend on an input that the miner may not know
    pub secret: bool,
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
    /// The verdicts of public cases, and which hidden cases passed
    None,
    /// Public cases in full, which hidden cases passed, and the smallest failing input that was found for them
    #[default]
    Public,
    /// Every case in full, and what the trial used to the millisecond
    All,
}

choices!(Disclose, "a level of disclosure", None: "none", Public: "public", All: "all");

/// A trial record together with the miner.
#[derive(Clone, Debug, PartialEq)]
pub struct MinerTrial {
    /// Who submitted the agent
    pub miner_id: MinerId,
    /// The key of the record: the digest of everything that decided it
    pub key: Sha256,
    /// The record
    pub record: TrialRecord,
}

/// What a report states of a fault of an earlier attempt, unless it discloses everything.
const FAULT: &str = "a fault of the arena";
/// The shortest time that a report distinguishes, in milliseconds.
const LEAST_MS: u64 = 10;
/// The smallest size that a report distinguishes, in bytes.
const LEAST_BYTES: u64 = 8 << 20;

impl Explanation {
    /// The same, for the validator only.
    #[must_use]
    pub fn withheld(self) -> Self {
        let (Self::Public(text) | Self::Hidden(text)) = self;
        Self::Hidden(text)
    }
}

impl CaseResult {
    /// A case without an explanation, of which everyone may know the verdict.
    pub fn new(name: &str, verdict: Verdict, detail: impl Into<String>) -> Self {
        let (name, detail, secret) = (name.to_owned(), detail.into(), false);
        Self { name, verdict, detail, secret, explanation: None, counterexample: None }
    }

    /// Returns as much of the case as may be disclosed.
    pub fn disclosed(self, disclose: Disclose) -> DisclosedCase {
        let passed = !self.verdict.is_wrong();
        let knows = disclose == Disclose::All || !self.secret;
        let mut parts = Vec::new();
        if knows {
            parts.push(match (disclose, self.explanation) {
                (Disclose::Public | Disclose::All, Some(Explanation::Public(text)))
                | (Disclose::All, Some(Explanation::Hidden(text))) => text,
                _ => self.detail,
            });
        }
        if disclose != Disclose::None {
            parts.extend(self.counterexample.map(|text| format!("this fails too: {text}")));
        }
        parts.retain(|part| !part.is_empty());
        let (verdict, detail) = (knows.then_some(self.verdict), parts.join("; "));
        DisclosedCase { name: self.name, passed, verdict, detail }
    }
}

impl TrialRecord {
    /// Returns as much of the record as may be disclosed.
    ///
    /// What a trial used depends on its hidden inputs, and an answer can choose how much it uses. Unless everything is
    /// disclosed, times are rounded up to 1, 2 or 5 times a power of ten and the memory to a power of two. That is one
    /// of 12 values for each time up to 50 s and one of 6 for the memory, so together less than 10 bits, and still
    /// enough to see how close to its limits an agent is.
    ///
    /// Of a private task, no more than which cases passed is disclosed, whatever `disclose` says: everything that an
    /// agent prints may quote the prompt.
    pub fn disclosed(self, disclose: Disclose) -> DisclosedRecord {
        if self.task.is_private() {
            return self.for_validator(Disclose::None).withheld();
        }
        self.for_validator(disclose)
    }

    /// Returns the record as the validator's own console shows it. Private tasks are treated like all others.
    pub fn for_validator(self, disclose: Disclose) -> DisclosedRecord {
        let all = disclose == Disclose::All;
        let ms = |exact: u64| if all { exact } else { coarse_ms(exact) };
        let bytes = |exact: u64| if all { exact } else { coarse_bytes(exact) };
        let attempt = |attempt: Attempt| Attempt {
            fault: attempt.fault.map(|fault| if all { fault } else { FAULT.to_owned() }),
        };
        DisclosedRecord {
            agent_sha256: self.agent_sha256,
            task: self.task,
            seed: self.seed,
            repetition: self.repetition,
            verdict: self.verdict,
            score: self.score,
            passed: self.passed,
            total: self.total,
            cases: self.cases.into_iter().map(|case| case.disclosed(disclose)).collect(),
            wall_ms: ms(self.wall_ms),
            cpu_ms: ms(self.cpu_ms),
            peak_memory_bytes: bytes(self.peak_memory_bytes),
            stdout: self.stdout,
            stderr: self.stderr,
            stdout_truncated: self.stdout_truncated,
            stderr_truncated: self.stderr_truncated,
            model: self.model,
            attempts: self.attempts.into_iter().map(attempt).collect(),
            origin: self.origin,
        }
    }
}

/// Rounds a time up to 1, 2 or 5 times a power of ten.
fn coarse_ms(exact: u64) -> u64 {
    let mut step = LEAST_MS;
    loop {
        for factor in [1, 2, 5] {
            if exact <= step.saturating_mul(factor) {
                return step.saturating_mul(factor);
            }
        }
        step = step.saturating_mul(10);
    }
}

/// Rounds a size up to a power of two.
fn coarse_bytes(exact: u64) -> u64 {
    exact.max(LEAST_BYTES).checked_next_power_of_two().unwrap_or(u64::MAX)
}

impl TrialRecord {
    /// What rankings need of it.
    pub fn score(&self) -> TaskScore {
        TaskScore {
            verdict: self.verdict,
            score: self.score,
            passed: self.passed,
            total: self.total,
            cost_micro_usd: self.model.map(|used| used.cost_micro_usd),
            repetitions: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests;
