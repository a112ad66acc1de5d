//! Past rounds in a list.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tasks::Sha256;

use super::miner_id::MinerId;
use super::rankings::RoundStatus;

/// An entry of the list of rounds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "server", schema(examples(json!({
    "id": "20260101T120000Z-5eed0007", "status": "closed",
    "commitment": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "opened_at": "2026-01-01T12:00:00Z", "finished_at": "2026-01-01T12:01:00Z",
    "tasks": 62, "agents": 3, "best": "me", "partial": false, "provisional": false, "signed": true
}))))]
pub struct RoundListing {
    /// Unique name of the round.
    #[cfg_attr(feature = "server", schema(pattern = "^[0-9A-Za-z-]{1,64}$"))]
    pub id: String,
    /// Whether the round may still be judged.
    pub status: RoundStatus,
    /// The commitment to its seed.
    #[cfg_attr(feature = "server", schema(value_type = String, pattern = "^[0-9a-f]{64}$"))]
    pub commitment: Sha256,
    /// When the seed was drawn.
    #[cfg_attr(feature = "server", schema(value_type = String, format = DateTime))]
    pub opened_at: Timestamp,
    /// When the ranking was computed.
    #[cfg_attr(feature = "server", schema(value_type = String, format = DateTime))]
    pub finished_at: Timestamp,
    /// Number of tasks.
    pub tasks: u64,
    /// Number of agents that have a rank.
    pub agents: u64,
    /// The owner of the best agent; none without agents.
    pub best: Option<MinerId>,
    /// Whether the round covers fewer agents or tasks than there are.
    pub partial: bool,
    /// Whether some agents are not judged yet, so that ranks and rewards may change.
    pub provisional: bool,
    /// Whether the validator signed the ranking.
    pub signed: bool,
}
