//! The bodies that both ends of the HTTP API share and that are no type of another module.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tasks::Sha256;
use utoipa::ToSchema;

use crate::MinerId;
use crate::store::{AgentMeta, Version};
use crate::validation::Finding;

/// The header of a list of agents that says how many are left out, because their metadata is damaged.
pub const DAMAGED_AGENTS: &str = "x-damaged-agents";

/// What anybody may know of a stored agent: never its source, never its token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(examples(json!({
    "miner_id": "me", "version": 2, "size": 1234,
    "sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "uploaded_at": "2026-01-01T12:00:00Z"
})))]
pub struct AgentView {
    /// Whose agent it is.
    pub miner_id: MinerId,
    /// 1 for the first upload, and one more for each that changed it.
    pub version: u32,
    /// The digest of the source.
    #[schema(value_type = String, pattern = "^[0-9a-f]{64}$")]
    pub sha256: Sha256,
    /// Its size in bytes.
    pub size: u64,
    /// When this version was accepted.
    #[schema(value_type = String, format = DateTime)]
    pub uploaded_at: Timestamp,
}

impl From<AgentMeta> for AgentView {
    fn from(meta: AgentMeta) -> Self {
        Self {
            miner_id: meta.miner_id,
            version: meta.version,
            sha256: meta.sha256,
            size: meta.size,
            uploaded_at: meta.uploaded_at,
        }
    }
}

/// One agent with the versions before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(examples(json!({
    "miner_id": "me", "version": 2, "size": 1234,
    "sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "uploaded_at": "2026-01-01T12:00:00Z",
    "history": []
})))]
pub struct AgentHistory {
    /// The current version.
    #[serde(flatten)]
    pub current: AgentView,
    /// The versions before it, oldest first.
    pub history: Vec<Version>,
}

impl From<AgentMeta> for AgentHistory {
    fn from(mut meta: AgentMeta) -> Self {
        let history = std::mem::take(&mut meta.history);
        Self { current: meta.into(), history }
    }
}

/// A token that replaces another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(examples(json!({"miner_id": "me", "token": "arena_5f1d"})))]
pub struct NewToken {
    /// Whose agent it opens.
    pub miner_id: MinerId,
    /// The token that the next upload must bring.
    pub token: String,
}

/// An error of the API, after RFC 9457 (`application/problem+json`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(examples(json!({
    "type": "about:blank", "title": "Unprocessable Content", "status": 422,
    "detail": "line 1, column 8: requests is not in the standard library; use urllib.request",
    "findings": [{
        "line": 1, "column": 8,
        "reason": "requests is not in the standard library; use urllib.request"
    }]
})))]
pub struct Problem {
    /// Always `about:blank`: the status says what kind of problem it is.
    #[serde(rename = "type")]
    pub kind: String,
    /// The status in words.
    pub title: String,
    /// The status code.
    pub status: u16,
    /// What is wrong, and what to change.
    pub detail: String,
    /// What is wrong with a submitted file, line by line.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
}

/// Schemas of types that are another crate's and cannot say what they look like here.
pub(crate) mod schema {
    use utoipa::ToSchema;

    /// A task's id.
    #[derive(ToSchema)]
    #[schema(value_type = String, pattern = "^[a-z0-9_]{1,64}$", examples("reverse_string"))]
    #[expect(dead_code, reason = "it is read by the schema's maker")]
    pub(crate) struct TaskId(String);
}
