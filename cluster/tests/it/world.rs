//! What the tests share: agents, coordinators and workers with containers in memory, and the ranking of a local round to
//! compare with.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::pin::Pin;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cluster::connection::{NatsConnection, NatsSettings};
use cluster::coordinator::audit::AuditPlan;
use cluster::coordinator::run::Coordinator;
use cluster::files::Files;
use cluster::streams::{Capacity, Timing};
use cluster::wire::{RoundSpec, SpecTask, WIRE_VERSION};
use cluster::worker::dispatcher::WorkerOrder;
use cluster::worker::run::Worker;
use cluster::worker::workshop::{PrepareError, PreparedRound, Workshop, round_tasks};
use futures_util::future::BoxFuture;
use harness::Fault;
use harness::round::agent::Agent;
use harness::round::book::RoundOutcome;
use harness::round::events::{RoundEvent, RoundListener};
use harness::round::plan::{Isolation, RoundPlan};
use harness::round::results::Results;
use harness::round::runner::TrialRunner;
use harness::round::stopping::StopRules;
use harness::sandbox::{
    ContainerSpec, Image, ImageOrigin, PROTOCOL_VERSION, Sandbox, SitePackages,
};
use harness::scoring::gate::GateHistory;
use harness::scoring::rank::{Contender, RankRules, ScoredTask, rank};
use harness::scoring::reward::{Alpha, Payout, RewardPolicy};
use harness::scoring::score::TrialScores;
use harness::trial::instance::RoundTask;
use platform::store::Store;
use tasks::{Limits, Seed, Sha256};
use tokio::sync::watch;

use crate::fake::FakeEngine;
use crate::peer::{CallMachine, driver_with};

/// A test and its name.
pub type NamedTest = (&'static str, fn() -> Pin<Box<dyn Future<Output = ()>>>);

/// Names the tests of a file.
macro_rules! named {
    ($($test:ident),* $(,)?) => {
        pub fn tests() -> Vec<crate::world::NamedTest> {
            vec![$((concat!(module_path!(), "::", stringify!($test)), || Box::pin($test()))),*]
        }
    };
}
pub(crate) use named;

/// Waits that are short enough for tests, and longer than what a busy machine delays.
pub const TIMING: Timing = Timing {
    ack_wait: Duration::from_millis(1_500),
    progress: Duration::from_millis(300),
    heartbeat: Duration::from_millis(200),
    reconcile: Duration::from_millis(300),
    lease: Duration::from_secs(3),
};

/// The variable with the address of the server of a worker process.
const WORKER_URL: &str = "ARENA_TEST_WORKER";

/// A sandbox in memory.
pub fn sandbox(machine: CallMachine) -> Sandbox {
    let engine = FakeEngine::new(driver_with(None, 0, machine));
    let image = Image {
        reference: "fake:1".to_owned(),
        id: FakeEngine::IMAGE.to_owned(),
        origin: ImageOrigin::Present,
        packages: SitePackages::Hidden,
    };
    let spec = ContainerSpec { image, limits: Limits::STANDARD, runtime: None };
    Sandbox::new(engine, spec)
}

/// Agents on `reverse_string`. Every third one answers wrongly. `more` goes into their sources.
pub fn agents(count: usize, more: &str) -> Vec<Agent> {
    let agent = |n| {
        let name = if n % 3 == 2 { "reverse" } else { "reverse_string" };
        Agent::local(&format!("agent{n}"), format!("def {name}(s): return s[::-1]  # {n}\n{more}"))
    };
    (0..count).map(agent).collect()
}

/// A round to judge.
#[derive(Clone)]
pub struct TestRound {
    pub agents: Vec<Agent>,
    pub repeat: u32,
    pub capacity: Capacity,
    /// The share that is audited; no audit if none
    pub audit: Option<f64>,
    /// The miners that are paid
    pub paid: BTreeSet<usize>,
    pub id: &'static str,
}

impl TestRound {
    pub fn of(agents: Vec<Agent>) -> Self {
        let capacity = Capacity { result_bytes: 64 << 20, ..Capacity::default() };
        Self { agents, repeat: 3, capacity, audit: None, paid: BTreeSet::new(), id: "round" }
    }

    pub fn tasks() -> Arc<[RoundTask]> {
        [RoundTask::new(tasks::find("reverse_string").unwrap(), Seed(5))].into()
    }

    pub fn spec(&self) -> RoundSpec {
        let task =
            |task: &RoundTask| SpecTask { id: task.id().clone(), digest: task.digest.clone() };
        RoundSpec {
            wire: WIRE_VERSION,
            protocol: PROTOCOL_VERSION,
            round: self.id.to_owned(),
            image: FakeEngine::IMAGE.to_owned(),
            site_packages: false,
            seed: Seed(5),
            tasks: Self::tasks().iter().map(task).collect(),
            benchmark: None,
            private: None,
            memory_bytes: None,
            shrinking_ms: 0,
        }
    }

    fn plan(&self, store: &Store) -> RoundPlan {
        RoundPlan {
            agents: self.agents.clone(),
            tasks: Self::tasks(),
            repeat: self.repeat,
            stop: StopRules::default(),
            results: Some(Results::of(store)),
            jobs: 1,
            jobs_per_agent: 1,
            isolation: Isolation::Agent,
            partition: None,
            shrinking: Duration::ZERO,
            model: None,
        }
    }

    /// Coordinates the round at a server.
    pub async fn coordinate(
        &self,
        url: &str,
        store: &Store,
        log: &EventLog,
    ) -> Result<RoundOutcome, Fault> {
        let connection = connect(url).await;
        self.coordinate_at(connection, store, log).await
    }

    /// Coordinates the round while other things happen, and keeps what they leave until it is over.
    pub fn coordinate_beside<T>(
        &self,
        url: &str,
        store: &Store,
        log: &EventLog,
        events: impl Future<Output = T>,
    ) -> impl Future<Output = RoundOutcome> {
        let (events, round) = (Box::pin(events), Box::pin(self.coordinate(url, store, log)));
        async {
            let events = async {
                let _kept = events.await;
                std::future::pending::<Infallible>().await
            };
            tokio::select! {
                outcome = round => outcome.unwrap(),
                never = events => match never {},
            }
        }
    }

    pub async fn coordinate_at(
        &self,
        connection: NatsConnection,
        store: &Store,
        log: &EventLog,
    ) -> Result<RoundOutcome, Fault> {
        let paid = self.paid.clone();
        let plan = |share| AuditPlan { share, paid: Arc::new(move |_| paid.clone()) };
        let coordinator = Coordinator {
            connection,
            timing: TIMING,
            capacity: self.capacity,
            host: "coordinator".to_owned(),
            store: store.clone(),
            spec: self.spec(),
            files: Vec::new(),
            audit: self.audit.map(plan),
        };
        coordinator.run(&sandbox(CallMachine::Right), self.plan(store), log.listener()).await
    }

    /// The outcome of the round in one process.
    pub async fn judged_here(&self) -> RoundOutcome {
        let (_directory, store) = new_store();
        let plan = self.plan(&store);
        let sandbox = sandbox(CallMachine::Right);
        harness::round::run::run(&sandbox, plan, Arc::new(|_| ())).await.unwrap()
    }

    /// The ranking that follows from an outcome, as bytes.
    pub fn ranking(&self, outcome: &RoundOutcome) -> String {
        let tasks = Self::tasks();
        let scored: Vec<_> = tasks.iter().map(|task| ScoredTask::from(&task.task)).collect();
        let contenders = outcome
            .scores
            .iter()
            .map(|(agent, trials)| {
                Contender::new(
                    &self.agents[*agent],
                    trials.by_task(tasks.iter().map(RoundTask::id)),
                )
            })
            .collect();
        let payout = Payout::Proportional;
        let reward = RewardPolicy { pool: "100".parse().unwrap(), payout, alpha: Alpha::default() };
        let rules = RankRules {
            tasks: &scored,
            repeat: self.repeat,
            commitment: &Sha256::of(b"commitment"),
            reward,
            history: &GateHistory::default(),
        };
        serde_json::to_string(&rank(contenders, &rules).rankings).unwrap()
    }

    /// Checks that an outcome is complete, and its ranking byte for byte that of a local round.
    pub async fn check(&self, outcome: &RoundOutcome, store: &Store) {
        assert_eq!(outcome.faults, []);
        let trials: usize = outcome.scores.values().map(TrialScores::count).sum();
        assert_eq!(trials, self.agents.len() * self.repeat as usize);
        let here = self.judged_here().await;
        assert_eq!(self.ranking(outcome), self.ranking(&here));
        let sources: BTreeSet<_> = self.agents.iter().map(|agent| &agent.sha256).collect();
        assert_eq!(records(store), sources.len() * self.repeat as usize);
    }
}

/// The number of records in a store.
pub fn records(store: &Store) -> usize {
    std::fs::read_dir(store.results_dir()).unwrap().count()
}

/// A store in a directory of its own.
pub fn new_store() -> (tempfile::TempDir, Store) {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    (directory, store)
}

/// What happened in a round.
#[derive(Clone, Default)]
pub struct EventLog(Arc<Mutex<Vec<String>>>);

impl EventLog {
    pub fn add(&self, text: String) {
        if std::env::var_os("SHOW_EVENTS").is_some() {
            eprintln!("{text}");
        }
        self.0.lock().unwrap().push(text);
    }

    pub fn listener(&self) -> RoundListener {
        let log = self.clone();
        Arc::new(move |event| match event {
            RoundEvent::Warning(text) => log.add(text),
            RoundEvent::Finished { miner_id, cached, .. } => {
                log.add(format!("finished {miner_id} {}", if cached { "cached" } else { "run" }));
            }
            RoundEvent::Faulted { miner_id, fault, .. } => {
                log.add(format!("fault {miner_id}: {fault}"));
            }
            _ => {}
        })
    }

    /// The entries with this text.
    pub fn with(&self, part: &str) -> Vec<String> {
        self.0.lock().unwrap().iter().filter(|entry| entry.contains(part)).cloned().collect()
    }

    /// Waits until there are so many entries with this text.
    pub async fn wait_for(&self, part: &str, count: usize) {
        for _ in 0..3_000 {
            if self.with(part).len() >= count {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("no {count} entries with '{part}': {:#?}", self.0.lock().unwrap());
    }
}

/// A connection without a key.
pub async fn connect(url: &str) -> NatsConnection {
    let settings = NatsSettings { url: url.to_owned(), key_file: None };
    NatsConnection::open(&settings, Arc::new(|_| ())).await.unwrap()
}

/// A workshop with containers in memory.
pub struct FakeWorkshop {
    pub machine: CallMachine,
    pub image: String,
}

impl Workshop for FakeWorkshop {
    fn image(&self) -> BoxFuture<'_, Result<String, Fault>> {
        Box::pin(async { Ok(self.image.clone()) })
    }

    fn prepare<'a>(
        &'a self,
        spec: &'a RoundSpec,
        _files: &'a Files,
    ) -> BoxFuture<'a, Result<PreparedRound, PrepareError>> {
        Box::pin(async {
            let tasks = round_tasks(spec, &tasks::all())?;
            let runner = TrialRunner::new(sandbox(self.machine), None, Duration::ZERO);
            Ok(PreparedRound { tasks, runner })
        })
    }
}

/// A worker that runs as a task of the test.
pub struct TestWorker {
    pub task: tokio::task::JoinHandle<Result<(), Fault>>,
    pub order: watch::Sender<WorkerOrder>,
    pub log: EventLog,
    pub id: String,
}

/// A worker of a server.
pub fn worker(connection: NatsConnection, workshop: FakeWorkshop, log: &EventLog) -> Worker {
    let log = log.clone();
    Worker {
        connection,
        timing: TIMING,
        workshop: Arc::new(workshop),
        jobs: 2,
        host: "worker".to_owned(),
        on_event: Arc::new(move |text| log.add(text)),
    }
}

impl TestWorker {
    pub async fn start(url: &str) -> Self {
        Self::on(url, CallMachine::Right).await
    }

    pub async fn on(url: &str, machine: CallMachine) -> Self {
        let image = FakeEngine::IMAGE.to_owned();
        Self::with(connect(url).await, FakeWorkshop { machine, image })
    }

    pub fn with(connection: NatsConnection, workshop: FakeWorkshop) -> Self {
        let (log, (order, orders)) = (EventLog::default(), watch::channel(WorkerOrder::Work));
        let id = connection.identity.id().to_string();
        let worker = worker(connection, workshop, &log);
        let task = tokio::spawn(async move { worker.run(orders).await });
        Self { task, order, log, id }
    }
}

impl Drop for TestWorker {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A worker that is a process of its own.
pub struct WorkerProcess(Child);

impl WorkerProcess {
    pub fn start(url: &str) -> Self {
        let child = Command::new(std::env::current_exe().unwrap())
            .env(WORKER_URL, url)
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        Self(child)
    }

    /// Ends it with SIGKILL.
    pub fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for WorkerProcess {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Whether this process is to be a worker.
pub fn is_worker_process() -> bool {
    std::env::var_os(WORKER_URL).is_some()
}

/// Works until the process is killed.
pub fn work_as_process() {
    let url = std::env::var(WORKER_URL).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut worker = TestWorker::start(&url).await;
        let _ = (&mut worker.task).await;
    });
}
