//! Rounds without faults: the ranking is that of a local round, whatever comes and goes.

use std::time::Duration;

use cluster::status;
use cluster::streams::Capacity;
use cluster::worker::dispatcher::WorkerOrder;

use crate::fake::FakeEngine;
use crate::peer::CallMachine;
use crate::server::NatsServer;
use crate::world::{
    EventLog, FakeWorkshop, TestRound, TestWorker, WorkerProcess, agents, connect, named,
    new_store, records,
};

named!(
    two_workers_give_the_ranking_of_a_local_round,
    agents_with_one_source_share_its_records,
    a_round_waits_for_workers,
    a_full_stream_is_a_wait,
    a_large_record_crosses_as_an_object,
    a_coordinator_can_be_killed_and_started_again,
    one_of_two_coordinators_leads,
    a_worker_drains,
    a_worker_with_another_image_takes_no_work,
    records_of_a_store_are_not_run_again,
    the_status_counts_batches_and_workers,
);

async fn two_workers_give_the_ranking_of_a_local_round() {
    let server = NatsServer::start().await;
    let (_directory, store) = new_store();
    let round = TestRound::of(agents(12, ""));
    let _workers = [WorkerProcess::start(&server.url()), WorkerProcess::start(&server.url())];
    let outcome = round.coordinate(&server.url(), &store, &EventLog::default()).await.unwrap();
    round.check(&outcome, &store).await;
}

async fn agents_with_one_source_share_its_records() {
    let server = NatsServer::start().await;
    let (_directory, store) = new_store();
    let mut all = agents(4, "");
    let copy = harness::round::agent::Agent { miner_id: "copy".parse().unwrap(), ..all[1].clone() };
    all.push(copy);
    let round = TestRound::of(all);
    let _worker = TestWorker::start(&server.url()).await;
    let outcome = round.coordinate(&server.url(), &store, &EventLog::default()).await.unwrap();
    round.check(&outcome, &store).await;
}

async fn a_round_waits_for_workers() {
    let server = NatsServer::start().await;
    let (_directory, store) = new_store();
    let (round, log, url) = (TestRound::of(agents(4, "")), EventLog::default(), server.url());
    let later = async {
        let connection = connect(&url).await;
        // All batches wait, and none runs.
        loop {
            if let Ok(report) = status::read(&connection).await
                && report.waiting == 4
            {
                assert_eq!((report.running, report.eta_seconds), (0, None));
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(records(&store), 0);
        TestWorker::start(&url).await
    };
    let outcome = round.coordinate_beside(&url, &store, &log, later).await;
    round.check(&outcome, &store).await;
}

async fn a_full_stream_is_a_wait() {
    let server = NatsServer::start().await;
    let (_directory, store) = new_store();
    let capacity = Capacity { batches: 2, result_bytes: 20_000, ..Capacity::default() };
    let round = TestRound { capacity, ..TestRound::of(agents(12, "")) };
    let _worker = TestWorker::start(&server.url()).await;
    let outcome = round.coordinate(&server.url(), &store, &EventLog::default()).await.unwrap();
    round.check(&outcome, &store).await;
}

async fn a_large_record_crosses_as_an_object() {
    let server = NatsServer::start().await;
    let (_directory, store) = new_store();
    let round = TestRound { repeat: 1, ..TestRound::of(agents(2, "# prints 250000 bytes")) };
    let _worker = TestWorker::start(&server.url()).await;
    let outcome = round.coordinate(&server.url(), &store, &EventLog::default()).await.unwrap();
    round.check(&outcome, &store).await;
    for file in std::fs::read_dir(store.results_dir()).unwrap() {
        assert!(file.unwrap().metadata().unwrap().len() > 1 << 20);
    }
}

async fn a_coordinator_can_be_killed_and_started_again() {
    let server = NatsServer::start().await;
    let (_directory, store) = new_store();
    let (round, log) = (TestRound::of(agents(16, "# takes 50 ms")), EventLog::default());
    let url = server.url();
    let _worker = TestWorker::start(&url).await;
    for kill_after in [1, 12] {
        let coordinating = round.coordinate(&url, &store, &log);
        tokio::select! {
            _ = coordinating => panic!("it was to be killed"),
            () = log.wait_for("run", kill_after) => {}
        }
    }
    assert!(records(&store) < 48);
    let last = EventLog::default();
    let outcome = round.coordinate(&url, &store, &last).await.unwrap();
    round.check(&outcome, &store).await;
    // What was counted as run before is looked up, with what was stored in the moment of a kill; only the rest is run.
    let (before, looked_up) = (log.with("run").len(), last.with("cached").len());
    assert!(before <= looked_up, "{before} {looked_up}");
    assert_eq!(last.with("run").len(), 48 - looked_up);
}

async fn one_of_two_coordinators_leads() {
    let server = NatsServer::start().await;
    let ((_first, store), (_second, other_store)) = (new_store(), new_store());
    let url = server.url();
    let (log, other_log) = (EventLog::default(), EventLog::default());
    let round = TestRound::of(agents(6, "# takes 50 ms"));
    let other = TestRound { id: "other", ..TestRound::of(agents(3, "# other")) };
    let _worker = TestWorker::start(&url).await;
    let second = async {
        log.wait_for("finished", 1).await;
        other.coordinate(&url, &other_store, &other_log).await
    };
    let (outcome, other_outcome) = tokio::join!(round.coordinate(&url, &store, &log), second);
    round.check(&outcome.unwrap(), &store).await;
    other.check(&other_outcome.unwrap(), &other_store).await;
    let waited = other_log.with("round round on coordinator leads at this server; waiting");
    assert_eq!(waited.len(), 1, "{other_log:?}", other_log = other_log.with(""));
}

async fn a_worker_drains() {
    let server = NatsServer::start().await;
    let (_directory, store) = new_store();
    let (round, log) = (TestRound::of(agents(8, "# takes 400 ms")), EventLog::default());
    let url = server.url();
    let draining = async {
        for order in [WorkerOrder::Drain, WorkerOrder::GiveBack] {
            let mut worker = TestWorker::start(&url).await;
            worker.log.wait_for("3 trials", 1).await;
            worker.order.send(order).unwrap();
            (&mut worker.task).await.unwrap().unwrap();
            let gave_back = !worker.log.with("gave back").is_empty();
            assert_eq!(gave_back, order == WorkerOrder::GiveBack, "{:?}", worker.log.with(""));
        }
        TestWorker::start(&url).await
    };
    let outcome = round.coordinate_beside(&url, &store, &log, draining).await;
    round.check(&outcome, &store).await;
}

async fn a_worker_with_another_image_takes_no_work() {
    let server = NatsServer::start().await;
    let (_directory, store) = new_store();
    let (round, log, url) = (TestRound::of(agents(3, "")), EventLog::default(), server.url());
    let refusing = async {
        let workshop = FakeWorkshop { machine: CallMachine::Right, image: "sha256:x".to_owned() };
        let refused = TestWorker::with(connect(&url).await, workshop);
        refused.log.wait_for("takes no work", 1).await;
        let [said] = &refused.log.with("takes no work")[..] else { panic!("once") };
        let (here, there) = ("this machine has sha256:x", FakeEngine::IMAGE);
        assert!(said.contains(here) && said.contains(there), "{said}");
        // The coordinator knows why.
        let connection = connect(&url).await;
        loop {
            let report = status::read(&connection).await.unwrap();
            let workers = report.coordinator.map(|status| status.workers).unwrap_or_default();
            if workers.iter().any(|worker| worker.refuses.is_some() && worker.running == 0) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(records(&store), 0);
        TestWorker::start(&url).await
    };
    let outcome = round.coordinate_beside(&url, &store, &log, refusing).await;
    round.check(&outcome, &store).await;
}

async fn records_of_a_store_are_not_run_again() {
    let server = NatsServer::start().await;
    let (_directory, store) = new_store();
    let (round, log) = (TestRound::of(agents(4, "")), EventLog::default());
    let worker = TestWorker::start(&server.url()).await;
    round.coordinate(&server.url(), &store, &log).await.unwrap();
    drop(worker);
    let outcome = round.coordinate(&server.url(), &store, &log).await.unwrap();
    assert_eq!(outcome.cached, 12);
    round.check(&outcome, &store).await;
}

async fn the_status_counts_batches_and_workers() {
    let server = NatsServer::start().await;
    let (_directory, store) = new_store();
    let (round, log) = (TestRound::of(agents(8, "# takes 100 ms")), EventLog::default());
    let url = server.url();
    let connection = connect(&url).await;
    assert_eq!(status::read(&connection).await.unwrap().coordinator, None);
    let worker = TestWorker::start(&url).await;
    let watching = async {
        loop {
            let report = status::read(&connection).await.unwrap();
            let Some(status) = &report.coordinator else { continue };
            if report.running > 0 && status.trials_judged > 0 && status.batches_open > 2 {
                assert!(report.eta_seconds.is_some(), "{report:?}");
                assert_eq!(status.workers[0].id.as_str(), worker.id);
                assert!(status.workers[0].judged > 0 && !status.workers[0].void);
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let outcome = round.coordinate_beside(&url, &store, &log, watching).await;
    round.check(&outcome, &store).await;
    let last = status::read(&connection).await.unwrap();
    let status = last.coordinator.unwrap();
    assert!(status.over && last.eta_seconds.is_none());
    assert_eq!((status.trials_missing, status.batches_open, status.batches_done), (0, 0, 8));
    assert_eq!((last.waiting, last.running), (0, 0));
}
