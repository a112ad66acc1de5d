//! What is published of a trial: its record, as far as the validator discloses it.
//!
//! Only the harness makes these from stored records, which hold more. They are an entry of `trials` in reports, of
//! `PUT /results` and of `GET /agents/{miner_id}/results`.

use serde::{Deserialize, Serialize};
use tasks::{Seed, Sha256, TaskId, Verdict};

use super::miner_id::MinerId;
use super::rankings::{TaskScore, first_repetition, is_first_repetition};
#[cfg(feature = "server")]
use super::schema;

/// A disclosed trial record together with the miner. It is one entry of `trials` in the JSON of `check` and `evaluate`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct DisclosedTrial {
    /// Who submitted the agent.
    pub miner_id: MinerId,
    /// The key of the record: the digest of everything that decided it. Left out of the report of an open round, because
    /// a guess of the seed could be tested against it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", schema(value_type = Option<String>, pattern = "^[0-9a-f]{64}$"))]
    pub key: Option<Sha256>,
    /// The record.
    #[serde(flatten)]
    pub record: DisclosedRecord,
}

/// A trial record, as far as it is disclosed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct DisclosedRecord {
    /// The agent, by its source.
    #[cfg_attr(feature = "server", schema(value_type = String, pattern = "^[0-9a-f]{64}$"))]
    pub agent_sha256: Sha256,
    /// The task.
    #[cfg_attr(feature = "server", schema(value_type = schema::TaskIdSchema))]
    pub task: TaskId,
    /// The round's seed; left out while the round is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", schema(value_type = Option<u64>))]
    pub seed: Option<Seed>,
    /// Which of the agent's trials on the task, from 1; left out if it is the first.
    #[serde(default = "first_repetition", skip_serializing_if = "is_first_repetition")]
    pub repetition: u32,
    /// The verdict of the first case that is not accepted.
    #[cfg_attr(feature = "server", schema(value_type = schema::VerdictSchema))]
    pub verdict: Verdict,
    /// 0 to 100, two decimals.
    pub score: f64,
    /// Number of accepted cases.
    pub passed: u32,
    /// Number of cases.
    pub total: u32,
    /// Each case.
    pub cases: Vec<DisclosedCase>,
    /// Wall-clock time of the agent and of all calls, in milliseconds.
    pub wall_ms: u64,
    /// CPU time of the same, in milliseconds.
    pub cpu_ms: u64,
    /// Largest resident size of any one process, in bytes.
    pub peak_memory_bytes: u64,
    /// What the agent printed, up to the limit of an answer.
    pub stdout: String,
    /// The end of what it wrote to stderr.
    pub stderr: String,
    /// Whether it printed more.
    pub stdout_truncated: bool,
    /// Whether it wrote more to stderr.
    pub stderr_truncated: bool,
    /// What its requests to the model used, if it had one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<ModelUsage>,
    /// Every attempt, in order. All but the last ended in a fault.
    pub attempts: Vec<Attempt>,
    /// Where the answer comes from. Left out while the round is open, because a guess of the seed could be tested against
    /// the prompt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<AnswerOrigin>,
}

/// One case of a trial, as far as it is disclosed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct DisclosedCase {
    /// The case's name.
    pub name: String,
    /// Whether it was accepted.
    pub passed: bool,
    /// Its verdict; left out if no more than `passed` may be known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", schema(value_type = Option<schema::VerdictSchema>))]
    pub verdict: Option<Verdict>,
    /// What happened, as far as it may be known.
    pub detail: String,
}

/// Where the answer of a trial comes from, so that it can be judged again when its task has changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct AnswerOrigin {
    /// The digest of the prompt that the agent got.
    #[cfg_attr(feature = "server", schema(value_type = String, pattern = "^[0-9a-f]{64}$"))]
    pub prompt_sha256: Sha256,
    /// The digest of what it ran with: image, and model if there was one.
    #[cfg_attr(feature = "server", schema(value_type = String, pattern = "^[0-9a-f]{64}$"))]
    pub environment_sha256: Sha256,
    /// Whether it printed an answer.
    pub answered: bool,
    /// The key of the record that the answer was taken from, if it was judged again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", schema(value_type = Option<String>, pattern = "^[0-9a-f]{64}$"))]
    pub regraded_from: Option<Sha256>,
}

/// One attempt at a trial.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct Attempt {
    /// The fault that ended it; none if it ended with a verdict.
    pub fault: Option<String>,
}

/// What requests to a model used: one request, those of a trial, or those of a round.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct ModelUsage {
    /// Requests that the model answered, or that count as if it had.
    pub calls: u64,
    /// Tokens of the requests.
    pub input_tokens: u64,
    /// Tokens of the responses.
    pub output_tokens: u64,
    /// Cost in millionths of a US dollar.
    pub cost_micro_usd: u64,
    /// How long the model took, in milliseconds.
    pub model_ms: u64,
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

    /// Leaves out everything that may depend on the text of the task: no more may be known of a private one.
    #[must_use]
    pub fn withheld(self) -> Self {
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

impl ModelUsage {
    /// Adds what another request used.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            calls: self.calls.saturating_add(other.calls),
            input_tokens: self.input_tokens.saturating_add(other.input_tokens),
            output_tokens: self.output_tokens.saturating_add(other.output_tokens),
            cost_micro_usd: self.cost_micro_usd.saturating_add(other.cost_micro_usd),
            model_ms: self.model_ms.saturating_add(other.model_ms),
        }
    }

    /// Subtracts what another request used, down to zero.
    #[must_use]
    pub const fn minus(self, other: Self) -> Self {
        Self {
            calls: self.calls.saturating_sub(other.calls),
            input_tokens: self.input_tokens.saturating_sub(other.input_tokens),
            output_tokens: self.output_tokens.saturating_sub(other.output_tokens),
            cost_micro_usd: self.cost_micro_usd.saturating_sub(other.cost_micro_usd),
            model_ms: self.model_ms.saturating_sub(other.model_ms),
        }
    }
}
