//! What the store records about agents and about the round in progress.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tasks::{Seed, Sha256, TaskId};

use super::token::matches_digest;
use crate::api::{
    AgentHistory, AgentVersion, AgentView, DisplayName, MinerId, PreviousRound, PrivateTasks,
    ProfileUrl, Round,
};

/// The number of earlier versions that an agent's metadata lists. Older ones stay in `versions/`; an
/// unbounded list would make each upload and each listing of a busy miner slower than the one before.
pub const MAX_HISTORY: usize = 1_000;

/// The metadata of a miner's current agent, stored next to it as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentMeta {
    /// The agent's owner.
    pub miner_id: MinerId,
    /// 1 for the first upload, incremented by each upload that changes the source.
    pub version: u32,
    /// The digest of the source.
    pub sha256: Sha256,
    /// The digest of its program, without comments, blank lines and formatting. None if it was stored by an older version
    /// or by a build that has no parser.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub program_sha256: Option<Sha256>,
    /// The size of the source in bytes.
    pub size: u64,
    /// When this version was accepted.
    pub uploaded_at: Timestamp,
    /// The earlier versions, oldest first, at most [`MAX_HISTORY`].
    pub history: Vec<AgentVersion>,
    /// The digest of the token that the next upload must send.
    pub token_sha256: Sha256,
    /// A name to show next to the id, if the miner gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<DisplayName>,
    /// The miner's web page, if the miner gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<ProfileUrl>,
    /// When the agent was withdrawn: it is neither listed nor judged, and its places in past rounds stay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub withdrawn_at: Option<Timestamp>,
}

impl AgentMeta {
    /// Returns whether this is the token of the agent's owner.
    pub fn is_owned_by(&self, token: &str) -> bool {
        matches_digest(token, &self.token_sha256)
    }
}

impl From<AgentMeta> for AgentView {
    fn from(meta: AgentMeta) -> Self {
        Self {
            miner_id: meta.miner_id,
            version: meta.version,
            sha256: meta.sha256,
            program_sha256: meta.program_sha256,
            size: meta.size,
            uploaded_at: meta.uploaded_at,
            display_name: meta.display_name,
            url: meta.url,
            withdrawn_at: meta.withdrawn_at,
        }
    }
}

impl From<AgentMeta> for AgentHistory {
    fn from(mut meta: AgentMeta) -> Self {
        let history = std::mem::take(&mut meta.history);
        Self { current: meta.into(), history }
    }
}

/// The stored agents, and the files among them that are not valid agents.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AgentListing {
    /// Sorted by miner id.
    pub agents: Vec<AgentMeta>,
    /// One sentence for each file that could not be read as an agent, sorted.
    pub damaged: Vec<String>,
}

/// What decides the cases and the key of every trial of a round. The file of the open round is readable by its owner
/// only: with the seed, every case can be answered in advance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoundDefinition {
    /// Unique name of the round.
    pub id: String,
    /// The secret seed of the generated cases.
    pub seed: Seed,
    /// What is hashed with id and seed into the round's commitment, equally secret.
    pub salt: String,
    /// When the seed was drawn.
    pub opened_at: Timestamp,
    /// Whether only versions uploaded before `opened_at` are judged.
    #[serde(default)]
    pub frozen: bool,
    /// The image that the agents run in, as `REFERENCE@DIGEST`; empty until the round is judged.
    pub image: String,
    /// The unit that has a container of its own, `agent` or `trial`; empty until the round is judged.
    pub isolation: String,
    /// Trials of each agent on each task.
    pub repeat: u32,
    /// The language model that agents may ask, as `NAME@DIGEST`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The tasks, in the order of the round.
    pub tasks: Vec<TaskId>,
    /// Those of the tasks that are private, if there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub private: Option<PrivateTasks>,
    /// The closed round before this one, as it was when this one was opened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<PreviousRound>,
}

impl RoundDefinition {
    /// The definition of a closed round, from its ranking; `None` if the ranking does not reveal it.
    pub fn of_closed(round: &Round) -> Option<Self> {
        Some(Self {
            id: round.id.clone(),
            seed: round.seed?,
            salt: round.salt.clone()?,
            opened_at: round.opened_at,
            frozen: round.frozen,
            image: round.image.clone(),
            isolation: round.isolation.clone(),
            repeat: round.repeat,
            model: round.model.clone(),
            tasks: round.tasks.clone(),
            private: round.private.clone(),
            previous: round.previous.clone(),
        })
    }

    /// The commitment that is published while seed and salt are secret.
    pub fn commitment(&self) -> Sha256 {
        Round::commitment_to(&self.id, self.seed, &self.salt)
    }
}
