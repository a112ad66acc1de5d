//! What all handlers share.

use std::sync::Arc;

use axum::body::Bytes;
use axum::http::HeaderMap;
use tasks::TaskView;
use tokio::sync::Semaphore;

use super::board::BoardCache;
use super::health::StoreProbe;
use super::middleware::fixed_headers;
use super::openapi::ApiReference;
use super::problem::ProblemResponse;
use super::quota::QuotaMeters;
use super::settings::Settings;
use crate::store::Store;

/// The number of submissions that are checked at once. Each check takes a processor and a stack.
const MAX_CHECKS: usize = 4;

/// The state of the server.
#[derive(Clone)]
pub(super) struct App {
    pub(super) store: Store,
    pub(super) settings: Arc<Settings>,
    pub(super) meters: Option<Arc<QuotaMeters>>,
    pub(super) boards: Arc<BoardCache>,
    pub(super) reference: Arc<ApiReference>,
    pub(super) checks: Arc<Semaphore>,
    pub(super) probe: Arc<StoreProbe>,
    pub(super) tasks: Arc<Vec<TaskView>>,
    /// The body of `GET /tasks`: the tasks do not change while the server runs.
    pub(super) tasks_json: Bytes,
    pub(super) tasks_headers: HeaderMap,
}

impl App {
    pub(super) fn new(store: Store, settings: Settings, reference: ApiReference) -> Self {
        let tasks: Vec<_> = tasks::all().iter().map(tasks::Task::view).collect();
        let tasks_json =
            serde_json::to_vec(&tasks).expect("the public part of a task is plain data");
        let tasks_json = Bytes::from(tasks_json);
        Self {
            store,
            boards: Arc::new(BoardCache::new(settings.similarity.clone())),
            meters: settings.quotas.map(|quotas| Arc::new(QuotaMeters::new(quotas))),
            settings: Arc::new(settings),
            reference: Arc::new(reference),
            checks: Arc::new(Semaphore::new(MAX_CHECKS)),
            probe: Arc::default(),
            tasks: Arc::new(tasks),
            tasks_headers: fixed_headers("application/json", &tasks_json),
            tasks_json,
        }
    }
}

/// Runs work that blocks on the disk or computes for long on a thread for blocking work.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ProblemResponse> + Send + 'static,
) -> Result<T, ProblemResponse> {
    let joined = tokio::task::spawn_blocking(work).await;
    joined.unwrap_or_else(|_| Err(ProblemResponse::internal()))
}
