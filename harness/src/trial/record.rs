//! What is stored of a trial, and how much of it a report discloses.

use platform::MinerId;
use platform::api::{TaskScore, first_repetition, is_first_repetition};
use serde::{Deserialize, Serialize};
use tasks::{Seed, Sha256, TaskId, Verdict};

use crate::choice::choices;
use crate::gateway::budget::ModelUsage;

/// The outcome of a trial, as its file stores it. It does not name the miner: two miners with the same agent share it.
/// With the cases of a report, it is a [`DisclosedRecord`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrialRecord<Case = CaseResult> {
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
    pub cases: Vec<Case>,
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

/// Where the answer of a trial comes from, so that it can be judged again when its task has changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnswerOrigin {
    /// The digest of the prompt that the agent got
    pub prompt_sha256: Sha256,
    /// The digest of what it ran with: image, and model if there was one
    pub environment_sha256: Sha256,
    /// Whether it printed an answer
    pub answered: bool,
    /// The key of the record that the answer was taken from, if it was judged again
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub regraded_from: Option<Sha256>,
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

/// One case of a trial, as far as a report discloses it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DisclosedCase {
    /// The case's name
    pub name: String,
    /// Whether it was accepted
    pub passed: bool,
    /// Its verdict; left out if no more than `passed` may be known
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
    /// What happened, as far as it may be known
    pub detail: String,
}

/// A trial record, as far as a report discloses it.
pub type DisclosedRecord = TrialRecord<DisclosedCase>;
/// A trial of a report.
pub type DisclosedTrial = MinerTrial<DisclosedCase>;

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

/// One attempt at a trial.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// The fault that ended it; none if it ended with a verdict.
    pub fault: Option<String>,
}

/// A trial record together with the miner. As a [`DisclosedTrial`], it is one entry of `trials` in the JSON of `check`
/// and `evaluate`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MinerTrial<Case = CaseResult> {
    /// Who submitted the agent
    pub miner_id: MinerId,
    /// The key of the record: the digest of everything that decided it. Left out of the report of an open round, because
    /// a guess of the seed could be tested against it
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Sha256>,
    /// The record
    #[serde(flatten)]
    pub record: TrialRecord<Case>,
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
        TrialRecord {
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

impl<Case> TrialRecord<Case> {
    /// The trial among those of its agent: the task, and which repetition of it unless it is the first.
    pub fn name(&self) -> String {
        trial_name(&self.task, self.repetition)
    }

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

/// The name of a trial among those of its agent: `two_sum`, or `two_sum #2` for its second repetition.
pub fn trial_name(task: &TaskId, repetition: u32) -> String {
    if is_first_repetition(&repetition) {
        task.to_string()
    } else {
        format!("{task} #{repetition}")
    }
}

impl DisclosedCase {
    /// The code of its verdict, as far as it is disclosed.
    pub fn outcome(&self) -> &'static str {
        match self.verdict {
            Some(verdict) => verdict.code(),
            None if self.passed => Verdict::Accepted.code(),
            None => "failed",
        }
    }
}

impl DisclosedRecord {
    /// Leaves out everything that may depend on the text of the task.
    fn withheld(self) -> Self {
        let case =
            |case: DisclosedCase| DisclosedCase { verdict: None, detail: String::new(), ..case };
        Self {
            cases: self.cases.into_iter().map(case).collect(),
            stdout: String::new(),
            stderr: String::new(),
            stdout_truncated: false,
            stderr_truncated: false,
            ..self
        }
    }

    /// Returns whether the record discloses no more than may be known of a private task.
    pub fn is_withheld(&self) -> bool {
        *self == self.clone().withheld()
    }

    /// Every case: its name, its verdict as far as it is disclosed, and what happened.
    pub fn case_lines(&self) -> impl Iterator<Item = (&str, &'static str, &str)> {
        self.cases.iter().map(|case| (&*case.name, case.outcome(), &*case.detail))
    }

    /// The cases that are not accepted; those that failed alike together.
    pub fn failed_cases(&self) -> Vec<FailedCases> {
        let mut failed: Vec<FailedCases> = Vec::new();
        for case in self.cases.iter().filter(|case| !case.passed) {
            let (verdict, detail) = (case.outcome(), &case.detail);
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
        let Self { verdict, passed, total, .. } = self;
        let mut text = format!("{}: {verdict}, {passed} of {total} cases\n", self.name());
        for case in self.failed_cases() {
            let detail = match case.detail.as_str() {
                "" => String::new(),
                detail => format!(": {detail}"),
            };
            let _ = writeln!(text, "  {} {}{detail}", case.verdict, case.names());
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
    /// The verdict's code, or `failed`
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

#[cfg(test)]
mod tests;
