//! The state of the server, and the tasks.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use tasks::TaskView;

use crate::server::app::App;
use crate::server::extract::PathSegment;
use crate::server::openapi::{HealthStatus, TaskSchema};
use crate::server::problem::ProblemResponse;

/// Report whether the server is up
#[utoipa::path(
    get, path = "/healthz", tag = "readers",
    responses((status = 200, description = "It is up", body = HealthStatus), ProblemResponse),
)]
pub(super) async fn healthz() -> Json<HealthStatus> {
    Json(HealthStatus { status: "ok" })
}

/// List the public part of every task
#[utoipa::path(
    get, path = "/tasks", tag = "readers",
    responses(
        (status = 200, description = "The tasks, in the order of a round", body = Vec<TaskSchema>),
        ProblemResponse,
    ),
)]
pub(super) async fn all_tasks(State(app): State<App>) -> Response {
    (app.tasks_headers, app.tasks_json).into_response()
}

/// Show the public part of one task
#[utoipa::path(
    get, path = "/tasks/{id}", tag = "readers",
    params(("id" = String, Path, description = "The id of the task", example = "reverse_string")),
    responses((status = 200, description = "The public part of the task", body = TaskSchema), ProblemResponse),
)]
pub(super) async fn one_task(
    State(app): State<App>,
    PathSegment(id): PathSegment,
) -> Result<Json<TaskView>, ProblemResponse> {
    let task = app.tasks.iter().find(|task| task.id.as_str() == id);
    task.cloned().map(Json).ok_or_else(|| {
        ProblemResponse::new(StatusCode::NOT_FOUND, "no such task: GET /tasks lists all tasks")
    })
}
