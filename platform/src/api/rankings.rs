//! The result of a round: the harness computes it, `rankings.json` keeps it, and `GET /rankings` serves
//! it. These types are the format of all three.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tasks::{Family, Seed, Sha256, TaskId, Verdict};

use super::miner_id::MinerId;
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
        "finished_at": "2026-01-01T12:01:00Z", "tasks": ["reverse_string"],
        "image": "python@sha256:0", "isolation": "agent", "pool_tao": "100",
        "payout": "proportional", "trials": 1, "faults": []
    },
    "rankings": [{
        "rank": 1, "miner_id": "me", "score": 100.0, "reward_tao": "100", "copy_of": null,
        "uploaded_at": "2026-01-01T11:00:00Z", "first_submitted_at": "2026-01-01T11:00:00Z",
        "agent_sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "reward_rao": 100_000_000_000_u64,
        "tasks": {"reverse_string": {"verdict": "AC", "score": 100.0, "passed": 21, "total": 21}}
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
    /// The digest of the image that the agents ran in.
    pub image: String,
    /// The unit that had a container of its own: `agent` or `trial`.
    pub isolation: String,
    /// The language model that agents could ask, with the digest of its parameters and of a trial's budget.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The pool of rewards in 'TAO', as a decimal.
    pub pool_tao: String,
    /// How the pool was split: `proportional` or `winner-takes-all`.
    pub payout: String,
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

    /// Returns the commitment to a round's seed. It binds to id, seed and salt and reveals none of the last two.
    pub fn commitment_to(id: &str, seed: Seed, salt: &str) -> Sha256 {
        Sha256::of(format!("{id}:{seed}:{salt}").as_bytes())
    }

    /// Returns whether some agents are not judged yet, so that ranks and rewards may change.
    pub fn is_provisional(&self) -> bool {
        !self.faults.is_empty()
    }
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
    /// What failed, in one sentence.
    pub fault: String,
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
    /// 0 to 100, two decimals.
    pub score: f64,
    /// The reward in 'TAO', as a decimal.
    pub reward_tao: String,
    /// The reward in units of 1e-9 'TAO'.
    pub reward_rao: u64,
    /// The score on each task.
    #[cfg_attr(feature = "server", schema(value_type = BTreeMap<schema::TaskIdSchema, TaskScore>))]
    pub tasks: BTreeMap<TaskId, TaskScore>,
    /// The score within each family of tasks.
    #[serde(default)]
    #[cfg_attr(feature = "server", schema(value_type = BTreeMap<String, f64>))]
    pub families: BTreeMap<Family, f64>,
    /// When this version was accepted: the earlier one wins a tie.
    #[cfg_attr(feature = "server", schema(value_type = String, format = DateTime))]
    pub uploaded_at: Timestamp,
    /// When this miner first submitted this source: the earliest one is the original.
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
    /// The trial's verdict.
    #[cfg_attr(feature = "server", schema(value_type = String, pattern = "^(AC|WA|RE|TLE|MLE|OLE|NS)$"))]
    pub verdict: Verdict,
    /// 0 to 100.
    pub score: f64,
    /// Number of accepted cases.
    pub passed: u32,
    /// Number of cases.
    pub total: u32,
    /// What its requests to the model cost, in millionths of a US dollar, if it had one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_micro_usd: Option<u64>,
}

/// An amount of money in US dollars, to the millionth.
pub fn dollars(micro_usd: u64) -> String {
    format!("{}.{:06}", micro_usd / 1_000_000, micro_usd % 1_000_000)
}
