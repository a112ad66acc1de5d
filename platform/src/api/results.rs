//! What the validator publishes of one agent's trials in a round.

use serde::{Deserialize, Serialize};
use tasks::Sha256;

use super::miner_id::MinerId;
use super::rankings::FaultRecord;
use super::trials::DisclosedTrial;

/// What is published of one agent's trials in a round: why it has its score.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct AgentResults {
    /// The id of the round.
    #[cfg_attr(feature = "server", schema(pattern = "^[0-9A-Za-z-]{1,64}$"))]
    pub round: String,
    /// The agent's owner.
    pub miner_id: MinerId,
    /// The digest of the version that ran.
    #[cfg_attr(feature = "server", schema(value_type = String, pattern = "^[0-9a-f]{64}$"))]
    pub agent_sha256: Sha256,
    /// Its trials that have a verdict, in the order of the round's tasks.
    pub trials: Vec<DisclosedTrial>,
    /// Its trials that the arena could not complete.
    pub faults: Vec<FaultRecord>,
}
