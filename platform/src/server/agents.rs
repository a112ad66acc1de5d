//! `GET /agents...`: who is stored, and, for the validator alone, what.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use tasks::Sha256;
use utoipa::IntoParams;

use super::auth::Validator;
use super::extract::{Name, Query};
use super::problem::{ForOperator, Refusal};
use super::{App, blocking};
use crate::MinerId;
use crate::api::{AgentHistory, AgentView, DAMAGED_AGENTS};
use crate::store::{AgentMeta, StoreError};

/// The most agents of one answer.
const MAX_PAGE: usize = 1_000;

/// How many damaged agents the operator is told of for each list.
const MAX_TOLD: usize = 5;

/// Which part of the list is wanted.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Page {
    /// Start after this id
    #[param(value_type = Option<String>, pattern = "^[a-z0-9][a-z0-9_-]{0,63}$")]
    after: Option<MinerId>,
    /// How many at most; 1,000 unless said otherwise
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
}

/// Which version of a source is wanted.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Wanted {
    /// The digest of the version; the latest unless said otherwise
    #[param(value_type = Option<String>, pattern = "^[0-9a-f]{64}$")]
    sha256: Option<Sha256>,
}

/// Who is stored
///
/// One page, sorted by id, and a Link to the next.
#[utoipa::path(
    get, path = "/agents", tag = "readers", params(Page),
    responses(
        (status = 200, description = "The agents, without their sources", body = Vec<AgentView>,
            headers(
                ("Link" = String, description = "The next page, if there is one"),
                ("X-Damaged-Agents" = u32, description = "How many are left out, for their metadata is damaged")
            )),
        Refusal,
    ),
)]
pub(super) async fn list(
    State(app): State<App>,
    Query(page): Query<Page>,
) -> Result<Response, Refusal> {
    let limit = page.limit.unwrap_or(MAX_PAGE);
    if !(1..=MAX_PAGE).contains(&limit) {
        let detail = format!("limit is {limit}: name one from 1 to {MAX_PAGE}");
        return Err(Refusal::new(StatusCode::BAD_REQUEST, detail));
    }
    let (agents, damaged, next) = blocking(move || {
        let ids = app.store.agent_ids()?;
        let start = page.after.map_or(0, |after| ids.partition_point(|id| *id <= after));
        let ids_here = &ids[start..ids.len().min(start + limit)];
        let (mut agents, mut damaged) = (Vec::with_capacity(ids_here.len()), Vec::new());
        for miner_id in ids_here {
            match app.store.agent(miner_id) {
                Ok(meta) => agents.extend(meta.map(AgentView::from)),
                // It hides no other.
                Err(error @ StoreError::Damaged { .. }) => damaged.push(error.to_string()),
                // A list that left out whom the disk could not read just now would cost them a round.
                Err(error) => return Err(error.into()),
            }
        }
        let next = if start + limit < ids.len() { ids_here.last().cloned() } else { None };
        Ok((agents, damaged, next))
    })
    .await?;
    let mut response = Json(agents).into_response();
    if !damaged.is_empty() {
        response.headers_mut().insert(DAMAGED_AGENTS, damaged.len().into());
        let told = damaged[..damaged.len().min(MAX_TOLD)].join("; ");
        let told = format!("{} agents are left out of the list: {told}", damaged.len());
        response.extensions_mut().insert(ForOperator(told));
    }
    if let Some(after) = next {
        // Relative to the address that was asked, whatever a proxy calls it.
        let link = format!("<?after={after}&limit={limit}>; rel=\"next\"");
        let link = HeaderValue::from_str(&link).expect("a miner id is plain ASCII");
        response.headers_mut().insert(header::LINK, link);
    }
    Ok(response)
}

/// One agent with the versions before
#[utoipa::path(
    get, path = "/agents/{miner_id}", tag = "readers",
    params(("miner_id" = MinerId, Path, description = "Whose agent")),
    responses(
        (status = 200, description = "The agent, without its source", body = AgentHistory),
        Refusal,
    ),
)]
pub(super) async fn one(
    State(app): State<App>,
    Name(miner_id): Name,
) -> Result<Json<AgentHistory>, Refusal> {
    let meta = blocking(move || find(&app, &miner_id)).await?;
    Ok(Json(meta.into()))
}

/// An agent's source
///
/// A round takes long, and a miner may upload meanwhile: with its digest, the version that was listed is there all the same.
#[utoipa::path(
    get, path = "/agents/{miner_id}/agent.py", tag = "validators",
    params(("miner_id" = MinerId, Path, description = "Whose agent"), Wanted),
    security(("validator" = [])),
    responses(
        (status = 200, description = "The file as it was uploaded", body = String, content_type = "text/x-python"),
        Refusal,
    ),
)]
pub(super) async fn source(
    State(app): State<App>,
    _: Validator,
    Name(miner_id): Name,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Refusal> {
    let source = blocking(move || {
        let mut meta = find(&app, &miner_id)?;
        if let Some(sha256) = wanted.sha256.filter(|sha256| *sha256 != meta.sha256) {
            if !meta.history.iter().any(|version| version.sha256 == sha256) {
                let detail = format!("{miner_id} has no version {}", sha256.short());
                return Err(Refusal::new(StatusCode::NOT_FOUND, detail));
            }
            meta.sha256 = sha256;
        }
        Ok(app.store.source(&meta)?)
    })
    .await?;
    Ok(([(header::CONTENT_TYPE, "text/x-python; charset=utf-8")], source).into_response())
}

fn find(app: &App, miner_id: &str) -> Result<AgentMeta, Refusal> {
    let miner_id: MinerId = miner_id
        .parse()
        .map_err(|error| Refusal::new(StatusCode::NOT_FOUND, format!("{error}")))?;
    let meta = app.store.agent(&miner_id)?;
    Ok(meta.ok_or(StoreError::Unknown(miner_id))?)
}
