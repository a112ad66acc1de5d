//! Faults of workers, servers and networks: every record is there in the end, none twice in the ranking.

use std::time::Duration;

use cluster::connection::NatsConnection;
use cluster::status;
use cluster::streams::{self, BATCHES, Capacity, LOST, WORKERS};
use futures_util::StreamExt as _;
use harness::round::book::RoundOutcome;
use platform::store::Store;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::server::{NatsCluster, NatsServer};
use crate::world::{
    EventLog, TIMING, TestRound, TestWorker, WorkerProcess, agents, connect, named, new_store,
};

named!(
    workers_are_killed_at_random_points,
    the_server_is_killed_under_work_five_times,
    one_of_three_servers_is_lost,
    a_worker_is_cut_off_and_back,
    a_batch_that_ends_its_workers_is_a_fault,
    a_batch_that_ended_its_workers_without_a_coordinator_is_a_fault,
    a_lost_report_on_a_batch_costs_no_trial,
    a_slow_batch_keeps_its_lease,
);

async fn workers_are_killed_at_random_points() {
    let server = NatsServer::start().await;
    let (_directory, store) = new_store();
    let (round, log) = (TestRound::of(agents(24, "# takes 40 ms")), EventLog::default());
    let url = server.url();
    let killing = async {
        let mut workers = [WorkerProcess::start(&url), WorkerProcess::start(&url)];
        for kill in 0..6 {
            log.wait_for("run", 2 + 3 * kill).await;
            let wait = Duration::from_millis(rand::random_range(0..150));
            tokio::time::sleep(wait).await;
            workers[kill % 2].kill();
            workers[kill % 2] = WorkerProcess::start(&url);
        }
        workers
    };
    let outcome = round.coordinate_beside(&url, &store, &log, killing).await;
    round.check(&outcome, &store).await;
    assert_eq!(log.with("run").len(), 72);
}

async fn the_server_is_killed_under_work_five_times() {
    let mut server = NatsServer::start().await;
    let (_directory, store) = new_store();
    let (round, log) = (TestRound::of(agents(40, "# takes 40 ms")), EventLog::default());
    let url = server.url();
    let _workers = [TestWorker::start(&url).await, TestWorker::start(&url).await];
    let killing = async {
        for kill in 1..=5 {
            log.wait_for("run", 8 * kill).await;
            server.kill();
            server.start_again().await;
        }
    };
    let outcome = round.coordinate_beside(&url, &store, &log, killing).await;
    round.check(&outcome, &store).await;
    assert_eq!(log.with("run").len(), 120);
}

async fn one_of_three_servers_is_lost() {
    let mut cluster = NatsCluster::start().await;
    let (_directory, store) = new_store();
    let capacity = Capacity { replicas: 3, result_bytes: 64 << 20, ..Capacity::default() };
    let round = TestRound { capacity, ..TestRound::of(agents(12, "# takes 40 ms")) };
    let (log, url) = (EventLog::default(), cluster.url());
    let _workers = [TestWorker::start(&url).await, TestWorker::start(&url).await];
    let losing = async {
        log.wait_for("run", 5).await;
        cluster.nodes[0].kill();
    };
    let outcome = round.coordinate_beside(&url, &store, &log, losing).await;
    round.check(&outcome, &store).await;
}

/// A way to a server that can be cut.
async fn cable(port: u16) -> (String, watch::Sender<bool>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("nats://{}", listener.local_addr().unwrap());
    let (plug, plugged) = watch::channel(true);
    tokio::spawn(async move {
        loop {
            let (mut client, _) = listener.accept().await.unwrap();
            let mut plugged = plugged.clone();
            if !*plugged.borrow() {
                continue;
            }
            tokio::spawn(async move {
                let Ok(mut server) = TcpStream::connect(("127.0.0.1", port)).await else { return };
                tokio::select! {
                    _ = tokio::io::copy_bidirectional(&mut client, &mut server) => {}
                    _ = plugged.wait_for(|plugged| !*plugged) => {}
                }
            });
        }
    });
    (url, plug)
}

async fn a_worker_is_cut_off_and_back() {
    let server = NatsServer::start().await;
    let (_directory, store) = new_store();
    let (round, log) = (TestRound::of(agents(16, "# takes 60 ms")), EventLog::default());
    let (far, plug) = cable(server.port).await;
    let url = server.url();
    let cut_off = TestWorker::start(&far).await;
    let cutting = async {
        log.wait_for("run", 3).await;
        plug.send(false).unwrap();
        // Its batches come to the other worker when their time is up.
        let other = TestWorker::start(&url).await;
        let before = log.with("run").len();
        log.wait_for("run", before + 10).await;
        plug.send(true).unwrap();
        other
    };
    let outcome = round.coordinate_beside(&url, &store, &log, cutting).await;
    round.check(&outcome, &store).await;
    assert!(!cut_off.task.is_finished(), "{:?}", cut_off.log.with(""));
}

/// A worker that dies of agent1 four times, and is started again each time: it takes the batch and is never heard of again.
async fn die_of_agent1(url: &str) {
    let connection = connect(url).await;
    let mut deaths = 0;
    while deaths < 4 {
        let consumer = streams::consumer(&connection, BATCHES, WORKERS).await;
        let Ok(consumer) = consumer else {
            tokio::time::sleep(TIMING.heartbeat).await;
            continue;
        };
        let mut pulled = consumer.fetch().max_messages(1).messages().await.unwrap();
        let Some(Ok(message)) = pulled.next().await else {
            tokio::time::sleep(TIMING.heartbeat).await;
            continue;
        };
        if String::from_utf8_lossy(&message.payload).contains("agent1") {
            deaths += 1;
        } else {
            message.ack_with(async_nats::jetstream::AckKind::Nak(None)).await.unwrap();
        }
    }
}

/// Checks that agent1 has a fault on each trial.
fn check_agent1_faulted(outcome: &RoundOutcome) {
    let faults: Vec<_> =
        outcome.faults.iter().filter(|f| f.miner_id.as_str() == "agent1").collect();
    assert_eq!(faults.len(), 3, "{:?}", outcome.faults);
    for fault in faults {
        let expected = "the batch agent1 (3 trials: reverse_string...) was given to 4 workers";
        assert!(fault.fault.contains(expected), "{}", fault.fault);
    }
}

async fn a_batch_that_ends_its_workers_is_a_fault() {
    let server = NatsServer::start().await;
    let (_directory, store) = new_store();
    let round = TestRound::of(agents(4, ""));
    let (log, url) = (EventLog::default(), server.url());
    let dying = async {
        die_of_agent1(&url).await;
        TestWorker::start(&url).await
    };
    let outcome = round.coordinate_beside(&url, &store, &log, dying).await;
    assert!(!outcome.scores.contains_key(&1), "a fault became a verdict");
    check_agent1_faulted(&outcome);
}

/// The number of the server's reports that no coordinator has taken.
async fn reports(connection: &NatsConnection) -> u64 {
    let reports = streams::stream(connection, LOST).await.unwrap();
    reports.cached_info().state.messages
}

/// Publishes a round whose coordinator ends, and then has a worker die of agent1 four times. Returns when the server has
/// reported that.
async fn lose_agent1_without_a_coordinator(round: &TestRound, url: &str, store: &Store) {
    let connection = connect(url).await;
    let published = async {
        loop {
            if let Ok(report) = status::read(&connection).await
                && report.waiting == 1
            {
                break;
            }
            tokio::time::sleep(TIMING.heartbeat).await;
        }
    };
    let log = EventLog::default();
    tokio::select! {
        _ = round.coordinate(url, store, &log) => panic!("it was to be killed"),
        () = published => {}
    }
    die_of_agent1(url).await;
    // The server looks for messages to deliver again when it is asked for some.
    let consumer = streams::consumer(&connection, BATCHES, WORKERS).await.unwrap();
    while reports(&connection).await == 0 {
        let asked = consumer.batch().max_messages(1).expires(TIMING.ack_wait).messages().await;
        assert!(asked.unwrap().next().await.is_none(), "a fifth worker got the batch");
    }
}

async fn a_batch_that_ended_its_workers_without_a_coordinator_is_a_fault() {
    let server = NatsServer::start().await;
    let (_directory, store) = new_store();
    let (round, url) = (TestRound::of(agents(2, "")[1..].to_vec()), server.url());
    lose_agent1_without_a_coordinator(&round, &url, &store).await;
    let _worker = TestWorker::start(&url).await;
    let outcome = round.coordinate(&url, &store, &EventLog::default()).await.unwrap();
    assert!(outcome.scores.is_empty(), "a fault became a verdict");
    check_agent1_faulted(&outcome);
}

async fn a_lost_report_on_a_batch_costs_no_trial() {
    let server = NatsServer::start().await;
    let (_directory, store) = new_store();
    let (round, url) = (TestRound::of(agents(2, "")[1..].to_vec()), server.url());
    lose_agent1_without_a_coordinator(&round, &url, &store).await;
    let connection = connect(&url).await;
    let reports = streams::stream(&connection, LOST).await.unwrap();
    reports.purge().await.unwrap();
    let _worker = TestWorker::start(&url).await;
    let outcome = round.coordinate(&url, &store, &EventLog::default()).await.unwrap();
    round.check(&outcome, &store).await;
}

async fn a_slow_batch_keeps_its_lease() {
    let server = NatsServer::start().await;
    let (_directory, store) = new_store();
    let slow = format!("# takes {} ms", 2 * TIMING.ack_wait.as_millis());
    let round = TestRound { repeat: 1, ..TestRound::of(agents(2, &slow)) };
    let (log, url) = (EventLog::default(), server.url());
    let workers = [TestWorker::start(&url).await, TestWorker::start(&url).await];
    let outcome = round.coordinate(&url, &store, &log).await.unwrap();
    round.check(&outcome, &store).await;
    let leased: usize = workers.iter().map(|worker| worker.log.with("1 trials").len()).sum();
    assert_eq!(leased, 2, "a batch was given to two workers");
}
