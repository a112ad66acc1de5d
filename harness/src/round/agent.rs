//! The agents of a round, and where their sources are.

use std::sync::Arc;

use jiff::Timestamp;
use platform::MinerId;
use platform::api::{AgentHistory, AgentView};
use platform::client::Client;
use platform::store::{RoundDefinition, Store, StoreError};
use tasks::Sha256;

use crate::Fault;
use crate::choice::did_you_mean;

/// An agent that takes part in a round.
#[derive(Clone, Debug)]
pub struct Agent {
    /// Who submitted it
    pub miner_id: MinerId,
    /// Its source's digest
    pub sha256: Sha256,
    /// The digest of its program, if it is known: equal for copies
    pub program_sha256: Option<Sha256>,
    /// When this version was accepted: the earlier one wins a tie
    pub uploaded_at: Timestamp,
    /// When this miner first submitted this program, in any formatting: the earliest one is the original
    pub first_submitted_at: Timestamp,
    /// Where its source is
    pub source: AgentSource,
}

/// Where an agent's source is. A source that is not in memory is read when the agent's trials begin, so that a round
/// of thousands needs no more memory than a round of ten; it is checked against its digest.
#[derive(Clone, Debug)]
pub enum AgentSource {
    /// In memory
    Text(String),
    /// In the store
    Stored(Store, Box<AgentView>),
    /// On a platform, which serves it to the holder of this validator token
    Served(Client, Box<AgentView>, Arc<str>),
}

impl Agent {
    /// A built-in agent that no miner submitted, such as a control.
    pub fn local(name: &str, source: String) -> Self {
        Self {
            miner_id: name.parse().expect("the names of local agents are miner ids"),
            sha256: Sha256::of(source.as_bytes()),
            program_sha256: None,
            uploaded_at: Timestamp::UNIX_EPOCH,
            first_submitted_at: Timestamp::UNIX_EPOCH,
            source: AgentSource::Text(source),
        }
    }

    /// An agent of the store.
    pub fn stored(store: &Store, agent: AgentHistory) -> Self {
        let first_submitted_at = agent.first_submitted_at();
        let view = agent.current;
        let source = AgentSource::Stored(store.clone(), Box::new(view.clone()));
        Self::new(&view, first_submitted_at, source)
    }

    /// An agent of a platform.
    pub fn served(client: &Client, agent: AgentHistory, token: &Arc<str>) -> Self {
        let first_submitted_at = agent.first_submitted_at();
        let view = agent.current;
        let source = AgentSource::Served(client.clone(), Box::new(view.clone()), Arc::clone(token));
        Self::new(&view, first_submitted_at, source)
    }

    fn new(view: &AgentView, first_submitted_at: Timestamp, source: AgentSource) -> Self {
        Self {
            miner_id: view.miner_id.clone(),
            sha256: view.sha256.clone(),
            program_sha256: view.program_sha256.clone(),
            uploaded_at: view.uploaded_at,
            first_submitted_at,
            source,
        }
    }

    /// Reads its source.
    pub async fn read(&self) -> Result<String, Fault> {
        match &self.source {
            AgentSource::Text(text) => Ok(text.clone()),
            AgentSource::Stored(store, view) => {
                Ok(store.source_of_version(&view.miner_id, &view.sha256)?)
            }
            AgentSource::Served(client, view, token) => Ok(client.source(view, token).await?),
        }
    }
}

/// Which versions of agents take part in a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VersionLimit {
    /// The current one.
    None,
    /// The latest one that was uploaded before the round was opened.
    Before(Timestamp),
}

impl VersionLimit {
    /// The versions that a round judges.
    pub fn of(round: &RoundDefinition) -> Self {
        if round.frozen { Self::Before(round.opened_at) } else { Self::None }
    }

    /// Returns the version of an agent that takes part, with those before it; `None` if there is none.
    pub fn apply(self, agent: AgentHistory) -> Option<AgentHistory> {
        let Self::Before(limit) = self else { return Some(agent) };
        if agent.current.uploaded_at < limit {
            return Some(agent);
        }
        let mut agent = agent;
        agent.history.retain(|version| version.uploaded_at < limit);
        agent.before()
    }
}

/// The agents of a store.
#[derive(Debug)]
pub struct StoredAgents {
    /// The agents
    pub agents: Vec<Agent>,
    /// The owners of agents that have no version within the limit
    pub later: Vec<MinerId>,
    /// One sentence for each entry that is not a whole agent
    pub damaged: Vec<String>,
}

/// Lists the agents of a store.
pub fn stored_agents(store: &Store, limit: VersionLimit) -> Result<StoredAgents, StoreError> {
    let listing = store.agents()?;
    let (mut agents, mut later) = (Vec::new(), Vec::new());
    for meta in listing.agents {
        let miner_id = meta.miner_id.clone();
        match limit.apply(AgentHistory::from(meta)) {
            Some(agent) => agents.push(Agent::stored(store, agent)),
            None => later.push(miner_id),
        }
    }
    Ok(StoredAgents { agents, later, damaged: listing.damaged })
}

/// Why agents cannot be chosen by these names.
#[derive(Debug, thiserror::Error)]
pub enum ChooseAgentsError {
    /// The name is not a miner id.
    #[error("{0}")]
    NotAMinerId(String),
    /// No agent has the name.
    #[error("no agent '{name}' is stored{suggestion}; 'arena agents' lists the stored ones")]
    Unknown {
        /// The name
        name: String,
        /// An agent that may be meant
        suggestion: String,
    },
}

/// Returns the agents with these names, or all without names.
pub fn choose(mut agents: Vec<Agent>, names: &[String]) -> Result<Vec<Agent>, ChooseAgentsError> {
    for name in names {
        let wrong = |error: _| ChooseAgentsError::NotAMinerId(ToString::to_string(&error));
        let miner_id = name.parse::<MinerId>().map_err(wrong)?;
        if !agents.iter().any(|agent| agent.miner_id == miner_id) {
            let suggestion = did_you_mean(name, agents.iter().map(|agent| agent.miner_id.as_str()));
            return Err(ChooseAgentsError::Unknown { name: name.clone(), suggestion });
        }
    }
    agents.retain(|agent| {
        names.is_empty() || names.iter().any(|name| *name == agent.miner_id.as_str())
    });
    Ok(agents)
}
