//! A worker: it takes batches from a dispatcher and runs their trials, one container at work and the next one starting.

use std::sync::Arc;

use tokio::sync::Notify;

use crate::Fault;
use crate::round::dispatch::{BatchLease, BatchOrder, Dispatcher, TrialEnd};
use crate::round::events::{RoundEvent, RoundListener};
use crate::round::lease::ContainerLease;
use crate::round::runner::{AgentTrial, TrialRunner};
use crate::trial::instance::RoundTask;

/// What a worker runs trials with.
#[derive(Clone, Copy)]
pub struct WorkTools<'a> {
    /// Where batches come from
    pub dispatcher: &'a dyn Dispatcher,
    /// Runs trials
    pub runner: &'a TrialRunner,
    /// The tasks of the round
    pub tasks: &'a Arc<[RoundTask]>,
    /// Receives what is not reported to the dispatcher: attempts that are repeated
    pub on_event: &'a RoundListener,
}

impl WorkTools<'_> {
    /// Works until the dispatcher has no more batches.
    pub async fn work(self) -> Result<(), Fault> {
        let start = || ContainerLease::start(self.runner.sandbox());
        let mut next = self.dispatcher.next().await?;
        let mut ahead = None;
        while let Some(present) = next {
            let container = ahead.take().unwrap_or_else(start);
            next = self.dispatcher.next().await?;
            if next.is_some() {
                ahead = Some(start());
            }
            self.run_batch(present, container, &Notify::new()).await?;
        }
        Ok(())
    }

    /// Runs the trials of a batch, and ends its lease. `last` is notified when the last trial begins.
    pub async fn run_batch(
        self,
        lease: BatchLease,
        mut container: ContainerLease,
        last: &Notify,
    ) -> Result<(), Fault> {
        let agent = &lease.batch.agent;
        for (number, place) in lease.batch.trials.iter().copied().enumerate() {
            if number + 1 == lease.batch.trials.len() {
                last.notify_one();
            }
            if self.dispatcher.progress(&lease).await? == BatchOrder::Stop {
                break;
            }
            let task = &self.tasks[place.task];
            let on_retry = |fault: &Fault| {
                (self.on_event)(RoundEvent::Retrying {
                    miner_id: agent.miner_id.clone(),
                    task: task.id().clone(),
                    fault: fault.to_string(),
                });
            };
            let (source, repetition) = (&*lease.batch.source, place.repetition);
            let trial = AgentTrial { agent, source, task, repetition };
            let end = match self.runner.run(trial, &mut container, &on_retry).await {
                Ok(record) => TrialEnd::Judged(Box::new(record)),
                Err(fault) => TrialEnd::Faulted(fault),
            };
            self.dispatcher.deliver(&lease, place, end).await?;
        }
        // It may have been stopped before.
        last.notify_one();
        container.discard().await;
        self.dispatcher.done(lease).await
    }
}
