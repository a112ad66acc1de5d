//! Where a submission stands, and how far the running evaluation has come.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use jiff::Timestamp;

use super::lookup::find;
use crate::api::{MinerId, ProblemKind, Round, RoundProgress, SubmissionStatus};
use crate::server::app::{App, blocking};
use crate::server::auth::ValidatorAuth;
use crate::server::board::Board;
use crate::server::extract::{JsonBody, PathSegment};
use crate::server::problem::ProblemResponse;
use crate::server::submission::SubmissionEvidence;
use crate::store::AgentMeta;

/// Show whether an agent is judged
///
/// States what the latest round says about the agent, since when its current version waits, and when the next round is
/// expected.
#[utoipa::path(
    get, path = "/agents/{miner_id}/status", tag = "miners", operation_id = "get_agent_status",
    params(("miner_id" = MinerId, Path, description = "The agent's owner")),
    responses(
        (status = 200, description = "Where the agent stands", body = SubmissionStatus),
        ProblemResponse,
    ),
)]
pub(super) async fn status(
    State(app): State<App>,
    PathSegment(miner_id): PathSegment,
) -> Result<Json<SubmissionStatus>, ProblemResponse> {
    let status = blocking(move || {
        let meta = find(&app, &miner_id)?;
        let board = app.boards.latest(&app.store)?;
        status_of(&app, &meta, board.as_deref())
    })
    .await?;
    Ok(Json(status))
}

/// Returns where an agent stands after the latest round, if there was one.
pub(super) fn status_of(
    app: &App,
    meta: &AgentMeta,
    board: Option<&Board>,
) -> Result<SubmissionStatus, ProblemResponse> {
    let (round_ids, progress) = (app.store.round_ids()?, app.store.progress()?);
    let evidence = SubmissionEvidence {
        latest: board.map(|board| &board.rankings),
        round_ids: &round_ids,
        progress: progress.as_ref(),
        now: Timestamp::now(),
    };
    Ok(evidence.status_of(meta))
}

/// Publish how far the evaluation of a round has come
///
/// The validator sends it about once a second while it evaluates. The platform states its own time.
#[utoipa::path(
    put, path = "/rounds/{round_id}/progress", tag = "validators", operation_id = "publish_progress",
    params(("round_id" = String, Path, description = "The id of the round", pattern = "^[0-9A-Za-z-]{1,64}$")),
    request_body = RoundProgress,
    security(("validator" = [])),
    responses((status = 204, description = "The progress is stored"), ProblemResponse),
)]
pub(super) async fn publish_progress(
    State(app): State<App>,
    _: ValidatorAuth,
    PathSegment(round_id): PathSegment,
    JsonBody(progress): JsonBody<RoundProgress>,
) -> Result<StatusCode, ProblemResponse> {
    let refused = |problem| ProblemResponse::new(ProblemKind::ContentRefused, problem);
    if progress.round != round_id {
        let problem =
            format!("the path names round '{}', and the body another one", round_id.escape_debug());
        return Err(refused(problem));
    }
    Round::check_id(&round_id).map_err(refused)?;
    let progress = progress.received_at(Timestamp::now()).map_err(refused)?;
    blocking(move || Ok(app.store.put_progress(&progress)?)).await?;
    Ok(StatusCode::NO_CONTENT)
}
