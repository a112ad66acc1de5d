//! The client of the HTTP API, for miners and validators. An error is one sentence with the URL, the status
//! and the detail of the problem document.

use std::time::Duration;

use reqwest::multipart::{Form, Part};
use reqwest::{RequestBuilder, Response, StatusCode, Url, header};
use serde::de::DeserializeOwned;
use tasks::{Sha256, TaskView};

use crate::api::{
    AgentHistory, AgentResults, AgentView, DAMAGED_AGENTS, ListedTask, MinerId, NewToken,
    ProblemDocument, ProblemKind, ProfileEdits, Rankings, Receipt, RoundProgress, SubmissionStatus,
};

/// The maximum time for a response and for connecting.
const RESPONSE_TIMEOUT: Duration = Duration::from_mins(1);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A connection pool to one platform.
#[derive(Clone, Debug)]
pub struct Client {
    base: Url,
    http: reqwest::Client,
}

/// What an upload sends.
#[derive(Clone, Debug)]
pub struct AgentForm<'a> {
    /// The agent's owner.
    pub miner_id: &'a MinerId,
    /// The file.
    pub source: Vec<u8>,
    /// What the miner says about itself.
    pub profile: &'a ProfileEdits,
}

/// The agents stored on a platform.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AgentList {
    /// Sorted by miner id.
    pub agents: Vec<AgentView>,
    /// Number of further agents, left out because their metadata is damaged.
    pub damaged: usize,
}

/// A failed request to a platform.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The text is not the address of a platform.
    #[error("'{url}' is not the address of a platform: {reason}; expected http://HOST:PORT")]
    Address {
        /// The text.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The platform cannot be reached.
    #[error("cannot reach the platform at {url}: {reason}")]
    Transport {
        /// The URL of the request.
        url: String,
        /// The cause.
        reason: String,
    },
    /// The platform refused the request.
    #[error("{url} answered {status}: {detail}")]
    Refused {
        /// The URL of the request.
        url: String,
        /// The status code.
        status: StatusCode,
        /// The kind of problem. None if the response is not of a platform, or of a newer one.
        kind: Option<ProblemKind>,
        /// The detail of the problem document.
        detail: String,
    },
    /// The response is not what the API promises.
    #[error("unexpected response from {url}: {reason}")]
    Unexpected {
        /// The URL of the request.
        url: String,
        /// What is wrong with the response.
        reason: String,
    },
}

impl ClientError {
    /// Returns the status code of a refused request.
    pub fn status(&self) -> Option<StatusCode> {
        match self {
            Self::Refused { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// Returns the kind of problem of a refused request.
    pub fn kind(&self) -> Option<ProblemKind> {
        match self {
            Self::Refused { kind, .. } => *kind,
            _ => None,
        }
    }
}

impl Client {
    /// Creates a client of the platform at `base_url`, such as `http://127.0.0.1:7878`.
    pub fn new(base_url: &str) -> Result<Self, ClientError> {
        let wrong = |reason: String| ClientError::Address { url: base_url.to_owned(), reason };
        let mut base = Url::parse(base_url).map_err(|error| wrong(error.to_string()))?;
        if !matches!(base.scheme(), "http" | "https") {
            return Err(wrong(format!("'{}' is not http or https", base.scheme())));
        }
        // A platform may be served under a path of its own.
        if !base.path().ends_with('/') {
            base.set_path(&format!("{}/", base.path()));
        }
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(RESPONSE_TIMEOUT)
            .build()
            .map_err(|error| wrong(error.to_string()))?;
        Ok(Self { base, http })
    }

    /// Returns the public part of every task, and the entry of the private ones if there are any.
    pub async fn listed_tasks(&self) -> Result<Vec<ListedTask>, ClientError> {
        self.get("tasks").await
    }

    /// Returns the public part of every task that is not private.
    pub async fn tasks(&self) -> Result<Vec<TaskView>, ClientError> {
        let public = |listed| match listed {
            ListedTask::Public(task) => Some(*task),
            ListedTask::Private(_) => None,
        };
        Ok(self.listed_tasks().await?.into_iter().filter_map(public).collect())
    }

    /// Uploads an agent. An id that is taken requires the token of its first upload.
    pub async fn upload(
        &self,
        miner_id: &MinerId,
        source: impl Into<Vec<u8>>,
        token: Option<&str>,
    ) -> Result<Receipt, ClientError> {
        let profile = &ProfileEdits::default();
        self.upload_with(AgentForm { miner_id, source: source.into(), profile }, token).await
    }

    /// Uploads an agent with what its miner says about itself, like [`Client::upload`].
    pub async fn upload_with(
        &self,
        agent: AgentForm<'_>,
        token: Option<&str>,
    ) -> Result<Receipt, ClientError> {
        let AgentForm { miner_id, source, profile } = agent;
        let url = self.url("upload/agent")?;
        let file = Part::bytes(source).file_name("agent.py");
        let mut form = Form::new().text("miner_id", miner_id.to_string()).part("file", file);
        let parts = [("display_name", profile.display_name.text()), ("url", profile.url.text())];
        for (name, text) in parts {
            if let Some(text) = text {
                form = form.text(name, text.to_owned());
            }
        }
        let request = self.http.post(url.clone()).multipart(form);
        json(&url, send(&url, authorized(request, token)).await?).await
    }

    /// Returns the latest ranking, or `None` before the first round.
    pub async fn rankings(&self) -> Result<Option<Rankings>, ClientError> {
        match self.get("rankings").await {
            Ok(rankings) => Ok(Some(rankings)),
            Err(error) if error.status() == Some(StatusCode::NOT_FOUND) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Returns the latest ranking with the entry of one agent alone, or without entries if the agent has no rank; `None`
    /// before the first round.
    pub async fn ranking_of(&self, miner_id: &MinerId) -> Result<Option<Rankings>, ClientError> {
        match self.get(&format!("rankings?miner={miner_id}")).await {
            Ok(rankings) => Ok(Some(rankings)),
            Err(error) if error.status() == Some(StatusCode::NOT_FOUND) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Lists the stored agents.
    pub async fn agents(&self) -> Result<AgentList, ClientError> {
        let mut list = AgentList::default();
        let mut url = self.url("agents")?;
        loop {
            let response = send(&url, self.http.get(url.clone())).await?;
            let next = next_page(&response);
            list.damaged += damaged(&response);
            list.agents.extend(json::<Vec<AgentView>>(&url, response).await?);
            match next {
                Some(next) => url = next,
                None => return Ok(list),
            }
        }
    }

    /// Returns an agent with its earlier versions.
    pub async fn agent(&self, miner_id: &MinerId) -> Result<AgentHistory, ClientError> {
        self.get(&format!("agents/{miner_id}")).await
    }

    /// Withdraws an agent. Requires the token of its owner or of the validator.
    pub async fn withdraw(&self, miner_id: &MinerId, token: &str) -> Result<(), ClientError> {
        let url = self.url(&format!("agents/{miner_id}"))?;
        let request = self.http.delete(url.clone()).bearer_auth(token);
        send(&url, request).await.map(drop)
    }

    /// Exchanges the token of an id for a new one.
    pub async fn rotate_token(
        &self,
        miner_id: &MinerId,
        token: &str,
    ) -> Result<String, ClientError> {
        let url = self.url(&format!("agents/{miner_id}/token"))?;
        let request = self.http.post(url.clone()).bearer_auth(token);
        let new: NewToken = json(&url, send(&url, request).await?).await?;
        Ok(new.token)
    }

    /// Returns the source of this version of an agent, checked against its digest. Requires the validator token.
    pub async fn source(
        &self,
        agent: &AgentView,
        validator_token: &str,
    ) -> Result<String, ClientError> {
        let url =
            self.url(&format!("agents/{}/agent.py?sha256={}", agent.miner_id, agent.sha256))?;
        let request = self.http.get(url.clone()).bearer_auth(validator_token);
        let response = send(&url, request).await?;
        let bytes = response.bytes().await.map_err(|error| transport(&url, &error))?;
        let unexpected = |reason: String| ClientError::Unexpected { url: url.to_string(), reason };
        let sha256 = Sha256::of(&bytes);
        if sha256 != agent.sha256 {
            let (got, listed) = (sha256.short(), agent.sha256.short());
            let reason = format!("the source has the sha256 {got}, but {listed} was listed");
            return Err(unexpected(reason));
        }
        String::from_utf8(bytes.into()).map_err(|_| unexpected("it is not UTF-8".into()))
    }

    /// Publishes this as the latest ranking. Requires the validator token.
    pub async fn put_rankings(
        &self,
        rankings: &Rankings,
        validator_token: &str,
    ) -> Result<(), ClientError> {
        let partial = if rankings.round.partial { "?publish_partial=true" } else { "" };
        let url = self.url(&format!("rankings{partial}"))?;
        let request = self.http.put(url.clone()).bearer_auth(validator_token).json(rankings);
        send(&url, request).await.map(drop)
    }

    /// Publishes what is disclosed of an agent's trials in a round. Requires the validator token.
    pub async fn put_results(
        &self,
        results: &AgentResults,
        validator_token: &str,
    ) -> Result<(), ClientError> {
        let url = self.url("results")?;
        let request = self.http.put(url.clone()).bearer_auth(validator_token).json(results);
        send(&url, request).await.map(drop)
    }

    /// Returns what was published of an agent's trials in the latest round. Requires the token of the agent's owner or
    /// of the validator.
    pub async fn results(
        &self,
        miner_id: &MinerId,
        token: &str,
    ) -> Result<AgentResults, ClientError> {
        let url = self.url(&format!("agents/{miner_id}/results"))?;
        json(&url, send(&url, self.http.get(url.clone()).bearer_auth(token)).await?).await
    }

    /// Returns whether an agent's current version was judged, and when it may be.
    pub async fn status(&self, miner_id: &MinerId) -> Result<SubmissionStatus, ClientError> {
        self.get(&format!("agents/{miner_id}/status")).await
    }

    /// Publishes how far the evaluation of a round has come. Requires the validator token.
    pub async fn put_progress(
        &self,
        progress: &RoundProgress,
        validator_token: &str,
    ) -> Result<(), ClientError> {
        let url = self.url(&format!("rounds/{}/progress", progress.round))?;
        let request = self.http.put(url.clone()).bearer_auth(validator_token).json(progress);
        send(&url, request).await.map(drop)
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        let url = self.url(path)?;
        json(&url, send(&url, self.http.get(url.clone())).await?).await
    }

    fn url(&self, path: &str) -> Result<Url, ClientError> {
        self.base.join(path).map_err(|error| ClientError::Address {
            url: self.base.to_string(),
            reason: error.to_string(),
        })
    }
}

fn authorized(request: RequestBuilder, token: Option<&str>) -> RequestBuilder {
    match token {
        Some(token) => request.bearer_auth(token),
        None => request,
    }
}

async fn send(url: &Url, request: RequestBuilder) -> Result<Response, ClientError> {
    let response = request.send().await.map_err(|error| transport(url, &error))?;
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let body = response.bytes().await.unwrap_or_default();
    let (kind, detail) = match serde_json::from_slice::<ProblemDocument>(&body) {
        Ok(problem) => (problem.kind(), problem.detail),
        Err(_) => (None, "the response is not from a platform; check the address".to_owned()),
    };
    Err(ClientError::Refused { url: url.to_string(), status, kind, detail })
}

/// The URL of the next page of a list (RFC 8288).
fn next_page(response: &Response) -> Option<Url> {
    let link = response.headers().get(header::LINK)?.to_str().ok()?;
    let (target, _) = link.strip_prefix('<')?.split_once(">; rel=\"next\"")?;
    response.url().join(target).ok()
}

/// The number of agents that the platform left out of the list.
fn damaged(response: &Response) -> usize {
    let value = response.headers().get(DAMAGED_AGENTS);
    value.and_then(|value| value.to_str().ok()?.parse().ok()).unwrap_or(0)
}

async fn json<T: DeserializeOwned>(url: &Url, response: Response) -> Result<T, ClientError> {
    let bytes = response.bytes().await.map_err(|error| transport(url, &error))?;
    serde_json::from_slice(&bytes).map_err(|error| ClientError::Unexpected {
        url: url.to_string(),
        reason: error.to_string(),
    })
}

/// Reports the innermost cause, which is specific: `Connection refused`, not `error sending request`.
fn transport(url: &Url, error: &reqwest::Error) -> ClientError {
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    ClientError::Transport { url: url.to_string(), reason: cause.to_string() }
}
