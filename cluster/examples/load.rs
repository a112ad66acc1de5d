//! Loads a NATS server as a large round does, without containers: the figures of BENCHMARKS.md.
//!
//!     cargo run --release --package cluster --example load -- queue nats://127.0.0.1:4222 100000
//!     cargo run --release --package cluster --example load -- round nats://127.0.0.1:4222 10000
//!
//! `queue` publishes batches and has a worker take and acknowledge them. `round` coordinates a round of so many agents on
//! all built-in tasks, whose records a second process makes up; it prints the peak memory of the coordinator.

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_nats::HeaderMap;
use async_nats::header::NATS_MESSAGE_ID;
use bollard::Docker;
use cluster::connection::{NatsConnection, NatsSettings};
use cluster::coordinator::run::Coordinator;
use cluster::streams::{self, BATCHES, Capacity, Outgoing, Timing, WORKERS};
use cluster::wire::{
    BATCH_HEADER, BatchMessage, KIND_HEADER, PlaceMessage, ResultKind, RoundSpec, SIGNATURE_HEADER,
    SignedResult, SpecTask, WIRE_HEADER, WIRE_VERSION,
};
use futures_util::StreamExt as _;
use harness::round::agent::Agent;
use harness::round::plan::{Isolation, RoundPlan};
use harness::round::results::{Environment, Results, TrialIdentity};
use harness::round::stopping::StopRules;
use harness::sandbox::{
    ContainerSpec, Image, ImageOrigin, PROTOCOL_VERSION, Sandbox, SitePackages,
};
use harness::scoring::score::TrialScores;
use harness::trial::instance::RoundTask;
use harness::trial::record::{CaseResult, TrialRecord};
use platform::api::{AnswerOrigin, Attempt};
use platform::store::Store;
use tasks::{Limits, Seed, Sha256, Tally, Verdict};

/// Messages that are on their way to the server at the same time.
const IN_FLIGHT: usize = 256;
const IMAGE: &str = "sha256:none";
const SEED: Seed = Seed(7);

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [mode, url, count] = &arguments[..] else { panic!("expected MODE URL COUNT") };
    let count: usize = count.parse().expect("a number");
    let settings = NatsSettings { url: url.clone(), key_file: None };
    let connection = NatsConnection::open(&settings, Arc::new(|_| ())).await.expect("a server");
    match mode.as_str() {
        "queue" => queue(&connection, count).await,
        "round" => round(connection, url, count).await,
        "worker" => make_up_records(&connection).await,
        other => panic!("unknown mode {other}"),
    }
}

/// Publishes batches while a worker takes them.
async fn queue(connection: &NatsConnection, count: usize) {
    let capacity = Capacity { batches: 1_000_000, ..Capacity::default() };
    streams::ensure(connection, Timing::default(), capacity).await.expect("streams");
    let batches = streams::stream(connection, BATCHES).await.expect("a stream");
    batches.purge().await.expect("an empty stream");
    let consumer = streams::consumer(connection, BATCHES, WORKERS).await.expect("a consumer");
    let begin = Instant::now();
    let working = tokio::spawn(async move {
        let mut messages = consumer.stream().max_messages_per_batch(500).messages().await.unwrap();
        for _ in 0..count {
            messages.next().await.expect("a batch").expect("a batch").ack().await.unwrap();
        }
    });
    let spec = Sha256::of(b"spec");
    let publish = |n: usize| {
        let batch = BatchMessage {
            wire: WIRE_VERSION,
            spec: spec.clone(),
            miner_id: format!("agent{n}").parse().unwrap(),
            agent_sha256: Sha256::of(format!("{n}").as_bytes()),
            trials: (0..62).map(|task| PlaceMessage(task, 1)).collect(),
            generation: 0,
            number: n as u64,
            only: None,
        };
        let mut headers = HeaderMap::new();
        headers.insert(NATS_MESSAGE_ID, batch.key().as_str());
        let message =
            Outgoing { subject: batch.subject(), headers, payload: batch.document().into() };
        async move { streams::publish(connection, &message, &|_| ()).await.unwrap() }
    };
    futures_util::stream::iter(0..count).map(publish).buffer_unordered(IN_FLIGHT).count().await;
    let published = begin.elapsed();
    working.await.unwrap();
    println!("{count} batches published in {published:.1?}, and done in {:.1?}", begin.elapsed());
}

fn agent(n: usize) -> Agent {
    Agent::local(&format!("agent{n}"), format!("# {n}\n"))
}

fn round_tasks() -> Arc<[RoundTask]> {
    tasks::all().into_iter().map(|task| RoundTask::new(task, SEED)).collect()
}

/// Coordinates a round whose records another process makes up.
async fn round(connection: NatsConnection, url: &str, count: usize) {
    let directory = tempfile::tempdir().expect("a directory");
    let store = Store::open(directory.path()).expect("a store");
    let tasks = round_tasks();
    let spec = RoundSpec {
        wire: WIRE_VERSION,
        protocol: PROTOCOL_VERSION,
        round: "load".to_owned(),
        image: IMAGE.to_owned(),
        site_packages: false,
        seed: SEED,
        tasks: tasks
            .iter()
            .map(|task| SpecTask { id: task.id().clone(), digest: task.digest.clone() })
            .collect(),
        benchmark: None,
        private: None,
        memory_bytes: None,
        shrinking_ms: 0,
    };
    let image = Image {
        reference: "none".to_owned(),
        id: IMAGE.to_owned(),
        origin: ImageOrigin::Present,
        packages: SitePackages::Hidden,
    };
    let container = ContainerSpec { image, limits: Limits::STANDARD, runtime: None };
    let docker = Docker::connect_with_defaults().expect("nothing is asked of Docker");
    let trials = tasks.len() * count;
    let plan = RoundPlan {
        agents: (0..count).map(agent).collect(),
        tasks,
        repeat: 1,
        stop: StopRules::default(),
        results: Some(Results::of(&store)),
        jobs: 1,
        jobs_per_agent: 1,
        isolation: Isolation::Agent,
        partition: None,
        shrinking: Duration::ZERO,
        model: None,
    };
    let coordinator = Coordinator {
        connection,
        timing: Timing::default(),
        capacity: Capacity::default(),
        host: "load".to_owned(),
        store,
        spec,
        files: Vec::new(),
        audit: None,
    };
    println!("memory before: {}", peak());
    let program = std::env::current_exe().expect("a path");
    let mut worker = Command::new(program)
        .args(["worker", url, "0"])
        .stdout(Stdio::null())
        .spawn()
        .expect("it starts");
    let begin = Instant::now();
    let outcome = coordinator.run(&Sandbox::new(docker, container), plan, Arc::new(|_| ())).await;
    let outcome = outcome.expect("the round ends");
    let judged: usize = outcome.scores.values().map(TrialScores::count).sum();
    assert_eq!((judged, outcome.faults.len()), (trials, 0));
    println!("{count} agents, {trials} records in {:.1?}; peak memory {}", begin.elapsed(), peak());
    worker.kill().and_then(|()| worker.wait()).expect("it runs");
}

/// The peak memory of this process.
fn peak() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.unwrap_or("unknown").trim().to_owned()
}

/// Takes batches and makes up the records of their trials.
async fn make_up_records(connection: &NatsConnection) {
    let (tasks, environment) = (round_tasks(), Environment::new(IMAGE, None));
    let consumer = loop {
        match streams::consumer(connection, BATCHES, WORKERS).await {
            Ok(consumer) => break consumer,
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    };
    let mut messages = consumer.stream().max_messages_per_batch(16).messages().await.unwrap();
    while let Some(Ok(message)) = messages.next().await {
        let batch: BatchMessage = serde_json::from_slice(&message.payload).expect("a batch");
        let key = batch.key();
        let publish = |place: &PlaceMessage| {
            let task = &tasks[place.0];
            let identity = TrialIdentity {
                agent: &batch.agent_sha256,
                task,
                repetition: place.1,
                environment: &environment,
            };
            let message = result(connection, &key, &identity);
            async move { streams::publish(connection, &message, &|_| ()).await.unwrap() }
        };
        let results = futures_util::stream::iter(&batch.trials).map(publish);
        results.buffer_unordered(IN_FLIGHT).count().await;
        message.ack().await.unwrap();
    }
}

/// A record that an agent without an answer could have.
fn result(connection: &NatsConnection, batch: &Sha256, identity: &TrialIdentity<'_>) -> Outgoing {
    let task = identity.task;
    let verdicts = vec![Verdict::NoSolution; task.cases.len()];
    let tally = Tally::of_cases(&task.cases, &verdicts);
    let record = TrialRecord {
        agent_sha256: identity.agent.clone(),
        task: task.id().clone(),
        seed: Some(SEED),
        repetition: identity.repetition,
        verdict: Verdict::NoSolution,
        score: tally.score(),
        passed: tally.passed,
        total: tally.total,
        cases: task
            .cases
            .iter()
            .map(|case| CaseResult::new(&case.name, Verdict::NoSolution, "it printed no answer"))
            .collect(),
        wall_ms: 1,
        cpu_ms: 1,
        peak_memory_bytes: 1,
        stdout: String::new(),
        stderr: String::new(),
        stdout_truncated: false,
        stderr_truncated: false,
        model: None,
        attempts: vec![Attempt::default()],
        origin: Some(AnswerOrigin {
            prompt_sha256: Sha256::of(task.prompt.as_bytes()),
            environment_sha256: identity.environment.digest(),
            answered: false,
            regraded_from: None,
        }),
    };
    let payload = serde_json::to_vec(&record).expect("a record is plain data");
    let key = &identity.key();
    let result = SignedResult { key, batch, kind: ResultKind::Record, payload: &payload };
    let mut headers = HeaderMap::new();
    headers.insert(WIRE_HEADER, WIRE_VERSION.to_string());
    headers.insert(KIND_HEADER, "record");
    headers.insert(BATCH_HEADER, batch.as_str());
    headers.insert(SIGNATURE_HEADER, result.sign(&connection.identity));
    Outgoing { subject: result.subject(connection.identity.id()), headers, payload: payload.into() }
}
