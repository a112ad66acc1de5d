//! Faults of the engine and of the disk, one at each step: which attempts are repeated and how often, with which waits,
//! what is reported in the end, and that no score is touched and nothing is left.
//!
//! The clock is paused, so that waits take no time and can be checked to the millisecond.

#[path = "../../../../platform/tests/it/support/faulty.rs"]
mod faulty;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use harness::Fault;
use harness::round::agent::Agent;
use harness::round::book::RoundOutcome;
use harness::round::events::RoundEvent;
use harness::round::plan::{Isolation, RoundPlan};
use harness::round::results::Results;
use harness::round::run::run;
use harness::sandbox::{ContainerSpec, Image, ImageOrigin, Sandbox, SitePackages};
use harness::trial::instance::RoundTask;
use harness::trial::record::TrialRecord;
use platform::store::Store;
use tasks::{Limits, Seed, Verdict};
use tokio::time::Instant;

use self::faulty::{EIO, ENOSPC, FaultyDisk, unfinished};
use super::fake::{ContainerProgram, EngineRequest, FakeEngine, PlannedFailure, ProcessExit};
use super::peer::{DriverAct, driver};

/// The number of attempts that a trial has, and the waits between them, in milliseconds.
const ATTEMPTS: usize = 4;
const WAITS_MS: u64 = 500 + 2_000 + 8_000;
/// How long the daemon may take for a request, in milliseconds.
const REQUEST_MS: u64 = 60_000;
/// More often than any test needs.
const ALWAYS: usize = usize::MAX;

/// A round of one agent on one task, in memory.
struct RoundInMemory {
    engine: FakeEngine,
    sandbox: Sandbox,
    directory: tempfile::TempDir,
    disk: Arc<FaultyDisk>,
    store: Store,
}

/// An ended round.
struct EndedRound {
    outcome: Result<RoundOutcome, Fault>,
    /// The faults of attempts that were repeated
    retries: Vec<String>,
    took_ms: u64,
}

impl RoundInMemory {
    fn new(program: ContainerProgram) -> Self {
        let engine = FakeEngine::new(program);
        let (reference, id) = ("fake:1".to_owned(), FakeEngine::IMAGE.to_owned());
        let image =
            Image { reference, id, origin: ImageOrigin::Present, packages: SitePackages::Hidden };
        let spec = ContainerSpec { image, limits: Limits::STANDARD, runtime: None };
        let sandbox = Sandbox::new(engine.clone(), spec);
        let (directory, disk) = (tempfile::tempdir().unwrap(), Arc::<FaultyDisk>::default());
        let store = Store::open_on(directory.path(), disk.clone()).unwrap();
        Self { engine, sandbox, directory, disk, store }
    }

    async fn run(&self) -> EndedRound {
        self.run_agents(&["alice"]).await
    }

    async fn run_agents(&self, names: &[&str]) -> EndedRound {
        let retries = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&retries);
        let listener = move |event| {
            if let RoundEvent::Retrying { fault, .. } = event {
                heard.lock().unwrap().push(fault);
            }
        };
        let source = |name: &str| format!("def reverse_string(s): return s[::-1]  # {name}");
        let task = tasks::find("reverse_string").unwrap();
        let plan = RoundPlan {
            agents: names.iter().map(|name| Agent::local(name, source(name))).collect(),
            tasks: [RoundTask::new(task, Seed(5))].into(),
            repeat: 1,
            stop: harness::round::stopping::StopRules::default(),
            results: Some(Results::of(&self.store)),
            jobs: 1,
            jobs_per_agent: 1,
            isolation: Isolation::Agent,
            partition: None,
            shrinking: Duration::ZERO,
            model: None,
        };
        let started = Instant::now();
        let outcome = run(&self.sandbox, plan, Arc::new(listener)).await;
        let took_ms = u64::try_from(started.elapsed().as_millis()).unwrap();
        let retries = std::mem::take(&mut *retries.lock().unwrap());
        EndedRound { outcome, retries, took_ms }
    }

    /// The trial records that were kept.
    fn kept(&self) -> Vec<TrialRecord> {
        let results = std::fs::read_dir(self.store.results_dir()).unwrap();
        let read = |entry: std::io::Result<std::fs::DirEntry>| {
            serde_json::from_slice(&std::fs::read(entry.unwrap().path()).unwrap()).unwrap()
        };
        results.map(read).collect()
    }

    /// Nothing is left once the sandbox has cleaned up.
    async fn check_nothing_is_left(&self) {
        self.sandbox.cleanup().await.unwrap();
        assert_eq!(self.engine.names(), [""; 0]);
    }

    /// The agent is accepted after as many attempts as there were faults, each with its fault in the record.
    async fn check_accepted(&self, faults: &[&str]) -> EndedRound {
        let ended = self.run().await;
        assert_eq!(ended.outcome.as_ref().unwrap().faults.len(), 0);
        let [kept] = &self.kept()[..] else { panic!("expected one record") };
        assert_eq!(kept.verdict, Verdict::Accepted);
        let recorded: Vec<_> =
            kept.attempts.iter().filter_map(|attempt| attempt.fault.clone()).collect();
        assert_eq!(recorded, ended.retries);
        check_words(&recorded, faults);
        assert_eq!(kept.attempts.len(), faults.len() + 1);
        self.check_nothing_is_left().await;
        ended
    }

    /// The round has a fault, no score and no record.
    async fn check_fault(&self, words: &[&str]) -> EndedRound {
        let ended = self.run().await;
        let outcome = ended.outcome.as_ref().unwrap();
        assert!(outcome.scores.is_empty(), "an agent has a score");
        let [fault] = &outcome.faults[..] else { panic!("expected one fault") };
        for word in words {
            assert!(fault.fault.contains(word), "'{word}' is not in: {}", fault.fault);
        }
        assert_eq!(self.kept(), [], "a fault left a record");
        ended
    }
}

/// Each text contains its word.
fn check_words(texts: &[String], words: &[&str]) {
    assert_eq!(texts.len(), words.len(), "{texts:?}");
    for (text, word) in texts.iter().zip(words) {
        assert!(text.contains(word), "'{word}' is not in: {text}");
    }
}

#[tokio::test(start_paused = true)]
async fn needs_one_attempt_without_faults() {
    let round = RoundInMemory::new(driver(None, 0));
    let ended = round.check_accepted(&[]).await;
    assert_eq!((ended.took_ms, round.engine.requests(EngineRequest::Create)), (0, 1));
}

/// The requests that start a container, and what is reported about each.
const TO_START: [(EngineRequest, &str); 3] = [
    (EngineRequest::Create, "create a container"),
    (EngineRequest::Attach, "attach to a container"),
    (EngineRequest::Start, "start a container"),
];
const FAILURES: [PlannedFailure; 4] = [
    PlannedFailure::Refused(500),
    PlannedFailure::Broken,
    PlannedFailure::Lost,
    PlannedFailure::Silent,
];

#[tokio::test(start_paused = true)]
async fn retries_after_a_failed_request() {
    for (request, action) in TO_START {
        for failure in FAILURES {
            println!("{request:?} {failure:?}");
            let round = RoundInMemory::new(driver(None, 0));
            round.engine.plan(request, 1, failure);
            let ended = round.check_accepted(&[action]).await;
            let silence = if failure == PlannedFailure::Silent { REQUEST_MS } else { 0 };
            assert_eq!(ended.took_ms, silence + 500);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn reports_a_fault_after_four_failed_requests() {
    for (request, action) in TO_START {
        for failure in FAILURES {
            println!("{request:?} {failure:?}");
            let round = RoundInMemory::new(driver(None, 0));
            round.engine.plan(request, ALWAYS, failure);
            let ended = round.check_fault(&["Docker at ", action, "arena doctor"]).await;
            check_words(&ended.retries, &[action; ATTEMPTS - 1]);
            let silence = if failure == PlannedFailure::Silent { REQUEST_MS } else { 0 };
            assert_eq!(ended.took_ms, ATTEMPTS as u64 * silence + WAITS_MS);
            assert_eq!(round.engine.requests(request), ATTEMPTS);
            round.engine.plan(request, 0, failure);
            round.check_nothing_is_left().await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn waits_only_once_for_an_absent_daemon() {
    let round = RoundInMemory::new(driver(None, 0));
    round.engine.plan(EngineRequest::Create, ALWAYS, PlannedFailure::Broken);
    let ended = round.run_agents(&["alice", "bob", "carol"]).await;
    assert_eq!(ended.outcome.unwrap().faults.len(), 3);
    assert_eq!(
        (ended.took_ms, round.engine.requests(EngineRequest::Create)),
        (WAITS_MS, ATTEMPTS + 2)
    );

    // Bob does not wait; the daemon answers carol again.
    let round = RoundInMemory::new(driver(None, 0));
    round.engine.plan(EngineRequest::Create, ATTEMPTS + 1, PlannedFailure::Broken);
    let ended = round.run_agents(&["alice", "bob", "carol"]).await;
    assert_eq!((ended.outcome.unwrap().faults.len(), round.kept().len()), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn draws_another_user_if_the_name_exists() {
    let round = RoundInMemory::new(driver(None, 0));
    round.engine.plan(EngineRequest::Create, 7, PlannedFailure::Refused(409));
    round.check_accepted(&[]).await;
    assert_eq!(round.engine.requests(EngineRequest::Create), 8);

    let round = RoundInMemory::new(driver(None, 0));
    round.engine.plan(EngineRequest::Create, ALWAYS, PlannedFailure::Refused(409));
    round.check_fault(&["create a container", "409"]).await;
    assert_eq!(round.engine.requests(EngineRequest::Create), 8 * ATTEMPTS);
}

#[tokio::test(start_paused = true)]
async fn does_not_retry_permanent_faults() {
    let round = RoundInMemory::new(driver(None, 0));
    round.engine.plan(EngineRequest::Create, ALWAYS, PlannedFailure::Refused(404));
    let ended =
        round.check_fault(&["fake:1@sha256:fake", "not on this daemon", "arena image"]).await;
    assert_eq!((ended.took_ms, round.engine.requests(EngineRequest::Create)), (0, 1));

    let round = RoundInMemory::new(driver(None, 0));
    round.engine.warn("no swap limit");
    let ended = round.check_fault(&["dropped a limit", "no swap limit", "swapaccount=1"]).await;
    assert_eq!((ended.took_ms, round.engine.requests(EngineRequest::Create)), (0, 1));
    assert_eq!(round.engine.requests(EngineRequest::Start), 0, "it was started without its limits");
    round.check_nothing_is_left().await;
}

/// What a driver may do instead of its work, and what is reported about it.
const ACTS: [(DriverAct, &str); 7] = [
    (DriverAct::End(ProcessExit::exit(1)), "ended under a trial (status exited, exit 1)"),
    (DriverAct::End(ProcessExit::KILLED), "ended under a trial (status exited, exit 137)"),
    (DriverAct::Hang, "sent nothing for"),
    (DriverAct::Print(b"\xff\xff\xff\xff\xff\xff\xff\xff"), "impossible length"),
    (DriverAct::Print(b"\0\0\0\x09\xff\xff\xff\xffhello"), "broke the protocol"),
    (DriverAct::Print(b"\0\0\0\x06\0\0\0\0{}"), "an outcome came before any call"),
    (DriverAct::BeReadyAgain, "it did not report the agent's run"),
];

#[tokio::test(start_paused = true)]
async fn retries_after_a_failed_container() {
    for (act, words) in ACTS {
        println!("{act:?}");
        let round = RoundInMemory::new(driver(Some(act), 1));
        round.check_accepted(&[words]).await;
        assert_eq!(
            round.engine.requests(EngineRequest::Create),
            2,
            "the failed container was used again"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn reports_a_fault_after_four_failed_containers() {
    for (act, words) in ACTS {
        println!("{act:?}");
        let round = RoundInMemory::new(driver(Some(act), ALWAYS));
        let ended = round.check_fault(&[words]).await;
        check_words(&ended.retries, &[words; ATTEMPTS - 1]);
        // A driver has the agent's 10 s and 15 s more to send a message.
        let silence = if matches!(act, DriverAct::Hang) { 25_000 } else { 0 };
        assert_eq!(ended.took_ms, ATTEMPTS as u64 * silence + WAITS_MS);
        assert_eq!(round.engine.requests(EngineRequest::Create), ATTEMPTS);
        round.check_nothing_is_left().await;
    }
}

#[tokio::test(start_paused = true)]
async fn out_of_memory_is_a_verdict_if_the_engine_reports_it() {
    let round =
        RoundInMemory::new(driver(Some(DriverAct::End(ProcessExit::OUT_OF_MEMORY)), ALWAYS));
    let ended = round.run().await;
    assert_eq!(ended.outcome.unwrap().faults.len(), 0);
    let kept = round.kept();
    assert_eq!((kept[0].verdict, kept[0].attempts.len()), (Verdict::MemoryLimit, 1));
    round.check_nothing_is_left().await;

    for failure in [PlannedFailure::Refused(500), PlannedFailure::Broken, PlannedFailure::Silent] {
        let round =
            RoundInMemory::new(driver(Some(DriverAct::End(ProcessExit::OUT_OF_MEMORY)), ALWAYS));
        round.engine.plan(EngineRequest::Inspect, ALWAYS, failure);
        round.check_fault(&["ended under a trial", "inspect a container"]).await;
    }
}

#[tokio::test(start_paused = true)]
async fn does_not_wait_forever_for_the_end_of_a_container() {
    let round = RoundInMemory::new(driver(Some(DriverAct::End(ProcessExit::exit(1))), 1));
    round.engine.plan(EngineRequest::Ended, 1, PlannedFailure::Silent);
    let ended = round.check_accepted(&["ended under a trial (status exited, exit 1)"]).await;
    assert_eq!(ended.took_ms, 10_000 + 500);
}

#[tokio::test(start_paused = true)]
async fn removes_a_container_after_a_failed_removal() {
    for request in [EngineRequest::Kill, EngineRequest::Remove] {
        for failure in FAILURES {
            println!("{request:?} {failure:?}");
            let round = RoundInMemory::new(driver(None, 0));
            round.engine.plan(request, 1, failure);
            round.check_accepted(&[]).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn failed_cleanup_is_a_fault_and_can_be_repeated() {
    for (request, action) in
        [(EngineRequest::List, "list containers"), (EngineRequest::Remove, "remove a container")]
    {
        for failure in
            [PlannedFailure::Refused(500), PlannedFailure::Broken, PlannedFailure::Silent]
        {
            let round = RoundInMemory::new(driver(None, 0));
            round.engine.plan(request, ALWAYS, failure);
            assert_eq!(round.run_agents(&["alice", "bob"]).await.outcome.unwrap().faults.len(), 0);
            let fault = round.sandbox.cleanup().await.unwrap_err().to_string();
            assert!(fault.contains(action), "{fault}");
            round.engine.plan(request, 0, failure);
            round.check_nothing_is_left().await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn cleanup_removes_the_other_containers_after_a_failure() {
    let round = RoundInMemory::new(driver(None, 0));
    // Both removals fail, and the first one of the cleanup.
    round.engine.plan(EngineRequest::Remove, 3, PlannedFailure::Refused(500));
    assert_eq!(round.run_agents(&["alice", "bob"]).await.outcome.unwrap().faults.len(), 0);
    round.sandbox.cleanup().await.unwrap_err();
    assert_eq!(round.engine.names().len(), 1);
    round.check_nothing_is_left().await;
}

#[tokio::test(start_paused = true)]
async fn a_record_that_cannot_be_stored_ends_the_round() {
    for (error, repair) in [(ENOSPC, "free space on that disk"), (EIO, "check that disk")] {
        let mut met = Vec::new();
        for number in 0.. {
            let round = RoundInMemory::new(driver(None, 0));
            let before = round.run_agents(&["alice"]).await;
            assert_eq!(before.outcome.unwrap().faults.len(), 0);
            let kept = round.kept();
            round.disk.arm(number, error);
            let ended = round.run_agents(&["alice", "bob"]).await;
            let Some(operation) = round.disk.disarm() else {
                assert_eq!(ended.outcome.unwrap().scores.len(), 2);
                break;
            };
            met.push(operation);
            let Err(fault @ Fault::Store(_)) = ended.outcome else { panic!("{operation}") };
            let fault = fault.to_string();
            for word in [repair, round.directory.path().to_str().unwrap()] {
                assert!(fault.contains(word), "{operation}: '{word}' is not in: {fault}");
            }
            assert!(round.kept().contains(&kept[0]), "{operation}: a finished trial was lost");
            assert_eq!(unfinished(round.directory.path()), [""; 0], "{operation}");
            // With room again, the round continues where it was.
            let again = round.run_agents(&["alice", "bob"]).await.outcome.unwrap();
            assert_eq!((again.scores.len(), again.faults.len()), (2, 0), "{operation}");
            assert!(again.cached >= 1, "{operation}: a finished trial was run again");
            round.check_nothing_is_left().await;
        }
        assert_eq!(met, ["write", "sync", "rename", "sync_directory"]);
    }
}
