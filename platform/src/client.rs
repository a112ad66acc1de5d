//! The other end of the API, for miners and validators. Errors are one clear sentence: which address,
//! which status, and what the problem document says.

use std::time::Duration;

use reqwest::multipart::{Form, Part};
use reqwest::{RequestBuilder, Response, StatusCode, Url, header};
use serde::de::DeserializeOwned;
use tasks::{Sha256, TaskView};

use crate::MinerId;
use crate::api::{AgentHistory, AgentView, DAMAGED_AGENTS, NewToken, Problem};
use crate::rankings::Rankings;
use crate::store::Receipt;

/// How long an answer may take, and how long a connection.
const ANSWER_TIMEOUT: Duration = Duration::from_mins(1);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A platform somewhere.
#[derive(Clone, Debug)]
pub struct Client {
    base: Url,
    http: reqwest::Client,
}

/// Who is stored on a platform.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AgentList {
    /// Sorted by miner id.
    pub agents: Vec<AgentView>,
    /// How many more there are, whose metadata is damaged.
    pub damaged: usize,
}

/// The platform did not answer as wished.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The address is none.
    #[error("'{url}' is not the address of a platform: {reason}; http://HOST:PORT is wanted")]
    Address {
        /// What was given.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Nothing answered, or not what a platform answers.
    #[error("cannot reach the platform at {url}: {reason}")]
    Transport {
        /// What was asked for.
        url: String,
        /// What went wrong.
        reason: String,
    },
    /// The platform refused.
    #[error("{url} answered {status}: {detail}")]
    Refused {
        /// What was asked for.
        url: String,
        /// The status.
        status: StatusCode,
        /// What the platform says to change.
        detail: String,
    },
    /// The platform sent something other than it announced.
    #[error("{url} answered with something unexpected: {reason}")]
    Unexpected {
        /// What was asked for.
        url: String,
        /// What is wrong with the answer.
        reason: String,
    },
}

impl ClientError {
    /// The status of a refusal.
    pub fn status(&self) -> Option<StatusCode> {
        match self {
            Self::Refused { status, .. } => Some(*status),
            _ => None,
        }
    }
}

impl Client {
    /// A client of the platform at `base_url`, such as `http://127.0.0.1:8080`.
    pub fn new(base_url: &str) -> Result<Self, ClientError> {
        let wrong = |reason: String| ClientError::Address { url: base_url.to_owned(), reason };
        let mut base = Url::parse(base_url).map_err(|error| wrong(error.to_string()))?;
        if !matches!(base.scheme(), "http" | "https") {
            return Err(wrong(format!("'{}' is not http or https", base.scheme())));
        }
        // So that a platform can live under a path of its own.
        if !base.path().ends_with('/') {
            base.set_path(&format!("{}/", base.path()));
        }
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(ANSWER_TIMEOUT)
            .build()
            .map_err(|error| wrong(error.to_string()))?;
        Ok(Self { base, http })
    }

    /// The public side of every task.
    pub async fn tasks(&self) -> Result<Vec<TaskView>, ClientError> {
        self.get("tasks").await
    }

    /// Uploads an agent. An id that is taken needs the token of its first upload.
    pub async fn upload(
        &self,
        miner_id: &MinerId,
        source: impl Into<Vec<u8>>,
        token: Option<&str>,
    ) -> Result<Receipt, ClientError> {
        let url = self.url("upload/agent")?;
        let file = Part::bytes(source.into()).file_name("agent.py");
        let form = Form::new().text("miner_id", miner_id.to_string()).part("file", file);
        let request = self.http.post(url.clone()).multipart(form);
        json(&url, send(&url, authorized(request, token)).await?).await
    }

    /// The latest ranking, or nothing before the first round.
    pub async fn rankings(&self) -> Result<Option<Rankings>, ClientError> {
        match self.get("rankings").await {
            Ok(rankings) => Ok(Some(rankings)),
            Err(error) if error.status() == Some(StatusCode::NOT_FOUND) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Who is stored.
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

    /// One agent with the versions before.
    pub async fn agent(&self, miner_id: &MinerId) -> Result<AgentHistory, ClientError> {
        self.get(&format!("agents/{miner_id}")).await
    }

    /// A new token for an id, in exchange for the old one.
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

    /// The source of this version of an agent, checked against its digest. For the validator.
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
            let (got, wanted) = (sha256.short(), agent.sha256.short());
            let reason = format!("the source has the sha256 {got}, and {wanted} was listed");
            return Err(unexpected(reason));
        }
        String::from_utf8(bytes.into()).map_err(|_| unexpected("it is not UTF-8".into()))
    }

    /// Makes this the latest ranking. For the validator.
    pub async fn put_rankings(
        &self,
        rankings: &Rankings,
        validator_token: &str,
    ) -> Result<(), ClientError> {
        let url = self.url("rankings")?;
        let request = self.http.put(url.clone()).bearer_auth(validator_token).json(rankings);
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
    let detail = match serde_json::from_slice::<Problem>(&body) {
        Ok(problem) => problem.detail,
        Err(_) => "and said nothing that a platform says; is this the right address?".to_owned(),
    };
    Err(ClientError::Refused { url: url.to_string(), status, detail })
}

/// Where the list goes on (RFC 8288).
fn next_page(response: &Response) -> Option<Url> {
    let link = response.headers().get(header::LINK)?.to_str().ok()?;
    let (target, _) = link.strip_prefix('<')?.split_once(">; rel=\"next\"")?;
    response.url().join(target).ok()
}

/// How many agents the platform says that it has left out.
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

/// The innermost cause is the one that says something: `Connection refused`, not `error sending request`.
fn transport(url: &Url, error: &reqwest::Error) -> ClientError {
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    ClientError::Transport { url: url.to_string(), reason: cause.to_string() }
}
