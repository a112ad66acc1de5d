//! The state of the server, and the tasks.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use tasks::TaskView;

use crate::api::{ListedTask, PrivateTasks, ProblemKind};
use crate::server::app::{App, blocking};
use crate::server::board::Board;
use crate::server::body::ReadyBody;
use crate::server::extract::PathSegment;
use crate::server::negotiation::{FormatQuery, Negotiated, no_csv, varies};
use crate::server::openapi::{HealthStatus, ListedTaskSchema, TaskSchema};
use crate::server::page::{self, Frame, TaskPage};
use crate::server::problem::ProblemResponse;
use crate::server::response_format::ResponseFormat;

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
/// If the latest round has private tasks, the last entry has the kind `private`, their name and their number. Browsers get
/// a page.
#[utoipa::path(
    get, operation_id = "list_tasks", path = "/tasks", tag = "readers", params(FormatQuery),
    responses(
        (status = 200, description = "The tasks, in the order of a round",
            content((Vec<ListedTaskSchema> = "application/json"), (String = "text/html"))),
        ProblemResponse,
    ),
)]
pub(super) async fn all_tasks(
    State(app): State<App>,
    Negotiated(format): Negotiated,
) -> Result<Response, ProblemResponse> {
    if format == ResponseFormat::Csv {
        return Err(no_csv());
    }
    // The public tasks are known also where the ranking cannot be read.
    let board = app.board().await.ok().flatten();
    if format == ResponseFormat::Html {
        return Ok(varies(blocking(move || Ok(tasks_page(&app, board.as_deref()))).await?));
    }
    let listed = board.as_ref().and_then(|board| {
        let private = board.rankings.round.private.as_ref()?;
        Some(board.tasks.get_or_init(|| with_private(&app.tasks, private)).clone())
    });
    Ok(varies(listed.unwrap_or_else(|| app.tasks_json.clone())))
}

fn tasks_page(app: &App, board: Option<&Board>) -> ReadyBody {
    let build = || {
        let frame = Frame { site: &app.site, title: "Tasks", live: false };
        let body = page::tasks(&app.site, &app.tasks, board);
        ReadyBody::html(page::layout(frame, &body).into_string())
    };
    match board {
        Some(board) => board.page("/tasks", build),
        None => build(),
    }
}

/// The public tasks, and an entry for the private ones.
fn with_private(tasks: &[TaskView], private: &PrivateTasks) -> ReadyBody {
    let public = tasks.iter().cloned().map(|task| ListedTask::Public(Box::new(task)));
    let private = ListedTask::Private(private.into());
    let all: Vec<_> = public.chain([private]).collect();
    ReadyBody::json(serde_json::to_vec(&all).expect("the public part of a task is plain data"))
}

/// Show the public part of one task
///
/// Browsers get a page.
#[utoipa::path(
    get, operation_id = "get_task", path = "/tasks/{id}", tag = "readers",
    params(("id" = String, Path, description = "The id of the task", example = "reverse_string"), FormatQuery),
    responses(
        (status = 200, description = "The public part of the task",
            content((TaskSchema = "application/json"), (String = "text/html"))),
        ProblemResponse,
    ),
)]
pub(super) async fn one_task(
    State(app): State<App>,
    PathSegment(id): PathSegment,
    Negotiated(format): Negotiated,
) -> Result<Response, ProblemResponse> {
    let task = app.tasks.iter().find(|task| task.id.as_str() == id).cloned().ok_or_else(|| {
        ProblemResponse::new(ProblemKind::TaskUnknown, "no such task: GET /tasks lists all tasks")
    })?;
    match format {
        ResponseFormat::Csv => Err(no_csv()),
        ResponseFormat::Json => Ok(varies(Json(task))),
        ResponseFormat::Html => {
            let page = blocking(move || Ok(task_page(&app, &task)));
            Ok(varies(page.await?))
        }
    }
}

/// The page of a task, which is shown also where the ranking or the trials cannot be read.
fn task_page(app: &App, task: &TaskView) -> ReadyBody {
    let board = app.boards.latest(&app.store).ok().flatten();
    let cases = board.as_ref().and_then(|board| app.cases.of(&app.store, &board.rankings).ok());
    let hardest =
        cases.as_ref().and_then(|cases| cases.get(&task.id)).map_or(&[][..], Vec::as_slice);
    let page = TaskPage { site: &app.site, task, board: board.as_deref(), hardest };
    let frame = Frame { site: &app.site, title: &task.title, live: false };
    ReadyBody::html(page::layout(frame, &page::task(page)).into_string())
}
