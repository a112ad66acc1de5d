//! The latest ranking and how it came about, read once per round: `GET /rankings` and the page both
//! live on it, and reading twenty rounds for each visitor would be a gift to whoever wants to load us.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use axum::body::Bytes;

use crate::MinerId;
use crate::rankings::Rankings;
use crate::store::{Stamp, Store, StoreError};

/// How many rounds a history goes back.
const ROUNDS: usize = 20;

/// The latest round beside the ones before.
#[derive(Debug)]
pub(super) struct Board {
    /// The latest.
    pub(super) latest: Rankings,
    /// The same as JSON.
    pub(super) json: Bytes,
    /// Where each miner stood in the round before.
    pub(super) ranks_before: HashMap<MinerId, u32>,
    /// Each miner's scores, oldest first, the latest included.
    pub(super) scores: HashMap<MinerId, Vec<f64>>,
    /// How many rounds those are of.
    pub(super) rounds: usize,
    /// The page as most see it, made once: a thousand slow readers of it hold one copy.
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
        Ok(Some(Self { latest, json, ranks_before, scores, rounds, front: OnceLock::new() }))
    }
}

/// The board, read again when the ranking's file is another.
#[derive(Debug, Default)]
pub(super) struct Boards(Mutex<Option<(Stamp, Arc<Board>)>>);

impl Boards {
    pub(super) fn latest(&self, store: &Store) -> Result<Option<Arc<Board>>, StoreError> {
        let Some(stamp) = store.rankings_stamp()? else { return Ok(None) };
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((of, board)) = &*kept
            && *of == stamp
        {
            return Ok(Some(board.clone()));
        }
        let board = Board::read(store)?.map(Arc::new);
        *kept = board.clone().map(|board| (stamp, board));
        Ok(board)
    }
}
