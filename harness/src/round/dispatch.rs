//! How batches of trials reach the workers that run them, and what the workers report back.
//!
//! A round in one process hands them out from memory (`queue`); a round over many machines does it through a
//! server. Both promise the same: a batch is leased to one worker at a time, it comes again while trials of it are
//! missing, and after [`MAX_DELIVERIES`] leases its missing trials are faults, never verdicts.

use std::sync::Arc;

use futures_util::future::BoxFuture;

use crate::Fault;
use crate::round::agent::Agent;
use crate::trial::place::TrialPlace;
use crate::trial::record::TrialRecord;

/// How often a batch is leased before its missing trials are faults. Once would make every lost worker a fault; a
/// batch that ended four workers will end the fifth.
pub const MAX_DELIVERIES: u32 = 4;

/// Trials of one agent that share a container.
#[derive(Clone, Debug)]
pub struct TrialBatch {
    /// The agent
    pub agent: Agent,
    /// Its source
    pub source: Arc<str>,
    /// Its trials, in the order in which they run
    pub trials: Vec<TrialPlace>,
}

/// The right to run a batch, until it is given back.
#[derive(Clone, Debug)]
pub struct BatchLease {
    /// Which lease, among all of a dispatcher
    pub id: u64,
    /// The batch
    pub batch: TrialBatch,
}

/// What became of a trial.
#[derive(Debug)]
pub enum TrialEnd {
    /// It has a verdict.
    Judged(Box<TrialRecord>),
    /// It ended in a fault.
    Faulted(Fault),
}

/// What a worker does next with its batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BatchOrder {
    /// Run the next trial.
    Continue,
    /// Run no more trials of the batch: its agent was stopped, or the lease is lost.
    Stop,
}

/// The reply of a dispatcher to a worker.
pub type DispatchReply<'a, T> = BoxFuture<'a, Result<T, Fault>>;

/// Hands out batches and takes what became of their trials. An error ends the worker.
pub trait Dispatcher: Send + Sync {
    /// Leases the next batch; waits for one if more may come. `None` if the worker is to end.
    fn next(&self) -> DispatchReply<'_, Option<BatchLease>>;

    /// Keeps a lease, and returns whether to go on. Workers call it before every trial.
    fn progress<'a>(&'a self, lease: &'a BatchLease) -> DispatchReply<'a, BatchOrder>;

    /// Takes the end of a trial. When this returns, a record is stored, or is where it was stored before.
    fn deliver<'a>(
        &'a self,
        lease: &'a BatchLease,
        place: TrialPlace,
        end: TrialEnd,
    ) -> DispatchReply<'a, ()>;

    /// Ends a lease whose trials were all delivered. Trials that were not come again.
    fn done(&self, lease: BatchLease) -> DispatchReply<'_, ()>;

    /// Ends a lease that could not be used. What is missing of its batch comes again.
    fn failed(&self, lease: BatchLease, fault: Fault) -> DispatchReply<'_, ()>;
}
