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
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router, middleware};
use tasks::TaskView;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::cors::{self, CorsLayer};

use crate::rankings::Rankings;
use crate::store::Store;
use board::Boards;
use extract::Name;
use problem::Refusal;
use quota::Meters;

mod accept;
mod agents;
mod auth;
mod board;
mod dress;
mod extract;
mod page;
mod problem;
mod quota;
mod settings;
mod upload;

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
    accept::serve(listener, router(store, settings), limits, shutdown).await
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
        checks: Arc::new(Semaphore::new(MAX_CHECKS)),
        tasks: Arc::new(tasks),
        tasks_headers: dress::fixed("application/json", &tasks_json),
        tasks_json,
    };
    Router::new()
        .route("/", get(page::leaderboard))
        .route("/style.css", get(|| asset("text/css", include_bytes!("server/assets/style.css"))))
        .route(
            "/leaderboard.js",
            get(|| asset("text/javascript", include_bytes!("server/assets/leaderboard.js"))),
        )
        .route("/healthz", get(healthz))
        .route("/tasks", get(all_tasks))
        .route("/tasks/{id}", get(one_task))
        .route("/agents", get(agents::list))
        .route("/agents/{miner_id}", get(agents::one))
        .route("/agents/{miner_id}/agent.py", get(agents::source))
        .route("/agents/{miner_id}/token", post(upload::rotate_token))
        .route(
            "/rankings",
            get(rankings).put(put_rankings).layer(DefaultBodyLimit::max(MAX_RANKINGS_BYTES)),
        )
        .route(
            "/upload/agent",
            post(upload::agent).layer(DefaultBodyLimit::max(upload::MAX_BODY_BYTES)),
        )
        .fallback(no_such_page)
        .method_not_allowed_fallback(no_such_method)
        .layer(CatchPanicLayer::custom(|_| {
            let detail = "the platform stumbled over this request, which is its own fault";
            Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, detail).into_response()
        }))
        .layer(middleware::from_fn(dress::refuse_compressed))
        .layer(middleware::from_fn_with_state(app.clone(), dress::in_time))
        .layer(middleware::from_fn(dress::etag))
        .layer(CompressionLayer::new())
        .layer(cors())
        .layer(middleware::from_fn(dress::dress))
        .with_state(app)
}

/// Any site may read what anybody may read. Nothing that needs a token or changes something is offered.
fn cors() -> CorsLayer {
    CorsLayer::new()
        .allow_origin(cors::Any)
        .allow_methods([Method::GET, Method::HEAD])
        .allow_headers([header::IF_NONE_MATCH])
        .expose_headers([header::ETAG, header::LINK])
        .max_age(Duration::from_hours(1))
}

async fn healthz() -> Json<serde_json::Value> {
    Json(serde_json::json!({ "status": "ok" }))
}

async fn all_tasks(State(app): State<App>) -> Response {
    (app.tasks_headers, app.tasks_json).into_response()
}

async fn one_task(State(app): State<App>, Name(id): Name) -> Result<Json<TaskView>, Refusal> {
    let task = app.tasks.iter().find(|task| task.id.as_str() == id);
    task.cloned().map(Json).ok_or_else(|| {
        Refusal::new(StatusCode::NOT_FOUND, "there is no such task: GET /tasks lists them all")
    })
}

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
async fn asset(kind: &'static str, bytes: &'static [u8]) -> Response {
    ([(header::CONTENT_TYPE, kind)], bytes).into_response()
}

async fn put_rankings(
    State(app): State<App>,
    headers: HeaderMap,
    body: Result<Json<Rankings>, JsonRejection>,
) -> Result<StatusCode, Refusal> {
    auth::validator(&app, &headers)?;
    let Json(rankings) =
        body.map_err(|rejection| Refusal::new(rejection.status(), rejection.body_text()))?;
    blocking(move || Ok(app.store.put_rankings(&rankings)?)).await?;
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
