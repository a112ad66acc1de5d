//! What every dispatcher promises to workers, checked on the one in memory. The crate `cluster` checks the same of the one
//! that speaks to a server.

mod conformance;

use std::sync::Arc;
use std::time::Duration;

use harness::round::agent::Agent;
use harness::round::book::{RoundBook, RoundOutcome};
use harness::round::plan::{Isolation, RoundPlan};
use harness::round::queue::LocalQueue;
use harness::round::runner::TrialRunner;
use harness::round::work::WorkTools;
use harness::sandbox::{ContainerSpec, Image, ImageOrigin, Sandbox, SitePackages};
use harness::trial::instance::RoundTask;
use tasks::{Limits, Seed};

use self::conformance::{RoundUnderTest, TreatLease};
use crate::engine::fake::FakeEngine;
use crate::engine::peer::driver;

/// Rounds in one process.
struct LocalRounds;

impl RoundUnderTest for LocalRounds {
    async fn judge(&self, agents: Vec<Agent>, repeat: u32, treat: TreatLease) -> RoundOutcome {
        let engine = FakeEngine::new(driver(None, 0));
        let image = Image {
            reference: "fake:1".to_owned(),
            id: FakeEngine::IMAGE.to_owned(),
            origin: ImageOrigin::Present,
            packages: SitePackages::Hidden,
        };
        let spec = ContainerSpec { image, limits: Limits::STANDARD, runtime: None };
        let runner = TrialRunner::new(Sandbox::new(engine, spec), None, Duration::ZERO);
        let plan = RoundPlan {
            agents,
            tasks: [RoundTask::new(tasks::find("reverse_string").unwrap(), Seed(5))].into(),
            repeat,
            stop: harness::round::stopping::StopRules::default(),
            results: None,
            jobs: 1,
            jobs_per_agent: 1,
            isolation: Isolation::Agent,
            partition: None,
            shrinking: Duration::ZERO,
            model: None,
        };
        let book = Arc::new(RoundBook::new(runner, plan, Arc::new(|_| ())));
        let queue = LocalQueue::new(Arc::clone(&book));
        let (runner, tasks) = (&book.runner, &book.plan.tasks);
        let on_event = &(Arc::new(|_| ()) as _);
        let tools = WorkTools { dispatcher: &queue, runner, tasks, on_event };
        conformance::work(tools, &treat).await;
        book.close().await
    }
}

#[tokio::test]
async fn the_queue_in_memory_conforms() {
    conformance::check(&LocalRounds).await;
}
