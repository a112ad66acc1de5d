//! The latest ranking with its history, read once per round: `GET /rankings` and the page both use it, and
//! reading twenty rounds for each visitor would make it easy to overload the server.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use axum::body::Bytes;

use crate::api::{MinerId, Rankings};
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
    /// The first page without a filter, built once: a thousand slow readers share one copy.
    pub(super) front: OnceLock<Bytes>,
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
        let (tasks, front) = (OnceLock::new(), OnceLock::new());
        Ok(Some(Self { latest, json, ranks_before, scores, rounds, tasks, front }))
    }
}

/// The board, read again when the ranking's file changes.
#[derive(Debug, Default)]
pub(super) struct BoardCache(Mutex<Option<(FileStamp, Arc<Board>)>>);

impl BoardCache {
    pub(super) fn latest(&self, store: &Store) -> Result<Option<Arc<Board>>, StoreError> {
        let Some(stamp) = store.rankings_stamp()? else { return Ok(None) };
        let mut cached = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((of, board)) = &*cached
            && *of == stamp
        {
            return Ok(Some(board.clone()));
        }
        let board = Board::read(store)?.map(Arc::new);
        *cached = board.clone().map(|board| (stamp, board));
        Ok(board)
    }
}
