//! The audit finds a worker that lies, and a slow or random trial does not look like a lie.

use std::collections::BTreeSet;

use async_nats::HeaderMap;
use cluster::files::{FILES, Files};
use cluster::identity::Identity;
use cluster::streams::{self, BATCHES, Capacity, Outgoing};
use cluster::wire::ONLY;
use futures_util::StreamExt as _;

use crate::peer::CallMachine;
use crate::server::NatsServer;
use crate::world::{
    EventLog, TIMING, TestRound, TestWorker, agents, connect, named, new_store, records,
};

named!(
    a_worker_that_lies_is_named_and_its_records_are_void,
    trials_that_decide_money_are_audited_without_a_share,
    an_audit_without_a_second_worker_waits_for_one,
    honest_workers_are_not_accused,
    a_lie_is_not_forgotten_with_the_coordinator,
    a_removed_batch_does_not_hide_others,
);

async fn a_worker_that_lies_is_named_and_its_records_are_void() {
    let server = NatsServer::start().await;
    let (_directory, store) = new_store();
    let round = TestRound { audit: Some(1.0), ..TestRound::of(agents(9, "# takes 30 ms")) };
    let (log, url) = (EventLog::default(), server.url());
    let liar = TestWorker::on(&url, CallMachine::Wrong).await;
    let honest = [TestWorker::start(&url).await, TestWorker::start(&url).await];
    let outcome = round.coordinate(&url, &store, &log).await.unwrap();
    round.check(&outcome, &store).await;

    let named = log.with("sent a wrong record");
    assert_eq!(named.len(), 1, "{named:?}");
    assert!(named[0].contains(&liar.id), "{named:?}");
    assert!(honest.iter().all(|worker| !named[0].contains(&worker.id)));
    let void = store.root().join("void").join(&liar.id);
    let kept = std::fs::read_dir(&void).unwrap().count();
    assert!(kept > 0 && named[0].contains(&format!("its {kept} records")), "{kept}: {named:?}");
    // Another coordinator knows it too.
    let again = round.coordinate(&url, &store, &log).await.unwrap();
    round.check(&again, &store).await;
    let status = cluster::status::read(&connect(&url).await).await.unwrap();
    let workers = status.coordinator.unwrap().workers;
    let void: Vec<_> = workers.iter().filter(|worker| worker.void).map(|w| w.id.as_str()).collect();
    assert_eq!(void, [&*liar.id]);
    // The seed is on the server no longer.
    let files = Files::open(&connect(&url).await, FILES).await.unwrap();
    assert_eq!(files.get(&round.spec().document().1).await.unwrap(), None);
}

async fn trials_that_decide_money_are_audited_without_a_share() {
    let server = NatsServer::start().await;
    let (_directory, store) = new_store();
    // The first two agents are level, and one of them is paid: each of their trials decides.
    let paid = BTreeSet::from([0]);
    let round = TestRound { audit: Some(0.0), paid, ..TestRound::of(agents(2, "")) };
    let (log, url) = (EventLog::default(), server.url());
    let liar = TestWorker::on(&url, CallMachine::Wrong).await;
    let judging = async {
        // The liar judges everything; then honest workers come, which confirm each other.
        log.wait_for("run", 6).await;
        let _honest = [TestWorker::start(&url).await, TestWorker::start(&url).await];
        std::future::pending::<()>().await;
    };
    let outcome = tokio::select! {
        outcome = round.coordinate(&url, &store, &log) => outcome.unwrap(),
        () = judging => unreachable!(),
    };
    round.check(&outcome, &store).await;
    assert!(log.with("sent a wrong record")[0].contains(&liar.id));
    assert_eq!(records(&store), 6);
}

async fn an_audit_without_a_second_worker_waits_for_one() {
    let server = NatsServer::start().await;
    let (_directory, store) = new_store();
    let round = TestRound { audit: Some(1.0), ..TestRound::of(agents(3, "")) };
    let (log, url) = (EventLog::default(), server.url());
    let _first = TestWorker::start(&url).await;
    let waiting = async {
        log.wait_for("the audit waits for a worker other than", 1).await;
        let _second = TestWorker::start(&url).await;
        std::future::pending::<()>().await;
    };
    let outcome = tokio::select! {
        outcome = round.coordinate(&url, &store, &log) => outcome.unwrap(),
        () = waiting => unreachable!(),
    };
    round.check(&outcome, &store).await;
}

async fn honest_workers_are_not_accused() {
    let server = NatsServer::start().await;
    let (_directory, store) = new_store();
    let round = TestRound { audit: Some(1.0), ..TestRound::of(agents(6, "")) };
    let (log, url) = (EventLog::default(), server.url());
    let workers = [TestWorker::start(&url).await, TestWorker::start(&url).await];
    let outcome = round.coordinate(&url, &store, &log).await.unwrap();
    round.check(&outcome, &store).await;
    assert_eq!(log.with("wrong record").len() + log.with("differ").len(), 0);
    // All are confirmed, so that the next run audits nothing again, without any worker.
    drop(workers);
    let again = round.coordinate(&url, &store, &log).await.unwrap();
    round.check(&again, &store).await;
}

async fn a_lie_is_not_forgotten_with_the_coordinator() {
    let server = NatsServer::start().await;
    let (_directory, store) = new_store();
    let round = TestRound::of(agents(3, ""));
    let (log, url) = (EventLog::default(), server.url());
    let liar = TestWorker::on(&url, CallMachine::Wrong).await;
    round.coordinate(&url, &store, &log).await.unwrap();
    // As if the coordinator had been killed between noting the lie and setting the records aside.
    let note = store.root().join("workers").join(format!("round.{}.void", liar.id));
    std::fs::write(note, "").unwrap();
    let _honest = TestWorker::start(&url).await;
    let outcome = round.coordinate(&url, &store, &log).await.unwrap();
    round.check(&outcome, &store).await;
    assert_eq!(outcome.cached, 0);
    let void = store.root().join("void").join(&liar.id);
    assert_eq!(std::fs::read_dir(&void).unwrap().count(), 9);
}

async fn a_removed_batch_does_not_hide_others() {
    let server = NatsServer::start().await;
    let connection = connect(&server.url()).await;
    streams::ensure(&connection, TIMING, Capacity::default()).await.unwrap();
    let worker = Identity::random();
    let worker = worker.id();
    streams::ensure_worker(&connection, worker, TIMING, Capacity::default()).await.unwrap();
    let subject = |n: u32| format!("{ONLY}.{worker}.spec.agent.{n}");
    for n in 0..3 {
        let payload = n.to_string().into();
        let message = Outgoing { subject: subject(n), headers: HeaderMap::new(), payload };
        streams::publish(&connection, &message, &|_| ()).await.unwrap();
    }
    let stream = streams::stream(&connection, BATCHES).await.unwrap();
    // One that is there, and one that is not.
    for n in [1, 7] {
        streams::remove(&connection, &stream, &subject(n)).await.unwrap();
    }
    let own = streams::own_consumer(worker);
    let consumer = streams::consumer(&connection, BATCHES, &own).await.unwrap();
    let given = consumer.fetch().max_messages(3).messages().await.unwrap();
    let given: Vec<_> = given.map(|message| message.unwrap().subject.to_string()).collect().await;
    assert_eq!(given, [subject(0), subject(2)]);
}
