//! What all handlers share.

use std::net::SocketAddr;
use std::sync::Arc;

use tasks::TaskView;
use tokio::sync::Semaphore;
use utoipa::openapi::OpenApi as OpenApiDocument;

use super::agent_lists::AgentLists;
use super::board::{Board, BoardCache};
use super::body::ReadyBody;
use super::case_rates::CaseRates;
use super::health::StoreProbe;
use super::live::Live;
use super::openapi::{ApiReference, located};
use super::problem::ProblemResponse;
use super::public_url::PublicUrl;
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
    /// Where the pages are, with an address that commands can be given.
    pub(super) site: Arc<PublicUrl>,
    pub(super) meters: Option<Arc<QuotaMeters>>,
    pub(super) boards: Arc<BoardCache>,
    pub(super) cases: Arc<CaseRates>,
    /// Pages of the list of agents.
    pub(super) lists: Arc<AgentLists>,
    pub(super) live: Arc<Live>,
    pub(super) reference: Arc<ApiReference>,
    pub(super) checks: Arc<Semaphore>,
    pub(super) probe: Arc<StoreProbe>,
    pub(super) tasks: Arc<Vec<TaskView>>,
    /// The body of `GET /tasks`: the tasks do not change while the server runs.
    pub(super) tasks_json: ReadyBody,
}

/// What an [`App`] needs in addition to its store and its settings.
#[derive(Clone, Copy)]
pub(super) struct AppContext<'a> {
    /// The address that the server listens on.
    pub(super) address: SocketAddr,
    /// The description of the API.
    pub(super) document: &'a OpenApiDocument,
}

impl App {
    pub(super) fn new(
        store: Store,
        settings: Settings,
        AppContext { address, document }: AppContext<'_>,
    ) -> Self {
        let tasks: Vec<_> = tasks::all().iter().map(tasks::Task::view).collect();
        let tasks_json =
            serde_json::to_vec(&tasks).expect("the public part of a task is plain data");
        let description = located(document, &settings.public_url);
        let site = settings.public_url.clone().or_at(address);
        Self {
            store,
            boards: Arc::new(BoardCache::new(settings.similarity.clone())),
            cases: Arc::default(),
            lists: Arc::default(),
            live: Arc::default(),
            reference: Arc::new(ApiReference::new(&description, &site)),
            site: Arc::new(site),
            meters: settings.quotas.map(|quotas| Arc::new(QuotaMeters::new(quotas))),
            settings: Arc::new(settings),
            checks: Arc::new(Semaphore::new(MAX_CHECKS)),
            probe: Arc::default(),
            tasks: Arc::new(tasks),
            tasks_json: ReadyBody::json(tasks_json),
        }
    }
}

impl App {
    /// Returns the board of the latest ranking, if there has been a round.
    pub(super) async fn board(&self) -> Result<Option<Arc<Board>>, ProblemResponse> {
        if let Ok(board) = self.boards.known(&self.store) {
            return Ok(board);
        }
        let app = self.clone();
        blocking(move || Ok(app.boards.latest(&app.store)?)).await
    }
}

/// Runs work that blocks on the disk or computes for long on a thread for blocking work.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ProblemResponse> + Send + 'static,
) -> Result<T, ProblemResponse> {
    let joined = tokio::task::spawn_blocking(work).await;
    joined.unwrap_or_else(|_| Err(ProblemResponse::internal()))
}
