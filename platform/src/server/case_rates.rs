//! Which cases of each task most agents fail, from the published trials of a round.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tasks::TaskId;

use super::build_cache::BuildCache;
use crate::api::Rankings;
use crate::store::{Store, StoreError};

/// The best-ranked agents whose trials are read. Each has a file of about 100 KiB.
const AGENTS: usize = 200;
/// Cases of a task that are shown.
const SHOWN: usize = 8;
/// The number of rounds whose figures are kept, and that are read at a time: the latest one, and the one before it for those
/// who asked before it was replaced.
const ROUNDS: NonZeroUsize = NonZeroUsize::new(2).expect("it is not 0");
/// How long the figures are kept: trials are published one agent after the other.
const KEPT: Duration = Duration::from_mins(1);

/// How the agents did on one case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CaseRate {
    /// The name of the case.
    pub(super) name: String,
    /// Number of trials that failed it.
    pub(super) failed: u32,
    /// Number of trials with this case.
    pub(super) judged: u32,
}

/// The cases of each task that some agent failed, hardest first.
pub(super) type HardestCases = HashMap<TaskId, Vec<CaseRate>>;

/// The figures of the rounds that were asked for last, and when they were read.
#[derive(Debug)]
pub(super) struct CaseRates(BuildCache<String, (Instant, Arc<HardestCases>)>);

impl Default for CaseRates {
    fn default() -> Self {
        Self(BuildCache::new(ROUNDS, ROUNDS))
    }
}

impl CaseRates {
    /// Returns the hardest cases of a round. They may be a minute old.
    pub(super) fn of(
        &self,
        store: &Store,
        rankings: &Rankings,
    ) -> Result<Arc<HardestCases>, StoreError> {
        let count = || Ok((Instant::now(), Arc::new(count(store, rankings)?)));
        let is_fresh = |(at, _): &(Instant, _)| at.elapsed() < KEPT;
        self.0.get(&rankings.round.id, is_fresh, count).map(|(_, cases)| cases)
    }
}

fn count(store: &Store, rankings: &Rankings) -> Result<HardestCases, StoreError> {
    let mut counts: HashMap<TaskId, HashMap<String, (u32, u32)>> = HashMap::new();
    for entry in rankings.rankings.iter().take(AGENTS) {
        let Some(results) = store.trials(&rankings.round.id, &entry.miner_id)? else { continue };
        for record in results.trials.into_iter().map(|trial| trial.record) {
            let task = counts.entry(record.task).or_default();
            for case in record.cases {
                let (failed, judged) = task.entry(case.name).or_default();
                *failed += u32::from(!case.passed);
                *judged += 1;
            }
        }
    }
    let hardest = |cases: HashMap<String, (u32, u32)>| {
        let rate = |(name, (failed, judged))| CaseRate { name, failed, judged };
        let mut rates: Vec<_> =
            cases.into_iter().map(rate).filter(|rate| rate.failed > 0).collect();
        rates.sort_by(|a, b| b.failed.cmp(&a.failed).then_with(|| a.name.cmp(&b.name)));
        rates.truncate(SHOWN);
        rates
    };
    Ok(counts.into_iter().map(|(task, cases)| (task, hardest(cases))).collect())
}
