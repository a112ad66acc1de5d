//! What pages and lists show of past rounds. The files of rounds are large, so each is read once, and only in part.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

use lru::LruCache;
use serde::Deserialize;

use crate::api::{MinerId, RoundListing, RoundStatus, ScoreInterval};
use crate::store::{FileStamp, Store, StoreError};

/// The number of rounds that are kept in memory. One of 10,000 agents takes about a megabyte.
const KEPT: NonZeroUsize = NonZeroUsize::new(64).expect("it is not 0");

/// A past round without its tasks.
#[derive(Debug)]
pub(super) struct RoundSummary {
    /// What the list of rounds says about it.
    pub(super) listing: RoundListing,
    /// Where each agent ended.
    pub(super) places: HashMap<MinerId, RoundPlace>,
}

/// Where an agent ended in a round.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct RoundPlace {
    miner_id: MinerId,
    /// 1 is best.
    pub(super) rank: u32,
    /// 0 to 100.
    pub(super) score: f64,
    /// Where the score would lie in 95 % of rounds with other tasks of the same kind.
    #[serde(default)]
    pub(super) interval: Option<ScoreInterval>,
}

/// The parts of a round's file that a summary needs. The scores of single tasks, most of the file, are skipped.
#[derive(Deserialize)]
struct RoundFile {
    round: RoundHead,
    rankings: Vec<RoundPlace>,
    #[serde(default)]
    signature: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
struct RoundHead {
    id: String,
    status: RoundStatus,
    commitment: tasks::Sha256,
    opened_at: jiff::Timestamp,
    finished_at: jiff::Timestamp,
    #[serde(default)]
    partial: bool,
    tasks: Vec<serde::de::IgnoredAny>,
    faults: Vec<serde::de::IgnoredAny>,
}

impl From<RoundFile> for RoundSummary {
    fn from(RoundFile { round, rankings, signature }: RoundFile) -> Self {
        let listing = RoundListing {
            id: round.id,
            status: round.status,
            commitment: round.commitment,
            opened_at: round.opened_at,
            finished_at: round.finished_at,
            tasks: round.tasks.len() as u64,
            agents: rankings.len() as u64,
            best: rankings.first().map(|best| best.miner_id.clone()),
            partial: round.partial,
            provisional: !round.faults.is_empty(),
            signed: signature.is_some(),
        };
        let places = rankings.into_iter().map(|place| (place.miner_id.clone(), place)).collect();
        Self { listing, places }
    }
}

/// The summaries of the rounds that were asked for last.
#[derive(Debug)]
pub(super) struct RoundHistory {
    read: Mutex<LruCache<String, (FileStamp, Arc<RoundSummary>)>>,
}

impl Default for RoundHistory {
    fn default() -> Self {
        Self { read: Mutex::new(LruCache::new(KEPT)) }
    }
}

impl RoundHistory {
    /// Returns the summary of a round; `None` if there is no such round, or its file is damaged.
    pub(super) fn of(
        &self,
        store: &Store,
        id: &str,
    ) -> Result<Option<Arc<RoundSummary>>, StoreError> {
        let Some(stamp) = store.round_stamp(id)? else { return Ok(None) };
        let known =
            self.kept().get(id).filter(|(of, _)| *of == stamp).map(|(_, kept)| kept.clone());
        if known.is_some() {
            return Ok(known);
        }
        let Some(file) = store.round_file(id)? else { return Ok(None) };
        // A damaged round hides no other.
        let Ok(file) = serde_json::from_slice::<RoundFile>(&file) else { return Ok(None) };
        let summary = Arc::new(RoundSummary::from(file));
        self.kept().put(id.to_owned(), (stamp, summary.clone()));
        Ok(Some(summary))
    }

    /// Returns at most `limit` rounds before this one, oldest first; the latest ones without one.
    pub(super) fn before(
        &self,
        store: &Store,
        id: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Arc<RoundSummary>>, StoreError> {
        let ids = store.round_ids()?;
        let end = id.map_or(ids.len(), |id| ids.partition_point(|known| known.as_str() < id));
        let mut rounds = Vec::new();
        for id in ids[..end].iter().rev() {
            if rounds.len() == limit {
                break;
            }
            rounds.extend(self.of(store, id)?);
        }
        rounds.reverse();
        Ok(rounds)
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, LruCache<String, (FileStamp, Arc<RoundSummary>)>> {
        self.read.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
