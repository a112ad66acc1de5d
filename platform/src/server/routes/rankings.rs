//! The latest ranking.

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};

use crate::api::Rankings;
use crate::server::app::{App, blocking};
use crate::server::auth::ValidatorAuth;
use crate::server::middleware::RequestDeadline;
use crate::server::problem::ProblemResponse;

/// The maximum size of a published ranking: about 10,000 agents on 10 tasks each.
pub(super) const MAX_BODY_BYTES: usize = 16 << 20;

/// Show the latest ranking
#[utoipa::path(
    get, path = "/rankings", tag = "readers",
    responses(
        (status = 200, description = "The latest round and its ranking", body = Rankings),
        ProblemResponse,
    ),
)]
pub(super) async fn latest(State(app): State<App>) -> Result<Response, ProblemResponse> {
    let board = blocking(move || Ok(app.boards.latest(&app.store)?)).await?;
    let board = board.ok_or_else(|| {
        let detail = "there has been no round yet: try again after the first round";
        ProblemResponse::new(StatusCode::NOT_FOUND, detail)
    })?;
    Ok(([(header::CONTENT_TYPE, "application/json")], board.json.clone()).into_response())
}

/// Publish a ranking as the latest
#[utoipa::path(
    put, path = "/rankings", tag = "validators",
    request_body = Rankings,
    security(("validator" = [])),
    responses((status = 204, description = "The ranking is stored"), ProblemResponse),
)]
pub(super) async fn publish(
    State(app): State<App>,
    _: ValidatorAuth,
    deadline: RequestDeadline,
    body: Result<Json<Rankings>, JsonRejection>,
) -> Result<StatusCode, ProblemResponse> {
    let Json(rankings) =
        body.map_err(|rejection| ProblemResponse::new(rejection.status(), rejection.body_text()))?;
    blocking(move || {
        deadline.meet()?;
        Ok(app.store.put_rankings(&rankings)?)
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}
