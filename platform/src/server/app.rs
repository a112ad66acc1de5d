//! What all handlers share.

use std::net::SocketAddr;
use std::ops::Deref;
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
use super::observe::Observer;
use super::openapi::{ApiReference, located};
use super::problem::ProblemResponse;
use super::public_url::PublicUrl;
use super::quota::QuotaMeters;
use super::settings::Settings;
use crate::store::Store;

/// The number of submissions that are checked at once. Each check takes a processor and a stack.
const MAX_CHECKS: usize = 4;

/// The state of the server. Cheap to clone: every request does so several times.
#[derive(Clone)]
pub(super) struct App(Arc<AppState>);

/// The parts of the state.
pub(super) struct AppState {
    pub(super) store: Store,
    pub(super) settings: Settings,
    /// Where the pages are, with an address that commands can be given.
    pub(super) site: PublicUrl,
    /// What notes the requests.
    pub(super) observer: Arc<Observer>,
    pub(super) meters: Option<QuotaMeters>,
    pub(super) boards: BoardCache,
    pub(super) cases: CaseRates,
    /// Pages of the list of agents.
    pub(super) lists: AgentLists,
    pub(super) live: Arc<Live>,
    pub(super) reference: ApiReference,
    pub(super) checks: Arc<Semaphore>,
    pub(super) probe: StoreProbe,
    pub(super) tasks: Vec<TaskView>,
    /// The body of `GET /tasks`: the tasks do not change while the server runs.
    pub(super) tasks_json: ReadyBody,
}

impl Deref for App {
    type Target = AppState;

    fn deref(&self) -> &AppState {
        &self.0
    }
}

/// What an [`App`] needs in addition to its store and its settings.
pub(super) struct AppContext<'a> {
    /// The address that the server listens on.
    pub(super) address: SocketAddr,
    /// The description of the API.
    pub(super) document: &'a OpenApiDocument,
    /// What notes the requests.
    pub(super) observer: Arc<Observer>,
}

impl App {
    pub(super) fn new(
        store: Store,
        settings: Settings,
        AppContext { address, document, observer }: AppContext<'_>,
    ) -> Self {
        let tasks: Vec<_> = tasks::all().iter().map(tasks::Task::view).collect();
        let tasks_json =
            serde_json::to_vec(&tasks).expect("the public part of a task is plain data");
        let description = located(document, &settings.public_url);
        let site = settings.public_url.clone().or_at(address);
        Self(Arc::new(AppState {
            store,
            boards: BoardCache::new(settings.similarity.clone()),
            cases: CaseRates::default(),
            lists: AgentLists::default(),
            live: Arc::default(),
            reference: ApiReference::new(&description, &site),
            site,
            observer,
            meters: settings.quotas.map(QuotaMeters::new),
            settings,
            checks: Arc::new(Semaphore::new(MAX_CHECKS)),
            probe: StoreProbe::default(),
            tasks,
            tasks_json: ReadyBody::json(tasks_json),
        }))
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
