//! The audit finds a worker that lies, and a slow or random trial does not look like a lie.

use std::collections::BTreeSet;

use crate::peer::CallMachine;
use crate::server::NatsServer;
use crate::world::{EventLog, TestRound, TestWorker, agents, named, new_store, records};

named!(
    a_worker_that_lies_is_named_and_its_records_are_void,
    trials_that_decide_money_are_audited_without_a_share,
    an_audit_without_a_second_worker_waits_for_one,
    honest_workers_are_not_accused,
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
    liar.log.wait_for("an audit found wrong records of this worker", 1).await;
    // Another coordinator knows it too.
    let again = round.coordinate(&url, &store, &log).await.unwrap();
    round.check(&again, &store).await;
    let status = cluster::status::read(&crate::world::connect(&url).await).await.unwrap();
    let workers = status.coordinator.unwrap().workers;
    let void: Vec<_> = workers.iter().filter(|worker| worker.void).map(|w| w.id.as_str()).collect();
    assert_eq!(void, [&*liar.id]);
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
