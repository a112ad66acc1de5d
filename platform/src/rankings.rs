//! What a round leaves behind: the harness computes it, `rankings.json` keeps it, `GET /rankings`
//! serves it. These types are the format, so that all three always agree.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tasks::{Family, Seed, Sha256, TaskId, Verdict};
use utoipa::ToSchema;

use crate::MinerId;
use crate::api::schema;

/// A finished round and who came where in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(examples(json!({
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
})))]
pub struct Rankings {
    /// What was evaluated, and how.
    pub round: Round,
    /// The agents, best first.
    pub rankings: Vec<Ranking>,
}

/// One evaluation: agents x tasks under one seed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Round {
    /// Names the round; no two rounds share it.
    pub id: String,
    /// What was published before the round, if anything: the sha256 of `SEED:SALT`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, pattern = "^[0-9a-f]{64}$")]
    pub commitment: Option<Sha256>,
    /// What was hashed together with the seed, so that nobody could guess the seed from the commitment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub salt: Option<String>,
    /// What the generated cases were drawn from.
    #[schema(value_type = u64)]
    pub seed: Seed,
    /// When the first trial began.
    #[schema(value_type = String, format = DateTime)]
    pub started_at: Timestamp,
    /// When the last trial ended.
    #[schema(value_type = String, format = DateTime)]
    pub finished_at: Timestamp,
    /// The tasks, in the order of the round.
    #[schema(value_type = Vec<schema::TaskId>)]
    pub tasks: Vec<TaskId>,
    /// The image that the agents ran in, by digest.
    pub image: String,
    /// How agents were kept apart: `agent` or `trial`.
    pub isolation: String,
    /// The pool that was paid out, in 'TAO', as a decimal.
    pub pool_tao: String,
    /// How it was split: `proportional` or `winner-takes-all`.
    pub payout: String,
    /// How many trials the round has.
    pub trials: u64,
    /// How many of them were taken from earlier results.
    pub cached: u64,
    /// What the arena itself failed at. Such a trial has no verdict.
    pub faults: Vec<FaultRecord>,
}

/// A trial that the arena could not carry out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FaultRecord {
    /// Whose trial it was.
    pub miner_id: MinerId,
    /// On which task.
    #[schema(value_type = schema::TaskId)]
    pub task: TaskId,
    /// What went wrong, in one sentence.
    pub fault: String,
}

/// One agent's place in a round.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Ranking {
    /// 1 is best.
    pub rank: u32,
    /// Whose agent it is.
    pub miner_id: MinerId,
    /// Which version ran.
    #[schema(value_type = String, pattern = "^[0-9a-f]{64}$")]
    pub agent_sha256: Sha256,
    /// 0 to 100, two decimals.
    pub score: f64,
    /// The reward in 'TAO', as a decimal.
    pub reward_tao: String,
    /// The reward in units of 1e-9 'TAO'.
    pub reward_rao: u64,
    /// What it got on each task.
    #[schema(value_type = BTreeMap<schema::TaskId, TaskScore>)]
    pub tasks: BTreeMap<TaskId, TaskScore>,
    /// Its score within each family of tasks.
    #[serde(default)]
    #[schema(value_type = BTreeMap<String, f64>)]
    pub families: BTreeMap<Family, f64>,
    /// The earlier agent that this one is a byte-identical copy of.
    pub copy_of: Option<MinerId>,
}

/// One agent's outcome on one task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TaskScore {
    /// The trial's verdict.
    #[schema(value_type = String, pattern = "^(AC|WA|RE|TLE|MLE|OLE|NS)$")]
    pub verdict: Verdict,
    /// 0 to 100.
    pub score: f64,
    /// Cases that were accepted.
    pub passed: u32,
    /// Cases in all.
    pub total: u32,
}
