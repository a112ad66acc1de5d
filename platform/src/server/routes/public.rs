//! The state of the server, and the tasks.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use tasks::TaskView;

use crate::api::{ListedTask, PrivateTasks, ProblemKind};
use crate::server::app::{App, blocking};
use crate::server::extract::PathSegment;
use crate::server::openapi::{HealthStatus, ListedTaskSchema, TaskSchema};
use crate::server::problem::ProblemResponse;

/// Report whether the platform can take uploads
///
/// Fails with 503 if the store cannot be written.
#[utoipa::path(
    get, operation_id = "get_health", path = "/healthz", tag = "readers",
    responses((status = 200, description = "The store can be written", body = HealthStatus), ProblemResponse),
)]
pub(super) async fn healthz(State(app): State<App>) -> Result<Json<HealthStatus>, ProblemResponse> {
    app.probe.check(&app.store).await?;
    Ok(Json(HealthStatus { status: "ok" }))
}

/// List the public part of every task
///
/// If the latest round has private tasks, the last entry has the kind `private`, their name and their number.
#[utoipa::path(
    get, operation_id = "list_tasks", path = "/tasks", tag = "readers",
    responses(
        (status = 200, description = "The tasks, in the order of a round", body = Vec<ListedTaskSchema>),
        ProblemResponse,
    ),
)]
pub(super) async fn all_tasks(State(app): State<App>) -> Response {
    let (boards, store) = (app.boards.clone(), app.store.clone());
    // The public tasks are known also where the ranking cannot be read.
    let board = blocking(move || Ok(boards.latest(&store)?)).await.ok().flatten();
    let listed = board.as_ref().and_then(|board| {
        let private = board.latest.round.private.as_ref()?;
        Some(board.tasks.get_or_init(|| with_private(&app.tasks, private)).clone())
    });
    match listed {
        Some(tasks) => ([(header::CONTENT_TYPE, "application/json")], tasks).into_response(),
        None => (app.tasks_headers, app.tasks_json).into_response(),
    }
}

/// The public tasks, and an entry for the private ones.
fn with_private(tasks: &[TaskView], private: &PrivateTasks) -> Bytes {
    let public = tasks.iter().cloned().map(|task| ListedTask::Public(Box::new(task)));
    let private = ListedTask::Private(private.into());
    let all: Vec<_> = public.chain([private]).collect();
    serde_json::to_vec(&all).expect("the public part of a task is plain data").into()
}

/// Show the public part of one task
#[utoipa::path(
    get, operation_id = "get_task", path = "/tasks/{id}", tag = "readers",
    params(("id" = String, Path, description = "The id of the task", example = "reverse_string")),
    responses((status = 200, description = "The public part of the task", body = TaskSchema), ProblemResponse),
)]
pub(super) async fn one_task(
    State(app): State<App>,
    PathSegment(id): PathSegment,
) -> Result<Json<TaskView>, ProblemResponse> {
    let task = app.tasks.iter().find(|task| task.id.as_str() == id);
    task.cloned().map(Json).ok_or_else(|| {
        ProblemResponse::new(ProblemKind::TaskUnknown, "no such task: GET /tasks lists all tasks")
    })
}
