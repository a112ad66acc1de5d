//! Where a submission stands: waiting, being judged, or judged.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tasks::Sha256;

use super::miner_id::MinerId;
use super::rankings::RoundStatus;

/// Where the current version of an agent stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "server", schema(examples(json!({
    "miner_id": "me", "version": 2,
    "sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "uploaded_at": "2026-01-01T12:30:00Z", "queued_since": "2026-01-01T12:30:00Z",
    "judged_in": {
        "round": "20260101T120000Z-5eed0007", "round_status": "open", "provisional": false,
        "outcome": "ranked", "rank": 3, "agents": 10, "score": 87.5, "reward_tao": "7.5", "version": 1,
        "agent_sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
    },
    "running": false, "next_round_expected_at": "2026-01-01T13:00:00Z"
}))))]
pub struct SubmissionStatus {
    /// The agent's owner.
    pub miner_id: MinerId,
    /// The current version.
    pub version: u32,
    /// The digest of its source.
    #[cfg_attr(feature = "server", schema(value_type = String, pattern = "^[0-9a-f]{64}$"))]
    pub sha256: Sha256,
    /// When it was accepted.
    #[cfg_attr(feature = "server", schema(value_type = String, format = DateTime))]
    pub uploaded_at: Timestamp,
    /// When the agent was withdrawn, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", schema(value_type = Option<String>, format = DateTime))]
    pub withdrawn_at: Option<Timestamp>,
    /// Since when it waits to be judged; none if the latest round judged it, or if it was withdrawn.
    #[cfg_attr(feature = "server", schema(value_type = Option<String>, format = DateTime))]
    pub queued_since: Option<Timestamp>,
    /// What the latest round says about the agent, perhaps about an earlier version of it.
    pub judged_in: Option<JudgedSubmission>,
    /// Whether the evaluation that runs now covers the current version.
    pub running: bool,
    /// When the next round is expected to open: the median time between the openings of the latest rounds after the last
    /// one. None if there were fewer than three rounds, or if the round is overdue by more than that.
    #[cfg_attr(feature = "server", schema(value_type = Option<String>, format = DateTime))]
    pub next_round_expected_at: Option<Timestamp>,
}

/// What a round says about an agent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct JudgedSubmission {
    /// The id of the round.
    #[cfg_attr(feature = "server", schema(pattern = "^[0-9A-Za-z-]{1,64}$"))]
    pub round: String,
    /// Whether the round may still be judged, so that the rank may change.
    pub round_status: RoundStatus,
    /// Whether some agents of the round are not judged yet.
    pub provisional: bool,
    /// How the round ended for the agent.
    pub outcome: SubmissionOutcome,
    /// 1 is best; none without a rank.
    pub rank: Option<u32>,
    /// Number of ranked agents.
    pub agents: u64,
    /// 0 to 100; none without a rank.
    pub score: Option<f64>,
    /// The reward in 'TAO', as a decimal; none without a rank.
    pub reward_tao: Option<String>,
    /// The owner of the earlier agent that it is a copy of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copy_of: Option<MinerId>,
    /// The version that was judged. None if it is so old that the platform no longer lists it, or if nothing was judged.
    pub version: Option<u32>,
    /// The digest of the version that was judged; none if nothing was judged.
    #[cfg_attr(feature = "server", schema(value_type = Option<String>, pattern = "^[0-9a-f]{64}$"))]
    pub agent_sha256: Option<Sha256>,
}

/// How a round ended for an agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum SubmissionOutcome {
    /// It has a rank.
    Ranked,
    /// It was stopped before all its trials, and has no rank.
    Stopped,
    /// The arena could not complete its trials, and will try again.
    NotJudged,
}
