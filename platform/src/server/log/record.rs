//! What the log records. What is never logged, such as tokens, sources and queries, has no field.

use std::net::IpAddr;
use std::time::Duration;

use axum::extract::MatchedPath;
use axum::http::Method;
use tasks::Sha256;

use crate::api::{MinerId, ProblemKind};

/// How lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// `TIME event=request status=200 ...`
    Text,
    /// One JSON object per line.
    Json,
}

/// What one line is about.
#[derive(Debug)]
pub(crate) enum LogEntry {
    /// A request was answered.
    Request(AccessRecord),
    /// Something happened that an operator must be able to prove.
    Audit(AuditRecord),
    /// A message to the operator.
    Message(String),
}

/// One answered request.
#[derive(Debug)]
pub(crate) struct AccessRecord {
    pub(crate) origin: RequestOrigin,
    pub(crate) method: Method,
    /// The template of the route; none where no route matches.
    pub(crate) route: Option<MatchedPath>,
    pub(crate) path: String,
    pub(crate) status: u16,
    /// Bytes of the body that were passed to the connection.
    pub(crate) bytes: u64,
    /// Time from the header of the request to the end of the response.
    pub(crate) duration: Duration,
    pub(crate) miner_id: Option<MinerId>,
    pub(crate) problem: Option<ProblemKind>,
}

/// Where a request came from, and its name in the log and in the header `X-Request-Id`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RequestOrigin {
    pub(crate) id: u64,
    pub(crate) address: IpAddr,
}

/// One event.
#[derive(Debug)]
pub(crate) struct AuditRecord {
    pub(crate) origin: RequestOrigin,
    pub(crate) event: AuditEvent,
}

/// What happened. No event has a token or a source.
#[derive(Clone, Debug)]
pub(crate) enum AuditEvent {
    /// An agent was stored.
    Upload { miner_id: MinerId, version: u32, sha256: Sha256 },
    /// The owner of an id has exchanged its token.
    TokenExchanged { miner_id: MinerId },
    /// A token was refused.
    TokenRefused { miner_id: Option<MinerId>, problem: ProblemKind },
    /// The validator has published a ranking.
    RankingPublished { round: String },
    /// The validator has published the trials of an agent.
    ResultsPublished { round: String, miner_id: MinerId, trials: usize },
    /// The owner of an agent has withdrawn it.
    AgentWithdrawn { miner_id: MinerId },
}
