//! The latest ranking with its history, read once per round: `GET /rankings` and the page both use it, and
//! reading twenty rounds for each visitor would make it easy to overload the server.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread;

use axum::body::Bytes;

use super::similar_agents::{self, SimilarAgentsOf};
use crate::api::{MinerId, Rankings};
use crate::log::log_line;
use crate::store::{FileStamp, Store, StoreError};

/// The number of rounds in a history.
const ROUNDS: usize = 20;

/// The latest round with the rounds before it.
#[derive(Debug)]
pub(super) struct Board {
    /// The latest ranking.
    pub(super) latest: Rankings,
    /// The same as JSON.
    pub(super) json: Bytes,
    /// Each miner's rank in the round before.
    pub(super) ranks_before: HashMap<MinerId, u32>,
    /// Each miner's scores, oldest first, including the latest.
    pub(super) scores: HashMap<MinerId, Vec<f64>>,
    /// The number of rounds in `scores`.
    pub(super) rounds: usize,
    /// The body of `GET /tasks` if the round has private tasks, built once.
    pub(super) tasks: OnceLock<Bytes>,
    /// The agents that are similar to earlier ones. Comparing thousands takes seconds, so it comes later.
    pub(super) similar: OnceLock<SimilarAgentsOf>,
    /// The first page without a filter, built once: a thousand slow readers share one copy. One for before and one for
    /// after the similar agents are known.
    fronts: [OnceLock<Bytes>; 2],
}

impl Board {
    fn read(store: &Store) -> Result<Option<Self>, StoreError> {
        let Some(latest) = store.rankings()? else { return Ok(None) };
        let mut rounds = store.rounds(ROUNDS)?;
        rounds.retain(|round| round.round.id != latest.round.id);
        let ranks_before = rounds.last().map_or_else(HashMap::new, |before| {
            before.rankings.iter().map(|entry| (entry.miner_id.clone(), entry.rank)).collect()
        });
        let mut scores: HashMap<MinerId, Vec<f64>> = HashMap::new();
        for entry in rounds.iter().chain([&latest]).flat_map(|round| &round.rankings) {
            scores.entry(entry.miner_id.clone()).or_default().push(entry.score);
        }
        let json = serde_json::to_vec(&latest).expect("a ranking is plain data").into();
        let rounds = rounds.len() + 1;
        let (tasks, similar, fronts) = Default::default();
        Ok(Some(Self { latest, json, ranks_before, scores, rounds, tasks, similar, fronts }))
    }

    /// Where the first page without a filter is kept.
    pub(super) fn front(&self) -> &OnceLock<Bytes> {
        &self.fronts[usize::from(self.similar.get().is_some())]
    }
}

/// The board, read again when the ranking's file changes.
#[derive(Debug)]
pub(super) struct BoardCache {
    latest: Mutex<Option<(FileStamp, Arc<Board>)>>,
    /// Published code that does not count as evidence; none if agents are not compared.
    base: Option<Arc<Vec<String>>>,
    /// One comparison at a time.
    comparing: Arc<Mutex<()>>,
}

impl BoardCache {
    pub(super) fn new(base: Option<Vec<String>>) -> Self {
        Self { latest: Mutex::default(), base: base.map(Arc::new), comparing: Arc::default() }
    }

    pub(super) fn latest(&self, store: &Store) -> Result<Option<Arc<Board>>, StoreError> {
        let Some(stamp) = store.rankings_stamp()? else { return Ok(None) };
        let mut cached = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((of, board)) = &*cached
            && *of == stamp
        {
            return Ok(Some(board.clone()));
        }
        let board = Board::read(store)?.map(Arc::new);
        *cached = board.clone().map(|board| (stamp, board));
        if let Some(board) = &board {
            self.compare(board, store);
        }
        Ok(board)
    }

    /// Compares the agents of a ranking in a thread of its own, unless another ranking has replaced it by then.
    fn compare(&self, board: &Arc<Board>, store: &Store) {
        let Some(base) = self.base.clone() else { return };
        let (board, store, turn) = (Arc::downgrade(board), store.clone(), self.comparing.clone());
        let compare = move || {
            let _turn = turn.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(board) = board.upgrade() else { return };
            match similar_agents::of(&board.latest, &store, &base) {
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
