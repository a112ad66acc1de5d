//! The stored agents, and their sources for the validator.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use tasks::Sha256;
use utoipa::IntoParams;

use super::lookup::find;
use super::pages;

use crate::api::{AgentHistory, AgentView, DAMAGED_AGENTS, MinerId, ProblemKind};
use crate::server::agent_lists::{AgentListPage, ListPart};
use crate::server::app::{App, blocking};
use crate::server::auth::{self, ValidatorAuth};
use crate::server::extract::{ClientAddress, PathSegment, QueryParams};
use crate::server::log::AuditEvent;
use crate::server::middleware::RequestDeadline;
use crate::server::negotiation::{FormatQuery, Negotiated, no_csv, varies};
use crate::server::observe::RequestNotes;
use crate::server::problem::{OperatorMessage, ProblemResponse};
use crate::server::response_format::ResponseFormat;

/// The maximum number of agents in one response.
const MAX_PAGE: usize = 1_000;

/// The maximum number of damaged agents that a log line names.
const MAX_LOGGED: usize = 5;

/// A part of the list.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct AgentsQuery {
    /// Start after this id
    #[param(value_type = Option<String>, pattern = "^[a-z0-9][a-z0-9_-]{0,63}$")]
    after: Option<MinerId>,
    /// Maximum number of agents, 1,000 by default
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
}

/// The version of a source.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct SourceQuery {
    /// The digest of the version, the latest by default
    #[param(value_type = Option<String>, pattern = "^[0-9a-f]{64}$")]
    sha256: Option<Sha256>,
}

/// List the stored agents
///
/// Returns one page, sorted by id, with a Link to the next.
#[utoipa::path(
    get, operation_id = "list_agents", path = "/agents", tag = "readers", params(AgentsQuery),
    responses(
        (status = 200, description = "The agents, without their sources", body = Vec<AgentView>,
            headers(
                ("Link" = String, description = "The next page, if there is one"),
                ("X-Damaged-Agents" = u32, description = "Number of agents left out because their metadata is damaged")
            )),
        ProblemResponse,
    ),
)]
pub(super) async fn list(
    State(app): State<App>,
    QueryParams(query): QueryParams<AgentsQuery>,
) -> Result<Response, ProblemResponse> {
    let limit = query.limit.unwrap_or(MAX_PAGE);
    if !(1..=MAX_PAGE).contains(&limit) {
        let detail = format!("`limit` is {limit}: expected 1 to {MAX_PAGE}");
        return Err(ProblemResponse::new(ProblemKind::ParameterInvalid, detail));
    }
    let part = ListPart { after: query.after, limit };
    let list = match app.lists.known(&app.store, &part) {
        Some(list) => list,
        None => blocking(move || Ok(app.lists.page(&app.store, part)?)).await?,
    };
    let AgentListPage { body, damaged, next } = list;
    let mut response = body.into_response();
    if !damaged.is_empty() {
        response.headers_mut().insert(DAMAGED_AGENTS, damaged.len().into());
        let logged = damaged[..damaged.len().min(MAX_LOGGED)].join("; ");
        let message = format!("{} agents are left out of the list: {logged}", damaged.len());
        response.extensions_mut().insert(OperatorMessage(message));
    }
    if let Some(after) = next {
        // Relative to the requested URL, so that it works behind a proxy.
        let link = format!("<?after={after}&limit={limit}>; rel=\"next\"");
        let link = HeaderValue::from_str(&link).expect("a miner id is ASCII");
        response.headers_mut().insert(header::LINK, link);
    }
    Ok(response)
}

/// Show an agent with its earlier versions
///
/// Browsers get a page.
#[utoipa::path(
    get, operation_id = "get_agent", path = "/agents/{miner_id}", tag = "readers",
    params(("miner_id" = MinerId, Path, description = "The agent's owner"), FormatQuery),
    responses(
        (status = 200, description = "The agent, without its source",
            content((AgentHistory = "application/json"), (String = "text/html"))),
        ProblemResponse,
    ),
)]
pub(super) async fn one(
    State(app): State<App>,
    PathSegment(miner_id): PathSegment,
    Negotiated(format): Negotiated,
) -> Result<Response, ProblemResponse> {
    if format == ResponseFormat::Csv {
        return Err(no_csv());
    }
    blocking(move || {
        let meta = find(&app, &miner_id)?;
        Ok(match format {
            ResponseFormat::Html => varies(pages::agent_page(&app, meta)?),
            _ => varies(Json(AgentHistory::from(meta))),
        })
    })
    .await
}

/// Return an agent's source
///
/// A miner may upload during a round: the digest selects the version that was listed.
#[utoipa::path(
    get, operation_id = "get_agent_source", path = "/agents/{miner_id}/agent.py", tag = "validators",
    params(("miner_id" = MinerId, Path, description = "The agent's owner"), SourceQuery),
    security(("validator" = [])),
    responses(
        (status = 200, description = "The file as it was uploaded", body = String, content_type = "text/x-python"),
        ProblemResponse,
    ),
)]
pub(super) async fn source(
    State(app): State<App>,
    _: ValidatorAuth,
    PathSegment(miner_id): PathSegment,
    QueryParams(query): QueryParams<SourceQuery>,
) -> Result<Response, ProblemResponse> {
    let source = blocking(move || {
        let mut meta = find(&app, &miner_id)?;
        if let Some(sha256) = query.sha256.filter(|sha256| *sha256 != meta.sha256) {
            if !meta.history.iter().any(|version| version.sha256 == sha256) {
                let detail = format!("{miner_id} has no version {}", sha256.short());
                return Err(ProblemResponse::new(ProblemKind::VersionUnknown, detail));
            }
            meta.sha256 = sha256;
        }
        Ok(app.store.source(&meta)?)
    })
    .await?;
    Ok(([(header::CONTENT_TYPE, "text/x-python; charset=utf-8")], source).into_response())
}

/// Withdraw an agent
///
/// It is no longer listed or judged. Its places in past rounds stay, and so does its id: the same token may upload again.
#[utoipa::path(
    delete, path = "/agents/{miner_id}", tag = "miners", operation_id = "withdraw_agent",
    params(("miner_id" = MinerId, Path, description = "The agent's owner")),
    security(("miner" = []), ("validator" = [])),
    responses((status = 204, description = "The agent is withdrawn"), ProblemResponse),
)]
pub(super) async fn withdraw(
    State(app): State<App>,
    ClientAddress(address): ClientAddress,
    PathSegment(miner_id): PathSegment,
    deadline: RequestDeadline,
    notes: RequestNotes,
    headers: HeaderMap,
) -> Result<StatusCode, ProblemResponse> {
    if let Some(meters) = &app.meters {
        meters.upload(address)?;
    }
    let token = auth::bearer(&headers)?;
    let miner_id = blocking(move || {
        let meta = find(&app, &miner_id)?;
        auth::check_owner_or_validator(&app, &meta, token.as_deref())?;
        deadline.meet()?;
        app.store.withdraw(&meta.miner_id)?;
        Ok(meta.miner_id)
    })
    .await?;
    notes.about(&miner_id);
    notes.audit(AuditEvent::AgentWithdrawn { miner_id });
    Ok(StatusCode::NO_CONTENT)
}
