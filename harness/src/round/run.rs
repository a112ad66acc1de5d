//! The round engine: every agent on every task, each trial once.
//!
//! Trials that have a record are looked up; the others run, an agent at a time in each of `jobs` workers.
//! Every worker has one container at work and starts the next one during its trials. What happens is
//! emitted as [`RoundEvent`]s; nothing here prints.

use std::sync::Arc;

use crate::Fault;
use crate::round::book::{RoundBook, RoundOutcome};
use crate::round::events::{RoundEvent, RoundListener};
use crate::round::plan::RoundPlan;
use crate::round::pool::run_workers;
use crate::round::queue::LocalQueue;
use crate::round::runner::TrialRunner;
use crate::round::work::WorkTools;
use crate::sandbox::Sandbox;

/// Runs a round. Trials that end in faults are part of the outcome and not an error.
pub async fn run(
    sandbox: &Sandbox,
    plan: RoundPlan,
    on_event: RoundListener,
) -> Result<RoundOutcome, Fault> {
    let runner = TrialRunner::new(sandbox.clone(), plan.results.clone(), plan.shrinking)
        .with_model(plan.model.clone());
    let jobs = plan.jobs;
    let book = Arc::new(RoundBook::new(runner, plan, Arc::clone(&on_event)));
    book.emit(RoundEvent::Started { trials: book.trials() });
    let queue = Arc::new(LocalQueue::new(Arc::clone(&book)));
    let worker = || {
        let (book, queue, on_event) =
            (Arc::clone(&book), Arc::clone(&queue), Arc::clone(&on_event));
        async move {
            let (runner, tasks) = (&book.runner, &book.plan.tasks);
            WorkTools { dispatcher: &*queue, runner, tasks, on_event: &on_event }.work().await
        }
    };
    run_workers(jobs, worker).await?;
    Ok(book.close().await)
}
