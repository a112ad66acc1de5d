//! The batches of a round in memory: an agent after the other, handed out to the workers of this process.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use tokio::sync::Mutex;

use crate::Fault;
use crate::round::book::{RecordOrigin, RoundBook};
use crate::round::dispatch::{
    BatchLease, BatchOrder, DispatchReply, Dispatcher, MAX_DELIVERIES, TrialBatch, TrialEnd,
};
use crate::round::plan::Isolation;
use crate::trial::place::{TrialPlace, TrialSlot};

/// The dispatcher of a round in one process.
pub struct LocalQueue {
    book: Arc<RoundBook>,
    state: Mutex<QueueState>,
}

/// How far the round's agents have been handed out.
#[derive(Default)]
struct QueueState {
    next_agent: usize,
    next_lease: u64,
    ready: VecDeque<QueuedBatch>,
    leased: BTreeMap<u64, QueuedBatch>,
}

/// A batch, and how often it was leased.
#[derive(Clone)]
struct QueuedBatch {
    agent: usize,
    batch: TrialBatch,
    deliveries: u32,
}

impl LocalQueue {
    /// The batches of a round.
    pub fn new(book: Arc<RoundBook>) -> Self {
        Self { book, state: Mutex::default() }
    }

    async fn lease(&self) -> Result<Option<BatchLease>, Fault> {
        let mut state = self.state.lock().await;
        while state.ready.is_empty() {
            if state.next_agent == self.book.plan.agents.len() {
                return Ok(None);
            }
            let index = state.next_agent;
            state.next_agent += 1;
            state.ready.extend(self.batches(index).await?);
        }
        let mut queued = state.ready.pop_front().expect("it is not empty");
        queued.deliveries += 1;
        let (id, batch) = (state.next_lease, queued.batch.clone());
        state.next_lease += 1;
        state.leased.insert(id, queued);
        Ok(Some(BatchLease { id, batch }))
    }

    /// The batches of an agent's missing trials. Trials with a record are counted on the way.
    async fn batches(&self, index: usize) -> Result<Vec<QueuedBatch>, Fault> {
        let book = &*self.book;
        let agent = &book.plan.agents[index];
        let missing = book.look_up(index).await?;
        if missing.is_empty() {
            return Ok(Vec::new());
        }
        if book.stops(index).await {
            book.skipped(index, missing.len());
            return Ok(Vec::new());
        }
        let source: Arc<str> = match agent.read().await {
            Ok(source) => source.into(),
            Err(fault) => {
                for place in missing {
                    book.faulted(TrialSlot { agent: index, place }, &fault).await;
                }
                return Ok(Vec::new());
            }
        };
        let size = match book.plan.isolation {
            Isolation::Agent => missing.len().div_ceil(book.plan.jobs_per_agent.max(1)),
            Isolation::Trial => 1,
        };
        let batch = |trials: &[TrialPlace]| QueuedBatch {
            agent: index,
            batch: TrialBatch {
                agent: agent.clone(),
                source: Arc::clone(&source),
                trials: trials.to_vec(),
            },
            deliveries: 0,
        };
        Ok(missing.chunks(size).map(batch).collect())
    }

    async fn order(&self, lease: &BatchLease) -> BatchOrder {
        let mut state = self.state.lock().await;
        let Some(queued) = state.leased.get_mut(&lease.id) else { return BatchOrder::Stop };
        let missing = queued.batch.trials.len();
        if missing > 0 && self.book.stops(queued.agent).await {
            self.book.skipped(queued.agent, missing);
            queued.batch.trials.clear();
            return BatchOrder::Stop;
        }
        BatchOrder::Continue
    }

    async fn take(
        &self,
        lease: &BatchLease,
        place: TrialPlace,
        end: TrialEnd,
    ) -> Result<(), Fault> {
        let agent = {
            let mut state = self.state.lock().await;
            let Some(queued) = state.leased.get_mut(&lease.id) else { return Ok(()) };
            queued.batch.trials.retain(|missing| *missing != place);
            queued.agent
        };
        let slot = TrialSlot { agent, place };
        match end {
            TrialEnd::Judged(record) => self.book.judged(slot, *record, RecordOrigin::Run).await,
            // A record that cannot be kept would be lost again and again: that ends the round.
            TrialEnd::Faulted(fault @ (Fault::Store(_) | Fault::File { .. })) => return Err(fault),
            TrialEnd::Faulted(fault) => self.book.faulted(slot, &fault).await,
        }
        Ok(())
    }

    /// Ends a lease. What is missing comes again, or is a fault if it came often enough.
    async fn release(&self, lease: &BatchLease, fault: Option<Fault>) {
        let mut state = self.state.lock().await;
        let Some(queued) = state.leased.remove(&lease.id) else { return };
        if queued.batch.trials.is_empty() {
            return;
        }
        if queued.deliveries < MAX_DELIVERIES {
            state.ready.push_back(queued);
            return;
        }
        drop(state);
        let why =
            fault.map_or_else(|| "its worker returned no record".to_owned(), |f| f.to_string());
        let batch =
            format!("{} ({} trials)", queued.batch.agent.miner_id, queued.batch.trials.len());
        let fault = Fault::Batch { batch, deliveries: queued.deliveries, why };
        for place in &queued.batch.trials {
            self.book.faulted(TrialSlot { agent: queued.agent, place: *place }, &fault).await;
        }
    }
}

impl Dispatcher for LocalQueue {
    fn next(&self) -> DispatchReply<'_, Option<BatchLease>> {
        Box::pin(self.lease())
    }

    fn progress<'a>(&'a self, lease: &'a BatchLease) -> DispatchReply<'a, BatchOrder> {
        Box::pin(async { Ok(self.order(lease).await) })
    }

    fn deliver<'a>(
        &'a self,
        lease: &'a BatchLease,
        place: TrialPlace,
        end: TrialEnd,
    ) -> DispatchReply<'a, ()> {
        Box::pin(self.take(lease, place, end))
    }

    fn done(&self, lease: BatchLease) -> DispatchReply<'_, ()> {
        Box::pin(async move {
            self.release(&lease, None).await;
            Ok(())
        })
    }

    fn failed(&self, lease: BatchLease, fault: Fault) -> DispatchReply<'_, ()> {
        Box::pin(async move {
            self.release(&lease, Some(fault)).await;
            Ok(())
        })
    }
}
