//! The result of a round: the harness computes it, `rankings.json` keeps it, and `GET /rankings` serves
//! it. These types are the format of all three.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use jiff::{Timestamp, civil};
use serde::{Deserialize, Serialize};
use tasks::{Family, Seed, Sha256, TaskId, Verdict};

use super::gate::Gate;
use super::miner_id::MinerId;
use super::private_tasks::{PRIVATE_FAULT, PrivateTasks};
#[cfg(feature = "server")]
use super::schema;
use super::signature::SshSignature;

/// A round and its ranking.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "server", schema(examples(json!({
    "round": {
        "id": "20260101T120000Z-5eed0007", "status": "open",
        "commitment": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "opened_at": "2026-01-01T12:00:00Z", "listed_at": "2026-01-01T12:00:10Z",
        "finished_at": "2026-01-01T12:01:00Z", "partial": true, "tasks": ["reverse_string"],
        "image": "python@sha256:0", "isolation": "agent", "pool_tao": "100",
        "payout": "proportional", "alpha": 0.05, "trials": 1, "faults": []
    },
    "rankings": [{
        "rank": 1, "miner_id": "me", "score": 50.0, "group": "a", "reward_tao": "100", "copy_of": null,
        "uploaded_at": "2026-01-01T11:00:00Z", "first_submitted_at": "2026-01-01T11:00:00Z",
        "agent_sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "program_sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "reward_rao": 100_000_000_000_u64,
        "tasks": {"reverse_string": {"verdict": "WA", "score": 50.0, "passed": 1, "total": 2}},
        "families": {"strings": 50.0}
    }]
}))))]
pub struct Rankings {
    /// What was evaluated, and how.
    pub round: Round,
    /// The agents, best first.
    pub rankings: Vec<Ranking>,
    /// The validator's signature, once the round is closed and if the validator has a key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<SshSignature>,
}

/// The values of [`Round::isolation`].
pub const ISOLATIONS: [&str; 2] = ["agent", "trial"];
/// The values of [`Round::payout`].
pub const PAYOUTS: [&str; 3] = ["proportional", "winner-takes-all", "gated"];

/// Whether a round may still be judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum RoundStatus {
    /// Agents are judged under a secret seed, as often as wanted. The ranking shows standings.
    #[default]
    Open,
    /// The ranking is final, and the seed is revealed.
    Closed,
}

/// One evaluation of agents x tasks under one seed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct Round {
    /// Unique name of the round: the time at which it was opened, and random digits.
    #[cfg_attr(feature = "server", schema(pattern = "^[0-9A-Za-z-]{1,64}$"))]
    pub id: String,
    /// Whether the round may still be judged.
    pub status: RoundStatus,
    /// The commitment, published when the round was opened: the sha256 of `ID:SEED:SALT`.
    #[cfg_attr(feature = "server", schema(value_type = String, pattern = "^[0-9a-f]{64}$"))]
    pub commitment: Sha256,
    /// The seed of the generated cases, once the round is closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", schema(value_type = Option<u64>))]
    pub seed: Option<Seed>,
    /// What was hashed together with the seed, once the round is closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub salt: Option<String>,
    /// When the seed was drawn.
    #[cfg_attr(feature = "server", schema(value_type = String, format = DateTime))]
    pub opened_at: Timestamp,
    /// When the agents were listed: later uploads are not in the ranking.
    #[cfg_attr(feature = "server", schema(value_type = String, format = DateTime))]
    pub listed_at: Timestamp,
    /// When the ranking was computed.
    #[cfg_attr(feature = "server", schema(value_type = String, format = DateTime))]
    pub finished_at: Timestamp,
    /// Whether only versions uploaded before the round was opened were judged.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub frozen: bool,
    /// Whether the round covers fewer agents or tasks than there are.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub partial: bool,
    /// The tasks, in the order of the round.
    #[cfg_attr(feature = "server", schema(value_type = Vec<schema::TaskIdSchema>))]
    pub tasks: Vec<TaskId>,
    /// Those of the tasks that are private, if there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub private: Option<PrivateTasks>,
    /// The digest of the image that the agents ran in.
    pub image: String,
    /// The unit that had a container of its own: `agent` or `trial`.
    #[cfg_attr(feature = "server", schema(value_type = schema::IsolationSchema))]
    pub isolation: String,
    /// Trials of each agent on each task; left out if there is one.
    #[serde(default = "first_repetition", skip_serializing_if = "is_first_repetition")]
    #[cfg_attr(feature = "server", schema(minimum = 1, maximum = 100))]
    pub repeat: u32,
    /// The language model that agents could ask, with the digest of its parameters and of a trial's budget.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The pool of rewards in 'TAO', as a decimal.
    pub pool_tao: String,
    /// How the pool was split: `proportional`, `winner-takes-all` or `gated`.
    #[cfg_attr(feature = "server", schema(value_type = schema::PayoutSchema))]
    pub payout: String,
    /// The probability of a difference below which two agents count as different.
    pub alpha: f64,
    /// The difference between two scores that this round could just have distinguished from chance: the median over
    /// neighbours in the ranking. None if it could have distinguished none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolution: Option<f64>,
    /// Why the holder of the first place earns the pool, with the payout `gated`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gate: Option<Gate>,
    /// The agents that score too little on some tasks are stopped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub screening: Option<Screening>,
    /// The agents that cannot reach this rank are stopped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub top: Option<u32>,
    /// The agents that were stopped. They have no score and no rank.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stopped: Vec<StoppedAgent>,
    /// Number of trials in the round.
    pub trials: u64,
    /// The digest of the trials, once the round is closed. It is the same whatever a report discloses of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", schema(value_type = Option<String>, pattern = "^[0-9a-f]{64}$"))]
    pub trials_sha256: Option<Sha256>,
    /// The closed round before this one; none for the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<PreviousRound>,
    /// The trials that failed because of the arena. They have no verdict, their agents have no rank, and the
    /// rewards are provisional until they are judged.
    pub faults: Vec<FaultRecord>,
}

/// The closed round before another one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct PreviousRound {
    /// The round's id.
    #[cfg_attr(feature = "server", schema(pattern = "^[0-9A-Za-z-]{1,64}$"))]
    pub id: String,
    /// The digest of its ranking: the SHA-256 of its `round` and `rankings` as JSON with sorted keys and without spaces.
    #[cfg_attr(feature = "server", schema(value_type = String, pattern = "^[0-9a-f]{64}$"))]
    pub digest: Sha256,
}

impl Round {
    /// The beginning of the id of a round that was opened at this time. The commitment binds to the id, and so to the
    /// time.
    pub fn id_prefix(opened_at: Timestamp) -> String {
        opened_at.strftime("%Y%m%dT%H%M%SZ-").to_string()
    }

    /// Returns when the round with this id was opened, to the second; `None` if its id does not state a time.
    pub fn opened_in(id: &str) -> Option<Timestamp> {
        let (time, _) = id.split_once('-')?;
        let time = civil::DateTime::strptime("%Y%m%dT%H%M%SZ", time).ok()?;
        TimeZone::UTC.to_timestamp(time).ok()
    }

    /// Returns the commitment to a round's seed. It binds to id, seed and salt and reveals none of the last two.
    pub fn commitment_to(id: &str, seed: Seed, salt: &str) -> Sha256 {
        Sha256::of(format!("{id}:{seed}:{salt}").as_bytes())
    }

    /// Returns whether some agents are not judged yet, so that ranks and rewards may change.
    pub fn is_provisional(&self) -> bool {
        !self.faults.is_empty()
    }
}

/// A first look at agents, on some tasks of the round, which are drawn from its commitment.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct Screening {
    /// Number of tasks.
    pub tasks: u32,
    /// An agent that scores less on them is stopped.
    pub score: f64,
}

/// Why an agent was stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum StopReason {
    /// It scored too little on the tasks of the screening.
    Screening,
    /// It cannot reach the last rank that counts.
    OutOfReach,
}

/// An agent that was stopped before all its trials.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct StoppedAgent {
    /// The agent's owner.
    pub miner_id: MinerId,
    /// The digest of the version that ran.
    #[cfg_attr(feature = "server", schema(value_type = String, pattern = "^[0-9a-f]{64}$"))]
    pub agent_sha256: Sha256,
    /// Why it was stopped.
    pub reason: StopReason,
    /// The score that it would have if every missing trial scored 100.
    pub bound: f64,
    /// Number of its trials that have a verdict.
    pub trials: u64,
}

impl StoppedAgent {
    /// Explains why the agent has no score, in one sentence.
    pub fn explanation(&self, round: &Round) -> String {
        let Self { miner_id, reason, bound, trials, .. } = self;
        let trials = if *trials == 1 { "1 trial".to_owned() } else { format!("{trials} trials") };
        let reason = match (reason, round.screening, round.top) {
            (StopReason::Screening, Some(Screening { tasks, score }), _) => {
                format!("it scores less than {score} on the {tasks} tasks of the screening")
            }
            (StopReason::OutOfReach, _, Some(top)) => format!("it cannot reach rank {top}"),
            _ => "the round does not state the rule".to_owned(),
        };
        format!("{miner_id}: at most {bound}, stopped after {trials}: {reason}")
    }
}

/// The range in which an agent's score lies with a probability of 95 %.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct ScoreInterval {
    /// Its lower end, 0 to 100.
    pub low: f64,
    /// Its upper end, 0 to 100.
    pub high: f64,
}

/// A trial that the arena could not complete.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct FaultRecord {
    /// The agent of the trial.
    pub miner_id: MinerId,
    /// The task of the trial.
    #[cfg_attr(feature = "server", schema(value_type = schema::TaskIdSchema))]
    pub task: TaskId,
    /// Which of the agent's trials on the task, from 1; left out if it is the first.
    #[serde(default = "first_repetition", skip_serializing_if = "is_first_repetition")]
    pub repetition: u32,
    /// What failed, in one sentence.
    pub fault: String,
}

impl FaultRecord {
    /// Returns as much of the fault as may be published: the text of a fault on a private task may quote it.
    #[must_use]
    pub fn published(self) -> Self {
        let fault = if self.task.is_private() { PRIVATE_FAULT.to_owned() } else { self.fault };
        Self { fault, ..self }
    }
}

/// One agent's result in a round.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct Ranking {
    /// 1 is best.
    pub rank: u32,
    /// The agent's owner.
    pub miner_id: MinerId,
    /// The digest of the version that ran.
    #[cfg_attr(feature = "server", schema(value_type = String, pattern = "^[0-9a-f]{64}$"))]
    pub agent_sha256: Sha256,
    /// The digest of its program: equal for agents that differ in comments, blank lines and formatting alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", schema(value_type = Option<String>, pattern = "^[0-9a-f]{64}$"))]
    pub program_sha256: Option<Sha256>,
    /// 0 to 100, two decimals.
    pub score: f64,
    /// The score on the tasks that everyone knows, if the round has private tasks too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_score: Option<f64>,
    /// The score on the private tasks, if there are any. It is much lower than the public one for an agent that has
    /// memorised answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub private_score: Option<f64>,
    /// Where the score would lie in 95 % of rounds with other tasks of the same kind; none with one task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<ScoreInterval>,
    /// The probability of a difference at least as large between equally good agents, against the agent one rank
    /// above.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p_above: Option<f64>,
    /// The groups of agents that no test separates and that this one belongs to: `a`, or `a-c` for several.
    pub group: String,
    /// The reward in 'TAO', as a decimal.
    pub reward_tao: String,
    /// The reward in units of 1e-9 'TAO'.
    pub reward_rao: u64,
    /// The score on each task.
    #[cfg_attr(feature = "server", schema(value_type = BTreeMap<schema::TaskIdSchema, TaskScore>))]
    pub tasks: BTreeMap<TaskId, TaskScore>,
    /// The score within each family of public tasks.
    #[serde(default)]
    #[cfg_attr(feature = "server", schema(value_type = BTreeMap<schema::FamilySchema, f64>))]
    pub families: BTreeMap<Family, f64>,
    /// When this version was accepted: the earlier one wins a tie.
    #[cfg_attr(feature = "server", schema(value_type = String, format = DateTime))]
    pub uploaded_at: Timestamp,
    /// When this miner first submitted this program, in any formatting: the earliest one is the original.
    #[cfg_attr(feature = "server", schema(value_type = String, format = DateTime))]
    pub first_submitted_at: Timestamp,
    /// The owner of the earlier agent that this one is a copy of.
    pub copy_of: Option<MinerId>,
    /// What its requests to the model cost in all, in millionths of a US dollar. Of two equal scores the cheaper one is
    /// better.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_micro_usd: Option<u64>,
}

/// One agent's score on one task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct TaskScore {
    /// The trial's verdict. Of several trials, the first one that is not AC.
    #[cfg_attr(feature = "server", schema(value_type = schema::VerdictSchema))]
    pub verdict: Verdict,
    /// 0 to 100.
    pub score: f64,
    /// Number of accepted cases in all trials.
    pub passed: u32,
    /// Number of cases in all trials.
    pub total: u32,
    /// What its requests to the model cost, in millionths of a US dollar, if it had one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_micro_usd: Option<u64>,
    /// Number of accepted cases in each trial, if there were several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub repetitions: Vec<u32>,
}

/// Most trials of an agent on a task in one round.
pub const MAX_REPEAT: u32 = 100;

/// The number of the first trial of an agent on a task, and the number of trials unless a round has more.
pub const fn first_repetition() -> u32 {
    1
}

/// Returns whether a number of trials, or the number of a trial, is the usual one.
#[allow(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde calls")]
pub const fn is_first_repetition(repetition: &u32) -> bool {
    *repetition == first_repetition()
}

/// An amount of money in US dollars, to the millionth.
pub fn dollars(micro_usd: u64) -> String {
    format!("{}.{:06}", micro_usd / 1_000_000, micro_usd % 1_000_000)
}
