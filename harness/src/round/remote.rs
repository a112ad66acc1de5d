//! A round of a remote platform: its tasks, and for its validator also its agents and its rankings.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use platform::MinerId;
use platform::api::{AgentResults, AgentView, PreviousRound, Rankings, RoundProgress, RoundStatus};
use platform::client::{Client, ClientError};
use platform::store::Store;
use tasks::{Sha256, Task};

use crate::Fault;
use crate::round::agent::{Agent, VersionLimit};

/// Why a platform's round cannot be evaluated.
#[derive(Debug, thiserror::Error)]
pub enum RemoteError {
    /// The file of the validator's token cannot be used.
    #[error("cannot use {} as the validator's token: {cause}", .path.display())]
    TokenFile {
        /// The file
        path: PathBuf,
        /// What is wrong with it
        cause: String,
    },
    /// A task there and here differ, so agents would be judged by a task that they were not asked.
    #[error(
        "{url} serves another version of task '{id}' than this one judges; build both from the same source"
    )]
    OtherTask {
        /// The platform
        url: String,
        /// The task
        id: String,
    },
    /// The platform serves none of the chosen tasks.
    #[error("{0} serves none of the chosen tasks")]
    NoTasks(String),
    /// The platform has another history of rounds than the store.
    #[error(
        "broken chain: the latest closed round of {url} is {there}, but that of this store is {here}; publish the missing \
         rankings there, oldest first, or evaluate with the store whose rounds were published there"
    )]
    OtherChain {
        /// The platform
        url: String,
        /// Its latest closed round
        there: String,
        /// The closed round before the store's open or next one
        here: String,
    },
    /// The address is not that of a platform.
    #[error(transparent)]
    Address(ClientError),
    /// The platform does not accept the validator's token.
    #[error("{0}; give the platform's validator token with --validator-token-file")]
    Refused(ClientError),
    /// A request failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// A platform, as everyone sees it.
pub struct RemotePlatform {
    url: String,
    client: Client,
    token: Option<Arc<str>>,
}

/// A platform, as its validator sees it.
pub struct RemoteValidator<'a> {
    /// Its address
    pub url: &'a str,
    client: &'a Client,
    token: &'a Arc<str>,
}

/// The agents of a platform.
pub struct RemoteAgents {
    /// The agents. Their sources are fetched when they are needed
    pub agents: Vec<Agent>,
    /// Number of agents that cannot be evaluated, because their metadata is damaged
    pub damaged: usize,
    /// The owners of agents that have no version within the limit
    pub later: Vec<MinerId>,
}

/// Reads the validator's token from its file.
pub fn read_token(path: &Path) -> Result<Arc<str>, RemoteError> {
    let wrong = |cause: String| RemoteError::TokenFile { path: path.to_owned(), cause };
    let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    match text.trim() {
        "" => Err(wrong("it is empty".to_owned())),
        token => Ok(Arc::from(token)),
    }
}

impl RemotePlatform {
    /// The platform at this address. With its validator token, agents can be fetched and rankings published.
    pub fn new(url: &str, token: Option<Arc<str>>) -> Result<Self, RemoteError> {
        let client = Client::new(url).map_err(RemoteError::Address)?;
        Ok(Self { url: url.to_owned(), client, token })
    }

    /// The platform as its validator sees it, if the validator's token is known.
    pub fn as_validator(&self) -> Option<RemoteValidator<'_>> {
        let token = self.token.as_ref()?;
        Some(RemoteValidator { url: &self.url, client: &self.client, token })
    }

    /// Returns those of `tasks` that the platform serves, in its order. The tasks here and there must be equal.
    pub async fn tasks(&self, mut tasks: Vec<Task>) -> Result<Vec<Task>, RemoteError> {
        let mut chosen = Vec::new();
        for view in self.client.tasks().await.map_err(Fault::from)? {
            let Some(place) = tasks.iter().position(|task| task.id == view.id) else { continue };
            let task = tasks.remove(place);
            if task.view() != view {
                let (url, id) = (self.url.clone(), view.id.to_string());
                return Err(RemoteError::OtherTask { url, id });
            }
            chosen.push(task);
        }
        if chosen.is_empty() {
            return Err(RemoteError::NoTasks(self.url.clone()));
        }
        Ok(chosen)
    }
}

impl RemoteValidator<'_> {
    /// Checks the token, so that a wrong one fails once and not in every trial. Only the validator learns whether a
    /// source exists, so one that does not exist is asked for.
    pub async fn check_token(&self) -> Result<(), RemoteError> {
        let probe = AgentView {
            miner_id: "0".parse().expect("a digit is a miner id"),
            version: 0,
            sha256: Sha256::of(b""),
            program_sha256: None,
            size: 0,
            uploaded_at: Timestamp::UNIX_EPOCH,
            display_name: None,
            url: None,
            withdrawn_at: None,
        };
        let Err(error) = self.client.source(&probe, self.token).await else { return Ok(()) };
        match error.status().map(|status| status.as_u16()) {
            Some(404) => Ok(()),
            Some(401 | 403) => Err(RemoteError::Refused(error)),
            _ => Err(Fault::from(error).into()),
        }
    }

    /// Checks that the store's rounds go on where the platform's end, and returns the platform's latest closed round.
    /// A store without rounds goes on there as well.
    pub async fn latest_closed(&self, store: &Store) -> Result<Option<PreviousRound>, RemoteError> {
        let Some(published) = self.client.rankings().await.map_err(Fault::from)? else {
            return Ok(None);
        };
        let there = match published.round.status {
            RoundStatus::Open => published.round.previous,
            RoundStatus::Closed => Some(published.link()),
        };
        let here = match store.open_round().map_err(Fault::from)? {
            Some(open) => open.previous,
            None => match store.latest_closed(None).map_err(Fault::from)? {
                None => return Ok(there),
                latest => latest,
            },
        };
        if there.is_none() || there == here {
            return Ok(there);
        }
        let name = |round: Option<PreviousRound>| round.map_or("none".to_owned(), |round| round.id);
        let (there, here) = (name(there), name(here));
        Err(RemoteError::OtherChain { url: self.url.to_owned(), there, here })
    }

    /// Lists the platform's agents.
    pub async fn agents(&self, limit: VersionLimit) -> Result<RemoteAgents, RemoteError> {
        let list = self.client.agents().await.map_err(Fault::from)?;
        let (mut agents, mut later) = (Vec::new(), Vec::new());
        for view in list.agents {
            let agent = self.client.agent(&view.miner_id).await.map_err(Fault::from)?;
            match limit.apply(agent) {
                Some(agent) => agents.push(Agent::served(self.client, agent, self.token)),
                None => later.push(view.miner_id),
            }
        }
        Ok(RemoteAgents { agents, damaged: list.damaged, later })
    }

    /// What sends results and progress to the platform.
    pub fn sender(&self) -> PlatformSender {
        PlatformSender { client: self.client.clone(), token: Arc::clone(self.token) }
    }

    /// Publishes rankings on the platform.
    pub async fn publish(&self, rankings: &Rankings) -> Result<(), Fault> {
        Ok(self.client.put_rankings(rankings, self.token).await?)
    }
}

/// Sends results and progress to a platform, from any number of tasks at once.
#[derive(Clone)]
pub struct PlatformSender {
    client: Client,
    token: Arc<str>,
}

impl PlatformSender {
    /// Publishes the results of one agent on the platform.
    pub async fn send_results(&self, results: &AgentResults) -> Result<(), Fault> {
        Ok(self.client.put_results(results, &self.token).await?)
    }

    /// Publishes how far the round has come.
    pub async fn send_progress(&self, progress: &RoundProgress) -> Result<(), Fault> {
        Ok(self.client.put_progress(progress, &self.token).await?)
    }
}
