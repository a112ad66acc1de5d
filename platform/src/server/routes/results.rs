//! The published trials of an agent: why it has its score. For its owner and the validator only.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use utoipa::IntoParams;

use super::lookup::find;
use crate::api::{AgentHistory, AgentResults, MinerId, ProblemKind};
use crate::server::app::{App, blocking};
use crate::server::auth::{self, ValidatorAuth};
use crate::server::extract::{JsonBody, PathSegment, QueryParams};
use crate::server::log::AuditEvent;
use crate::server::middleware::RequestDeadline;
use crate::server::observe::RequestNotes;
use crate::server::problem::ProblemResponse;
use crate::store::StoreError;

/// Publish the trials of an agent
///
/// The ranking of their round has to be published first. They must agree with it, and disclose nothing that has to stay
/// secret. They replace what was published of the agent in the round before.
#[utoipa::path(
    put, path = "/results", tag = "validators", operation_id = "publish_results",
    request_body = AgentResults,
    security(("validator" = [])),
    responses((status = 204, description = "The results are stored"), ProblemResponse),
)]
pub(super) async fn publish(
    State(app): State<App>,
    _: ValidatorAuth,
    deadline: RequestDeadline,
    notes: RequestNotes,
    JsonBody(results): JsonBody<AgentResults>,
) -> Result<StatusCode, ProblemResponse> {
    let published = AuditEvent::ResultsPublished {
        round: results.round.clone(),
        miner_id: results.miner_id.clone(),
        trials: results.trials.len(),
    };
    blocking(move || {
        check(&app, &results)?;
        deadline.meet()?;
        Ok(app.store.put_trials(&results)?)
    })
    .await?;
    notes.audit(published);
    Ok(StatusCode::NO_CONTENT)
}

/// Refuses results that do not agree with the published ranking of their round.
fn check(app: &App, results: &AgentResults) -> Result<(), ProblemResponse> {
    let refused = |problem| ProblemResponse::new(ProblemKind::ContentRefused, problem);
    let latest = app.boards.current(&app.store)?;
    let checked = match latest.filter(|board| board.rankings.round.id == results.round) {
        Some(board) => results.check(&board.rankings),
        None => match app.store.ranking_of(&results.round) {
            Ok(Some((rankings, _))) => results.check(&rankings),
            Err(StoreError::Round(problem)) => Err(problem),
            Err(error) => return Err(error.into()),
            Ok(None) => Err(format!(
                "no ranking of round {} is published here: publish it first",
                results.round
            )),
        },
    };
    checked.map_err(refused)?;
    // Of an agent that was not judged, the ranking does not state the version.
    let agent = match app.store.agent(&results.miner_id) {
        Err(StoreError::Damaged { .. }) => return Ok(()),
        agent => agent?.map(AgentHistory::from),
    };
    if results.trials.is_empty() || agent.is_none_or(|a| a.as_of(&results.agent_sha256).is_some()) {
        return Ok(());
    }
    Err(refused(format!("'{}' has no version {}", results.miner_id, results.agent_sha256.short())))
}

/// Which results of an agent are shown.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ResultsQuery {
    /// The id of a round; by default the latest one that has results of the agent
    #[param(pattern = "^[0-9A-Za-z-]{1,64}$")]
    round: Option<String>,
}

/// Show why an agent has its score
///
/// Returns the agent's trials in a round, as far as the validator discloses them: the verdict of each, its failed cases, the
/// end of stderr, what it used, and attempts that ended in a fault. The results of the latest five rounds are kept.
#[utoipa::path(
    get, path = "/agents/{miner_id}/results", tag = "miners", operation_id = "get_agent_results",
    params(("miner_id" = MinerId, Path, description = "The agent's owner"), ResultsQuery),
    security(("miner" = []), ("validator" = [])),
    responses(
        (status = 200, description = "The trials of the agent", body = AgentResults),
        ProblemResponse,
    ),
)]
pub(super) async fn of_agent(
    State(app): State<App>,
    PathSegment(miner_id): PathSegment,
    QueryParams(query): QueryParams<ResultsQuery>,
    headers: HeaderMap,
) -> Result<Response, ProblemResponse> {
    let token = auth::bearer(&headers)?;
    let request = ResultsRequest { miner_id, round: query.round, token };
    let results = blocking(move || read(&app, &request)).await?;
    // No cache on the way may keep what only the owner may see.
    Ok(([(header::CACHE_CONTROL, "private, no-store")], Json(results)).into_response())
}

/// Whose results a reader asks for, and the reader's token.
pub(super) struct ResultsRequest {
    /// The agent's owner.
    pub(super) miner_id: String,
    /// The id of a round; by default the latest one that has results of the agent.
    pub(super) round: Option<String>,
    /// The token of the owner or of the validator.
    pub(super) token: Option<String>,
}

/// Returns the results of an agent, if the reader may see them.
pub(super) fn read(
    app: &App,
    ResultsRequest { miner_id, round, token }: &ResultsRequest,
) -> Result<AgentResults, ProblemResponse> {
    let meta = find(app, miner_id)?;
    auth::check_owner_or_validator(app, &meta, token.as_deref())?;
    let found = match round {
        Some(round) => match app.store.trials(round, &meta.miner_id) {
            Err(StoreError::Round(_)) => None,
            found => found?,
        },
        None => app.store.latest_trials(&meta.miner_id)?,
    };
    found.ok_or_else(|| {
        let of = round.as_ref().map_or_else(String::new, |round| format!(" in round {round}"));
        let detail = format!(
            "no results of '{}' are published{of}: it is not judged yet, or they are no longer kept",
            meta.miner_id
        );
        ProblemResponse::new(ProblemKind::ResultsUnknown, detail)
    })
}
