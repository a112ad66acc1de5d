//! A ranked round with everything that its pages and downloads need: read, built, hashed and compressed once, and off the
//! threads that answer requests.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock, TryLockError};
use std::thread;

use lru::LruCache;
use tasks::{TaskId, Verdict};

use super::body::ReadyBody;
use super::build_cache::BuildCache;
use super::history::{RoundHistory, RoundSummary};
use super::similar_agents::{self, SimilarAgentsOf};
use crate::api::Rankings;
use crate::log::log_line;
use crate::store::{FileStamp, Store, StoreError};

/// The number of rounds before the one shown that charts include.
const EARLIER: usize = 19;
/// The number of older rounds that are kept in memory, each as large as its file.
const KEPT: NonZeroUsize = NonZeroUsize::new(2).expect("it is not 0");
/// The number of older rounds that are read and built at a time, each of which takes as much memory.
const AT_ONCE: NonZeroUsize = NonZeroUsize::new(4).expect("it is not 0");
/// The number of pages of a round that are kept, such as the same table in another order.
const PAGES: NonZeroUsize = NonZeroUsize::new(64).expect("it is not 0");

/// A ranked round.
#[derive(Debug)]
pub(super) struct Board {
    /// The ranking.
    pub(super) rankings: Rankings,
    /// The same as JSON.
    pub(super) json: ReadyBody,
    /// The rounds before it, oldest first.
    pub(super) earlier: Vec<Arc<RoundSummary>>,
    /// How the agents did on each task, hardest first.
    pub(super) rates: Vec<TaskRate>,
    /// The body of `GET /tasks` if the round has private tasks, built once.
    pub(super) tasks: OnceLock<ReadyBody>,
    /// The agents that are similar to earlier ones. Comparing thousands takes seconds, so it comes later.
    pub(super) similar: OnceLock<SimilarAgentsOf>,
    pages: Mutex<LruCache<PageKey, Arc<OnceLock<ReadyBody>>>>,
}

/// What makes a page of a round: its path with the parameters, and whether similar agents were known.
type PageKey = (String, bool);

/// How the agents of a round did on a task.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct TaskRate {
    /// The task.
    pub(super) task: TaskId,
    /// Number of agents with a verdict.
    pub(super) judged: u32,
    /// Number of agents whose answer was accepted.
    pub(super) accepted: u32,
    /// The mean score, 0 to 100.
    pub(super) mean: f64,
}

impl TaskRate {
    /// The share of agents whose answer was accepted, 0 to 1; none without agents.
    pub(super) fn solved(&self) -> Option<f64> {
        (self.judged > 0).then(|| f64::from(self.accepted) / f64::from(self.judged))
    }
}

impl Board {
    fn new(rankings: Rankings, earlier: Vec<Arc<RoundSummary>>) -> Self {
        let json = serde_json::to_vec(&rankings).expect("a ranking is plain data");
        Self {
            json: ReadyBody::json(json),
            rates: rates(&rankings),
            rankings,
            earlier,
            tasks: OnceLock::new(),
            similar: OnceLock::new(),
            pages: Mutex::new(LruCache::new(PAGES)),
        }
    }

    /// Returns the page of this name if it is there.
    pub(super) fn kept_page(&self, name: &str) -> Option<ReadyBody> {
        let key = (name.to_owned(), self.similar.get().is_some());
        let mut pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        pages.get(&key)?.get().cloned()
    }

    /// Returns the page of this name, and builds it if it is not there yet. Visitors of one page wait for one build.
    pub(super) fn page(&self, name: &str, build: impl FnOnce() -> ReadyBody) -> ReadyBody {
        let key = (name.to_owned(), self.similar.get().is_some());
        let page = {
            let mut pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
            pages.get_or_insert(key, Arc::default).clone()
        };
        page.get_or_init(build).clone()
    }
}

fn rates(rankings: &Rankings) -> Vec<TaskRate> {
    let mut sums: BTreeMap<&TaskId, (u32, u32, f64)> = BTreeMap::new();
    for (task, score) in rankings.rankings.iter().flat_map(|entry| &entry.tasks) {
        let (judged, accepted, total) = sums.entry(task).or_default();
        *judged += 1;
        *accepted += u32::from(score.verdict == Verdict::Accepted);
        *total += score.score;
    }
    let mut rates: Vec<_> = rankings
        .round
        .tasks
        .iter()
        .map(|task| {
            let (judged, accepted, total) = sums.get(task).copied().unwrap_or_default();
            let mean = if judged == 0 { 0.0 } else { total / f64::from(judged) };
            TaskRate { task: task.clone(), judged, accepted, mean }
        })
        .collect();
    let solved = |rate: &TaskRate| rate.solved().unwrap_or(1.0);
    rates.sort_by(|a, b| (solved(a).total_cmp(&solved(b))).then(a.mean.total_cmp(&b.mean)));
    rates
}

/// The boards of the latest ranking and of rounds that were asked for.
#[derive(Debug)]
pub(super) struct BoardCache {
    latest: RwLock<Option<KeptBoard>>,
    /// Held while the latest board is built.
    building: Mutex<()>,
    /// By the id of the round. None if its file was gone when it was read.
    older: BuildCache<String, (FileStamp, Option<Arc<Board>>)>,
    /// The summaries of past rounds.
    pub(super) history: RoundHistory,
    /// Published code that does not count as evidence; none if agents are not compared.
    base: Option<Arc<Vec<String>>>,
    /// One comparison at a time.
    comparing: Arc<Mutex<()>>,
}

/// The ranking has to be read.
#[derive(Clone, Copy, Debug)]
pub(super) struct NotRead;

/// The latest board, or that there is none yet.
#[derive(Clone, Debug)]
struct KeptBoard {
    of: Option<FileStamp>,
    board: Option<Arc<Board>>,
}

impl BoardCache {
    pub(super) fn new(base: Option<Vec<String>>) -> Self {
        Self {
            latest: RwLock::default(),
            building: Mutex::default(),
            older: BuildCache::new(KEPT, AT_ONCE),
            history: RoundHistory::default(),
            base: base.map(Arc::new),
            comparing: Arc::default(),
        }
    }

    /// Returns the board of the latest ranking, or that there is none, unless it has to be read. A look at the ranking's
    /// time stamp, which the system has in memory, is all that it takes.
    pub(super) fn known(&self, store: &Store) -> Result<Option<Arc<Board>>, NotRead> {
        let stamp = store.rankings_stamp().map_err(|_| NotRead)?;
        self.kept().filter(|kept| kept.of == stamp).map(|kept| kept.board).ok_or(NotRead)
    }

    /// Returns the board of the latest ranking. It is built by the first request after a ranking was stored; requests that
    /// come meanwhile get the board before.
    pub(super) fn latest(&self, store: &Store) -> Result<Option<Arc<Board>>, StoreError> {
        let stamp = store.rankings_stamp()?;
        let kept = match self.kept() {
            Some(kept) if kept.of == stamp => return Ok(kept.board),
            kept => kept,
        };
        let _building = match (self.building.try_lock(), kept) {
            (Ok(turn), _) => turn,
            (Err(TryLockError::Poisoned(turn)), _) => turn.into_inner(),
            (Err(TryLockError::WouldBlock), Some(before)) => return Ok(before.board),
            (Err(TryLockError::WouldBlock), None) => {
                self.building.lock().unwrap_or_else(PoisonError::into_inner)
            }
        };
        self.built(store, stamp)
    }

    /// Returns the board of the latest ranking, and waits for it if it is being built: what is checked against the ranking
    /// must not meet the one before.
    pub(super) fn current(&self, store: &Store) -> Result<Option<Arc<Board>>, StoreError> {
        let stamp = store.rankings_stamp()?;
        if let Some(kept) = self.kept().filter(|kept| kept.of == stamp) {
            return Ok(kept.board);
        }
        let _building = self.building.lock().unwrap_or_else(PoisonError::into_inner);
        self.built(store, stamp)
    }

    /// Builds the board of the latest ranking, unless another request has built it.
    fn built(
        &self,
        store: &Store,
        stamp: Option<FileStamp>,
    ) -> Result<Option<Arc<Board>>, StoreError> {
        if let Some(kept) = self.kept().filter(|kept| kept.of == stamp) {
            return Ok(kept.board);
        }
        let board = match store.rankings()? {
            Some(latest) => Some(Arc::new(self.build(store, latest)?)),
            None => None,
        };
        self.keep(KeptBoard { of: stamp, board: board.clone() });
        if let Some(board) = &board {
            self.compare(board, store);
        }
        Ok(board)
    }

    /// Returns the board of a round; `None` if there is no such round.
    pub(super) fn of(&self, store: &Store, id: &str) -> Result<Option<Arc<Board>>, StoreError> {
        if let Some(latest) = self.latest(store)?.filter(|latest| latest.rankings.round.id == id) {
            return Ok(Some(latest));
        }
        let Some(stamp) = store.round_stamp(id)? else { return Ok(None) };
        let build = || {
            let board = match store.ranking_of(id)? {
                Some((rankings, _)) => Some(Arc::new(self.build(store, rankings)?)),
                None => None,
            };
            Ok((stamp, board))
        };
        let is_current = |(of, _): &(FileStamp, _)| *of == stamp;
        self.older.get(&id.to_owned(), is_current, build).map(|(_, board)| board)
    }

    fn build(&self, store: &Store, rankings: Rankings) -> Result<Board, StoreError> {
        let earlier = self.history.before(store, Some(&rankings.round.id), EARLIER)?;
        Ok(Board::new(rankings, earlier))
    }

    fn kept(&self) -> Option<KeptBoard> {
        self.latest.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn keep(&self, board: KeptBoard) {
        *self.latest.write().unwrap_or_else(PoisonError::into_inner) = Some(board);
    }

    /// Compares the agents of a ranking in a thread of its own, unless another ranking has replaced it by then.
    fn compare(&self, board: &Arc<Board>, store: &Store) {
        let Some(base) = self.base.clone() else { return };
        let (board, store, turn) = (Arc::downgrade(board), store.clone(), self.comparing.clone());
        let compare = move || {
            let _turn = turn.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(board) = board.upgrade() else { return };
            match similar_agents::of(&board.rankings, &store, &base) {
                Ok(similar) => drop(board.similar.set(similar)),
                Err(error) => log_line(format_args!("similar agents are not marked: {error}")),
            }
        };
        let started = thread::Builder::new().name("similarity".into()).spawn(compare);
        if let Err(error) = started {
            log_line(format_args!("similar agents are not marked: {error}"));
        }
    }
}
