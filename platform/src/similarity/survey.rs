//! Near copies among the agents of a store.
//!
//! Nothing is kept between two surveys: reading ten thousand agents anew takes less than a minute (`BENCHMARKS.md`), and a
//! file per version would have to be written anew with every change of the rules.

use std::collections::{HashMap, HashSet};
use std::io;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use jiff::Timestamp;
use serde::Serialize;
use tasks::Sha256;

use super::canonical::program_sha256;
use super::fingerprint::{Fingerprints, all_of};
use super::index::{
    IndexedAgent, SimilarPair, SimilarPairs, SimilarityFigures, SimilarityKind, find,
};
use super::passage::{Passage, passages};
use super::symbols::Symbols;
use crate::api::{AgentHistory, MinerId};
use crate::store::{Store, StoreError};

/// The similar agents of a store.
#[derive(Debug, Serialize)]
pub struct Survey {
    /// Number of agents that were compared.
    pub agents: usize,
    /// The pairs, by the later agent, and for each the most similar ones first.
    pub similar: Vec<SimilarAgents>,
    /// One sentence for each agent that could not be read.
    pub unread: Vec<String>,
}

/// Two similar agents. Their similarity is evidence and no judgement.
#[derive(Clone, Debug, Serialize)]
pub struct SimilarAgents {
    /// The one that had the shared code first.
    pub earlier: SimilarAgent,
    /// The other one.
    pub later: SimilarAgent,
    /// Why they are listed.
    pub kind: SimilarityKind,
    /// How similar they are.
    #[serde(flatten)]
    pub figures: SimilarityFigures,
    /// The places, longest first.
    pub passages: Vec<Passage>,
}

/// One of two similar agents.
#[derive(Clone, Debug, Serialize)]
pub struct SimilarAgent {
    /// Its owner.
    pub miner_id: MinerId,
    /// The digest of the version that was compared.
    pub sha256: Sha256,
    /// When its owner first submitted a version with most of the shared code.
    pub since: Timestamp,
}

/// Why the agents of a store could not be compared.
#[derive(Debug, thiserror::Error)]
pub enum SurveyError {
    /// The store could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The system had no thread for the parser.
    #[error("the agents could not be compared: {0}; try again later")]
    System(#[from] io::Error),
}

/// What is compared, and how.
#[derive(Clone, Copy, Debug)]
pub struct SurveyPlan<'a> {
    /// Published code, which does not count as evidence.
    pub base: &'a [String],
    /// Lists the pairs of this agent alone.
    pub only: Option<&'a MinerId>,
    /// Processors to use.
    pub threads: usize,
}

/// Compares the current versions of agents of a store.
pub fn survey(
    store: &Store,
    agents: Vec<AgentHistory>,
    plan: SurveyPlan<'_>,
) -> Result<Survey, SurveyError> {
    let SurveyPlan { base, only, threads } = plan;
    let base = base.iter().map(|source| Symbols::of(source)).collect::<io::Result<Vec<_>>>()?;
    let read = parallel(&agents, threads, |agent| indexed(store, agent));
    let (mut compared, mut indexed, mut unread) = (Vec::new(), Vec::new(), Vec::new());
    for (agent, read) in agents.into_iter().zip(read) {
        match read {
            Ok(read) => {
                compared.push(agent);
                indexed.push(read);
            }
            Err(SurveyError::Store(error @ StoreError::Damaged { .. })) => {
                unread.push(error.to_string());
            }
            Err(error) => return Err(error),
        }
    }
    let SimilarPairs { mut pairs, excluded } = find(&indexed, all_of(&base));
    pairs.retain(|pair| {
        let ids = [pair.earlier, pair.later].map(|at| &indexed[at].miner_id);
        only.is_none_or(|only| ids.contains(&only))
    });
    let detail = Detail { store, excluded: &excluded, versions: Mutex::default() };
    let details = parallel(&pairs, threads, |pair| detail.of(pair, &compared));
    let mut similar = details.into_iter().collect::<Result<Vec<_>, _>>()?;
    similar.sort_by(|a, b| {
        let order = a.later.miner_id.cmp(&b.later.miner_id);
        let order = order.then(b.figures.similarity.total_cmp(&a.figures.similarity));
        order.then_with(|| a.earlier.miner_id.cmp(&b.earlier.miner_id))
    });
    Ok(Survey { agents: compared.len(), similar, unread })
}

fn indexed(store: &Store, agent: &AgentHistory) -> Result<IndexedAgent, SurveyError> {
    let current = &agent.current;
    let source = store.source_of_version(&current.miner_id, &current.sha256)?;
    Ok(IndexedAgent {
        miner_id: current.miner_id.clone(),
        program_sha256: program_sha256(source.as_bytes())?,
        first_submitted_at: agent.first_submitted_at(),
        fingerprints: Fingerprints::of(&Symbols::of(&source)?),
    })
}

/// What is stated of a pair.
struct Detail<'a> {
    store: &'a Store,
    excluded: &'a HashSet<u64>,
    /// The fingerprints of earlier versions: an agent that many are similar to has each of its versions read once.
    versions: Mutex<HashMap<Sha256, Arc<Vec<u64>>>>,
}

impl Detail<'_> {
    fn of(
        &self,
        pair: &SimilarPair,
        agents: &[AgentHistory],
    ) -> Result<SimilarAgents, SurveyError> {
        let (mut earlier, mut later) = (&agents[pair.earlier], &agents[pair.later]);
        let (mut a, mut b) = (self.symbols(earlier, None)?, self.symbols(later, None)?);
        let (mut since_a, mut since_b) = (earlier.first_submitted_at(), later.first_submitted_at());
        if pair.kind != SimilarityKind::Copy {
            let shared = self.shared(&a, &b);
            (since_a, since_b) = (self.since(earlier, &shared)?, self.since(later, &shared)?);
        }
        if since_b < since_a {
            // An owner who improved an agent after it was copied still had the code first.
            std::mem::swap(&mut earlier, &mut later);
            std::mem::swap(&mut a, &mut b);
            std::mem::swap(&mut since_a, &mut since_b);
        }
        // Base code is part of a copy too.
        let none = HashSet::new();
        let excluded = if pair.kind == SimilarityKind::Shared { self.excluded } else { &none };
        let named = |agent: &AgentHistory, since| {
            let (miner_id, sha256) = (&agent.current.miner_id, &agent.current.sha256);
            SimilarAgent { miner_id: miner_id.clone(), sha256: sha256.clone(), since }
        };
        Ok(SimilarAgents {
            earlier: named(earlier, since_a),
            later: named(later, since_b),
            kind: pair.kind,
            figures: pair.figures,
            passages: passages(&a, &b, excluded),
        })
    }

    /// The symbols of a version of an agent, the current one by default.
    fn symbols(
        &self,
        agent: &AgentHistory,
        version: Option<&Sha256>,
    ) -> Result<Symbols, SurveyError> {
        let version = version.unwrap_or(&agent.current.sha256);
        Ok(Symbols::of(&self.store.source_of_version(&agent.current.miner_id, version)?)?)
    }

    /// The fingerprints of an earlier version.
    fn prints(&self, agent: &AgentHistory, version: &Sha256) -> Result<Arc<Vec<u64>>, SurveyError> {
        let known = || self.versions.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(prints) = known().get(version) {
            return Ok(prints.clone());
        }
        let prints = Arc::new(Fingerprints::of(&self.symbols(agent, Some(version))?).prints);
        known().insert(version.clone(), prints.clone());
        Ok(prints)
    }

    fn shared(&self, a: &Symbols, b: &Symbols) -> HashSet<u64> {
        let of_a: HashSet<_> = Fingerprints::of(a).prints.into_iter().collect();
        let of_b = Fingerprints::of(b).prints.into_iter();
        of_b.filter(|print| of_a.contains(print) && !self.excluded.contains(print)).collect()
    }

    /// When the owner first submitted a version with more than half of these fingerprints.
    fn since(&self, agent: &AgentHistory, shared: &HashSet<u64>) -> Result<Timestamp, SurveyError> {
        for version in &agent.history {
            let prints = match self.prints(agent, &version.sha256) {
                Err(SurveyError::Store(StoreError::Damaged { .. })) => continue,
                prints => prints?,
            };
            if prints.iter().filter(|print| shared.contains(print)).count() * 2 > shared.len() {
                return Ok(version.uploaded_at);
            }
        }
        Ok(agent.current.uploaded_at)
    }
}

/// Calls `work` for each item, on so many processors.
fn parallel<T: Sync, R: Send>(
    items: &[T],
    threads: usize,
    work: impl Fn(&T) -> R + Sync,
) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let threads = threads.min(items.len().max(1));
    let run = || {
        let mut done = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(at) else { return done };
            done.push((at, work(item)));
        }
    };
    let mut done: HashMap<usize, R> = thread::scope(|scope| {
        let threads: Vec<_> = (1..threads).map(|_| scope.spawn(run)).collect();
        let mut done: HashMap<_, _> = run().into_iter().collect();
        for thread in threads {
            done.extend(thread.join().unwrap_or_else(|panic| resume_unwind(panic)));
        }
        done
    });
    (0..items.len()).filter_map(|at| done.remove(&at)).collect()
}
