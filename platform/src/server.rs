//! The HTTP API: what miners, validators and readers meet.
//!
//! The server takes a listener and a shutdown future, so that a test can bind port 0 and stop it. The
//! store's calls block on the disk, so they run on threads for that.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::rejection::JsonRejection;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, HeaderName, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router, middleware};
use tasks::TaskView;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::cors::{self, CorsLayer};
use utoipa::OpenApi as _;
use utoipa::openapi::OpenApi as Document;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouterExt as _};
use utoipa_axum::routes;

use crate::api::DAMAGED_AGENTS;
use crate::rankings::Rankings;
use crate::store::Store;
use auth::Validator;
use board::Boards;
use dress::Deadline;
use extract::Name;
use openapi::{Description, Health, Reference, TaskSchema};
use problem::Refusal;
use quota::Meters;

mod accept;
mod agents;
mod auth;
mod board;
mod dress;
mod extract;
mod openapi;
mod page;
mod problem;
mod quota;
mod settings;
mod upload;
mod wire;

pub use settings::{HttpLimits, Quotas, Settings};

/// The largest ranking that a validator may put: about 10,000 agents on 10 tasks each.
const MAX_RANKINGS_BYTES: usize = 16 << 20;

/// How many submissions are checked at once.
const MAX_CHECKS: usize = 4;

/// What every handler shares.
#[derive(Clone)]
struct App {
    store: Store,
    settings: Arc<Settings>,
    meters: Option<Arc<Meters>>,
    boards: Arc<Boards>,
    reference: Arc<Reference>,
    /// Bounds how many submissions are checked at once, for each takes a processor and a stack.
    checks: Arc<Semaphore>,
    tasks: Arc<Vec<TaskView>>,
    /// The body of `GET /tasks`: the tasks do not change while the server runs.
    tasks_json: Bytes,
    tasks_headers: HeaderMap,
}

/// Serves the API until `shutdown` completes, and then finishes the requests under way.
pub async fn serve(
    listener: TcpListener,
    store: Store,
    settings: Settings,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let limits = settings.limits;
    // A proxy brings everybody's connections from one address.
    let rationed = settings.quotas.is_some() && !settings.behind_proxy;
    let per_address = rationed.then_some(limits.connections_per_address);
    accept::serve(listener, router(store, settings), limits, per_address, shutdown).await
}

/// The API as a service.
pub fn router(store: Store, settings: Settings) -> Router {
    let tasks: Vec<_> = tasks::all().iter().map(tasks::Task::view).collect();
    let tasks_json = serde_json::to_vec(&tasks).expect("a task's public side is plain data");
    let tasks_json = Bytes::from(tasks_json);
    let app = App {
        store,
        meters: settings.quotas.map(|quotas| Arc::new(Meters::new(quotas))),
        settings: Arc::new(settings),
        boards: Arc::default(),
        reference: Arc::new(reference()),
        checks: Arc::new(Semaphore::new(MAX_CHECKS)),
        tasks: Arc::new(tasks),
        tasks_headers: dress::fixed("application/json", &tasks_json),
        tasks_json,
    };
    api()
        .0
        .route("/", get(page::leaderboard))
        .route("/reference", get(openapi::html))
        .route("/openapi.json", get(openapi::json))
        .route(
            "/style.css",
            get(async || asset("text/css", include_bytes!("server/assets/style.css"))),
        )
        .route(
            "/leaderboard.js",
            get(async || asset("text/javascript", include_bytes!("server/assets/leaderboard.js"))),
        )
        .fallback(no_such_page)
        .method_not_allowed_fallback(no_such_method)
        .layer(CatchPanicLayer::custom(|_| {
            let detail = "the platform stumbled over this request, which is its own fault";
            Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, detail).into_response()
        }))
        .layer(middleware::from_fn(dress::refuse_compressed))
        .layer(middleware::from_fn(dress::refuse_other_sites))
        .layer(middleware::from_fn_with_state(app.clone(), dress::in_time))
        .layer(middleware::from_fn(dress::etag))
        .layer(CompressionLayer::new())
        .layer(middleware::from_fn(dress::answer_as_it_is))
        .layer(cors())
        .layer(middleware::from_fn(dress::dress))
        .with_state(app)
}

/// The operations that the description describes, and the description.
fn api() -> (Router<App>, Document) {
    let body_limit = DefaultBodyLimit::max;
    OpenApiRouter::with_openapi(Description::openapi())
        .routes(routes!(healthz))
        .routes(routes!(all_tasks))
        .routes(routes!(one_task))
        .routes(routes!(agents::list))
        .routes(routes!(agents::one))
        .routes(routes!(agents::source))
        .routes(routes!(upload::rotate_token))
        .routes(routes!(rankings, put_rankings).layer(body_limit(MAX_RANKINGS_BYTES)))
        .routes(routes!(upload::agent).layer(body_limit(upload::MAX_BODY_BYTES)))
        .split_for_parts()
}

/// The description in both its forms.
fn reference() -> Reference {
    Reference::of(&api().1)
}

/// Any site may read what anybody may read. Nothing that needs a token or changes something is offered.
fn cors() -> CorsLayer {
    CorsLayer::new()
        .allow_origin(cors::Any)
        .allow_methods([Method::GET, Method::HEAD])
        .allow_headers([header::IF_NONE_MATCH])
        .expose_headers([header::ETAG, header::LINK, HeaderName::from_static(DAMAGED_AGENTS)])
        .max_age(Duration::from_hours(1))
}

/// Is the server up?
#[utoipa::path(
    get, path = "/healthz", tag = "readers",
    responses((status = 200, description = "It is", body = Health), Refusal),
)]
async fn healthz() -> Json<Health> {
    Json(Health { status: "ok" })
}

/// Every task, with its public side
#[utoipa::path(
    get, path = "/tasks", tag = "readers",
    responses((status = 200, description = "The tasks, in the order of a round", body = Vec<TaskSchema>), Refusal),
)]
async fn all_tasks(State(app): State<App>) -> Response {
    (app.tasks_headers, app.tasks_json).into_response()
}

/// One task
#[utoipa::path(
    get, path = "/tasks/{id}", tag = "readers",
    params(("id" = String, Path, description = "Which task", example = "reverse_string")),
    responses((status = 200, description = "Its public side", body = TaskSchema), Refusal),
)]
async fn one_task(State(app): State<App>, Name(id): Name) -> Result<Json<TaskView>, Refusal> {
    let task = app.tasks.iter().find(|task| task.id.as_str() == id);
    task.cloned().map(Json).ok_or_else(|| {
        Refusal::new(StatusCode::NOT_FOUND, "there is no such task: GET /tasks lists them all")
    })
}

/// The latest ranking
#[utoipa::path(
    get, path = "/rankings", tag = "readers",
    responses((status = 200, description = "The latest round and its ranking", body = Rankings), Refusal),
)]
async fn rankings(State(app): State<App>) -> Result<Response, Refusal> {
    let board = blocking(move || Ok(app.boards.latest(&app.store)?)).await?;
    let board = board.ok_or_else(|| {
        Refusal::new(
            StatusCode::NOT_FOUND,
            "there has been no round yet: ask again after the first",
        )
    })?;
    Ok(([(header::CONTENT_TYPE, "application/json")], board.json.clone()).into_response())
}

/// A file that is part of the program.
fn asset(kind: &'static str, bytes: &'static [u8]) -> Response {
    ([(header::CONTENT_TYPE, kind)], bytes).into_response()
}

/// Make a ranking the latest
#[utoipa::path(
    put, path = "/rankings", tag = "validators",
    request_body = Rankings,
    security(("validator" = [])),
    responses((status = 204, description = "It is stored"), Refusal),
)]
async fn put_rankings(
    State(app): State<App>,
    _: Validator,
    deadline: Deadline,
    body: Result<Json<Rankings>, JsonRejection>,
) -> Result<StatusCode, Refusal> {
    let Json(rankings) =
        body.map_err(|rejection| Refusal::new(rejection.status(), rejection.body_text()))?;
    blocking(move || {
        deadline.meet()?;
        Ok(app.store.put_rankings(&rankings)?)
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn no_such_page() -> Refusal {
    Refusal::new(
        StatusCode::NOT_FOUND,
        "there is nothing here: see /tasks, /agents, /rankings and POST /upload/agent",
    )
}

async fn no_such_method() -> Refusal {
    Refusal::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "this address does not take that method: the Allow header names those it takes",
    )
}

/// Runs what blocks on the disk or computes for long on a thread for that.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Refusal> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|_| {
        let detail = "the platform stumbled over this request, which is its own fault";
        Err(Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, detail))
    })
}
