//! What a key opens: the coordinator's everything, a worker's no more than its own results. The servers are configured as
//! `arena nats init` does it: with TLS, and a key per machine.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use cluster::connection::{ConnectNatsError, NatsConnection, NatsSettings};
use cluster::identity::Identity;
use cluster::setup::{ClusterSetup, Durability};
use cluster::streams::{self, BATCHES, Capacity, RESULTS};
use cluster::{status, wire};

use crate::fake::FakeEngine;
use crate::peer::CallMachine;
use crate::server::{NatsServer, free_port};
use crate::world::{
    EventLog, FakeWorkshop, TIMING, TestRound, TestWorker, agents, named, new_store,
};

named!(
    a_round_with_tls_and_keys,
    a_wrong_key_is_refused,
    a_worker_may_write_only_its_own_results,
    a_result_that_another_worker_signed_is_refused,
);

/// A server as `arena nats init` configures it.
struct SecuredServer {
    server: NatsServer,
    files: tempfile::TempDir,
}

impl SecuredServer {
    async fn start() -> Self {
        let files = tempfile::tempdir().unwrap();
        let setup = ClusterSetup {
            hosts: vec!["localhost".to_owned()],
            workers: 2,
            data: files.path().join("data"),
            durability: Durability::Process,
        };
        for file in setup.files().unwrap() {
            std::fs::write(files.path().join(file.name), file.text).unwrap();
        }
        let config = files.path().join("localhost.conf");
        let server = NatsServer::configured(&config, free_port()).await;
        Self { server, files }
    }

    fn url(&self) -> String {
        format!("tls://localhost:{}", self.server.port)
    }

    fn key(&self, name: &str) -> PathBuf {
        self.files.path().join(name)
    }

    async fn connect(&self, name: &str) -> NatsConnection {
        connect(&self.url(), &self.key(name)).await.unwrap()
    }

    async fn worker(&self, name: &str, machine: CallMachine) -> TestWorker {
        let image = FakeEngine::IMAGE.to_owned();
        TestWorker::with(self.connect(name).await, FakeWorkshop { machine, image })
    }
}

async fn connect(url: &str, key: &Path) -> Result<NatsConnection, ConnectNatsError> {
    let settings = NatsSettings { url: url.to_owned(), key_file: Some(key.to_owned()) };
    NatsConnection::open(&settings, Arc::new(|_| ())).await
}

async fn a_round_with_tls_and_keys() {
    let secured = SecuredServer::start().await;
    let (_directory, store) = new_store();
    let more = "# prints 250000 bytes";
    let mut all = agents(6, "");
    all.extend(agents(1, more));
    all[6].miner_id = "large".parse().unwrap();
    let round = TestRound { audit: Some(1.0), repeat: 1, ..TestRound::of(all) };
    let log = EventLog::default();
    let workers = [
        secured.worker("worker-1.nk", CallMachine::Right).await,
        secured.worker("worker-2.nk", CallMachine::Right).await,
    ];
    let coordinator = secured.connect("coordinator.nk").await;
    let outcome = round.coordinate_at(coordinator, &store, &log).await.unwrap();
    round.check(&outcome, &store).await;
    let report = status::read(&secured.connect("observer.nk").await).await.unwrap();
    let status = report.coordinator.unwrap();
    assert!(status.over && status.workers.len() == 2, "{status:?}");
    assert!(workers.iter().all(|worker| !worker.task.is_finished()));
}

async fn a_wrong_key_is_refused() {
    let secured = SecuredServer::start().await;
    let other = secured.files.path().join("other.nk");
    std::fs::write(&other, Identity::random().seed()).unwrap();
    let error = connect(&secured.url(), &other).await.err().unwrap().to_string();
    assert!(error.contains("refuses this key") && error.contains("--nats-creds"), "{error}");
    // Without any key, and without TLS.
    let settings = NatsSettings { url: secured.server.url(), key_file: None };
    let error = NatsConnection::open(&settings, Arc::new(|_| ())).await.err().unwrap().to_string();
    assert!(error.contains("NATS server"), "{error}");
    for (url, part) in
        [("nats://127.0.0.1:1", "no NATS server answers"), ("http://x", "not the address")]
    {
        let settings = NatsSettings { url: url.to_owned(), key_file: None };
        let error =
            NatsConnection::open(&settings, Arc::new(|_| ())).await.err().unwrap().to_string();
        assert!(error.contains(part), "{url}: {error}");
    }
}

async fn a_worker_may_write_only_its_own_results() {
    let secured = SecuredServer::start().await;
    let coordinator = secured.connect("coordinator.nk").await;
    streams::ensure(&coordinator, TIMING, Capacity::default()).await.unwrap();
    let worker = secured.connect("worker-1.nk").await;
    let own = worker.identity.id();
    let other = Identity::read(&secured.key("worker-2.nk")).unwrap();
    let key = tasks::Sha256::of(b"key");
    let own_result = format!("result.{own}.{key}");
    let stored = worker.jetstream.publish(own_result, "x".into()).await.unwrap().await;
    assert!(stored.is_ok(), "{stored:?}");
    let forbidden = [
        format!("result.{}.{key}", other.id()),
        format!("{}.spec.agent.{key}", wire::ANY),
        "$KV.arena.round".to_owned(),
        "$O.arena-files.C.x".to_owned(),
        format!("$JS.API.STREAM.DELETE.{RESULTS}"),
        format!("$JS.API.STREAM.PURGE.{BATCHES}"),
        format!("$JS.API.CONSUMER.MSG.NEXT.{RESULTS}.coordinator"),
        format!("$JS.API.CONSUMER.MSG.NEXT.{BATCHES}.only-{}", other.id()),
        format!("$JS.API.STREAM.MSG.GET.{RESULTS}"),
    ];
    for subject in forbidden {
        let request = worker.client.request(subject.clone(), "{}".into());
        let answered = tokio::time::timeout(Duration::from_millis(200), request).await;
        assert!(!matches!(answered, Ok(Ok(_))), "{subject}");
    }
    // What it published is still all that there is.
    let results = streams::stream(&coordinator, RESULTS).await.unwrap();
    assert_eq!(results.cached_info().state.messages, 1);
    for name in [BATCHES, "KV_arena", "OBJ_arena-files"] {
        let stream = streams::stream(&coordinator, name).await.unwrap();
        assert_eq!(stream.cached_info().state.messages, 0, "{name}");
    }
}

async fn a_result_that_another_worker_signed_is_refused() {
    let server = NatsServer::start().await;
    let (_directory, store) = new_store();
    let (round, log, url) =
        (TestRound::of(agents(3, "# takes 50 ms")), EventLog::default(), server.url());
    let forging = async {
        log.wait_for("run", 1).await;
        let forger = crate::world::connect(&url).await;
        let victim = Identity::random();
        let key = tasks::Sha256::of(b"key");
        let batch = tasks::Sha256::of(b"batch");
        let result = wire::SignedResult {
            key: &key,
            batch: &batch,
            kind: wire::ResultKind::Record,
            payload: b"{}",
        };
        let mut headers = async_nats::HeaderMap::new();
        headers.insert(wire::WIRE_HEADER, wire::WIRE_VERSION.to_string());
        headers.insert(wire::KIND_HEADER, "record");
        headers.insert(wire::BATCH_HEADER, batch.as_str());
        headers.insert(wire::SIGNATURE_HEADER, result.sign(&forger.identity));
        let message = streams::Outgoing {
            subject: result.subject(victim.id()),
            headers,
            payload: "{}".into(),
        };
        streams::publish(&forger, &message, &|_| ()).await.unwrap();
        log.wait_for("its signature is not the worker's", 1).await;
        std::future::pending::<()>().await;
    };
    let _worker = TestWorker::start(&url).await;
    let outcome = tokio::select! {
        outcome = round.coordinate(&url, &store, &log) => outcome.unwrap(),
        () = forging => unreachable!(),
    };
    round.check(&outcome, &store).await;
    assert_eq!(log.with("its signature is not the worker's").len(), 1);
}
