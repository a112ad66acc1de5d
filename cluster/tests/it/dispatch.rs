//! The dispatcher over a server keeps the promises of the one in memory.

use std::sync::Arc;
use std::time::Duration;

use cluster::streams;
use cluster::wire::ROUND_KEY;
use cluster::worker::dispatcher::{DispatcherParts, NatsDispatcher, WorkerOrder};
use cluster::worker::run::read_announcement;
use harness::round::agent::Agent;
use harness::round::book::RoundOutcome;
use harness::round::runner::TrialRunner;
use harness::round::work::WorkTools;
use tokio::sync::watch;

use crate::conformance::{self, RoundUnderTest, TreatLease};
use crate::peer::CallMachine;
use crate::server::NatsServer;
use crate::world::{EventLog, TIMING, TestRound, connect, named, new_store, sandbox};

named!(the_dispatcher_of_a_server_conforms);

/// Rounds over a server of their own.
struct NatsRounds;

impl RoundUnderTest for NatsRounds {
    async fn judge(&self, agents: Vec<Agent>, repeat: u32, treat: TreatLease) -> RoundOutcome {
        let server = NatsServer::start().await;
        let (_directory, store) = new_store();
        let round = TestRound { repeat, ..TestRound::of(agents) };
        let (log, url) = (EventLog::default(), server.url());
        let working = async {
            let connection = connect(&url).await;
            let spec = loop {
                if let Ok(bucket) = streams::bucket(&connection, streams::STATE).await
                    && let Some(round) = read_announcement(&bucket).await
                {
                    break round.spec;
                }
                tokio::time::sleep(TIMING.heartbeat).await;
            };
            let runner = TrialRunner::new(sandbox(CallMachine::Right), None, Duration::ZERO);
            let (runner, tasks) = (Arc::new(runner), TestRound::tasks());
            let (_order, orders) = watch::channel(WorkerOrder::Work);
            let parts = DispatcherParts {
                connection,
                timing: TIMING,
                spec,
                tasks: Arc::clone(&tasks),
                runner: Arc::clone(&runner),
                order: orders,
                on_event: Arc::new(|_| ()),
            };
            let dispatcher = NatsDispatcher::open(parts).await.unwrap();
            let on_event = &(Arc::new(|_| ()) as _);
            let tools =
                WorkTools { dispatcher: &dispatcher, runner: &runner, tasks: &tasks, on_event };
            conformance::work(tools, &treat).await;
        };
        tokio::select! {
            outcome = round.coordinate(&url, &store, &log) => outcome.unwrap(),
            () = working => panic!("the worker ended: {ROUND_KEY}"),
        }
    }
}

async fn the_dispatcher_of_a_server_conforms() {
    Box::pin(conformance::check(&NatsRounds)).await;
}
