//! The result of a round: the harness computes it, `rankings.json` keeps it, and `GET /rankings` serves
//! it. These types are the format of all three.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tasks::{Family, Seed, Sha256, TaskId, Verdict};

use super::miner_id::MinerId;
#[cfg(feature = "server")]
use super::schema;

/// A round and its ranking.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "server", schema(examples(json!({
    "round": {
        "id": "2026-01-01", "seed": 7, "started_at": "2026-01-01T12:00:00Z",
        "finished_at": "2026-01-01T12:01:00Z", "tasks": ["reverse_string"],
        "image": "python@sha256:0", "isolation": "agent", "pool_tao": "100",
        "payout": "proportional", "trials": 1, "cached": 0, "faults": []
    },
    "rankings": [{
        "rank": 1, "miner_id": "me", "score": 100.0, "reward_tao": "100", "copy_of": null,
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
}

/// One evaluation of agents x tasks under one seed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct Round {
    /// Unique name of the round.
    pub id: String,
    /// The commitment published before the round, if any: the sha256 of `SEED:SALT`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", schema(value_type = Option<String>, pattern = "^[0-9a-f]{64}$"))]
    pub commitment: Option<Sha256>,
    /// What was hashed together with the seed, so that the commitment does not reveal the seed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub salt: Option<String>,
    /// The seed of the generated cases.
    #[cfg_attr(feature = "server", schema(value_type = u64))]
    pub seed: Seed,
    /// When the first trial began.
    #[cfg_attr(feature = "server", schema(value_type = String, format = DateTime))]
    pub started_at: Timestamp,
    /// When the last trial ended.
    #[cfg_attr(feature = "server", schema(value_type = String, format = DateTime))]
    pub finished_at: Timestamp,
    /// The tasks, in the order of the round.
    #[cfg_attr(feature = "server", schema(value_type = Vec<schema::TaskIdSchema>))]
    pub tasks: Vec<TaskId>,
    /// The digest of the image that the agents ran in.
    pub image: String,
    /// The unit that had a container of its own: `agent` or `trial`.
    pub isolation: String,
    /// The pool of rewards in 'TAO', as a decimal.
    pub pool_tao: String,
    /// How the pool was split: `proportional` or `winner-takes-all`.
    pub payout: String,
    /// Number of trials in the round.
    pub trials: u64,
    /// Number of trials taken from stored trial records.
    pub cached: u64,
    /// The trials that failed because of the arena. They have no verdict.
    pub faults: Vec<FaultRecord>,
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
    /// The owner of the earlier agent that this one is a copy of.
    pub copy_of: Option<MinerId>,
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
}
