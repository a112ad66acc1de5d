//! Faults of the engine and of the disk, one at each step: what is tried again and how often, with which waits,
//! what is told in the end, and that nobody's score is touched and nothing is left.
//!
//! The clock is paused, so that waits take no time and can be told to the millisecond.

#[path = "../../../../platform/tests/it/support/faulty.rs"]
mod faulty;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use harness::Fault;
use harness::round::results::Results;
use harness::round::run::{self as round, Agent, Event, Isolation, Outcome, Plan};
use harness::sandbox::{Image, Origin, Sandbox};
use harness::trial::instance::Prepared;
use harness::trial::record::TrialResult;
use platform::store::Store;
use tasks::{Limits, Seed, Verdict};
use tokio::time::Instant;

use self::faulty::{EIO, ENOSPC, FaultyDisk, unfinished};
use super::fake::{End, Failure, FakeEngine, Program, Request};
use super::peer::{Act, driver};

/// The attempts that a trial has, and what is waited between them, in milliseconds.
const ATTEMPTS: usize = 4;
const WAITS_MS: u64 = 500 + 2_000 + 8_000;
/// How long the daemon may take for a request, in milliseconds.
const REQUEST_MS: u64 = 60_000;
/// As good as always.
const ALWAYS: usize = usize::MAX;

/// A round of one agent on one task, in memory.
struct Round {
    engine: FakeEngine,
    sandbox: Sandbox,
    folder: tempfile::TempDir,
    disk: Arc<FaultyDisk>,
    store: Store,
}

/// What came of it.
struct Ended {
    outcome: Result<Outcome, Fault>,
    /// What was told of attempts that had to be repeated
    retries: Vec<String>,
    took_ms: u64,
}

impl Round {
    fn new(program: Program) -> Self {
        let engine = FakeEngine::new(program);
        let (reference, id) = ("fake:1".to_owned(), FakeEngine::IMAGE.to_owned());
        let image = Image { reference, id, origin: Origin::Present };
        let sandbox = Sandbox::new(engine.clone(), image, Limits::STANDARD, None);
        let (folder, disk) = (tempfile::tempdir().unwrap(), Arc::<FaultyDisk>::default());
        let store = Store::open_on(folder.path(), disk.clone()).unwrap();
        Self { engine, sandbox, folder, disk, store }
    }

    async fn run(&self) -> Ended {
        self.run_agents(&["alice"]).await
    }

    async fn run_agents(&self, names: &[&str]) -> Ended {
        let retries = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&retries);
        let listener = move |event| {
            if let Event::Retrying { fault, .. } = event {
                heard.lock().unwrap().push(fault);
            }
        };
        let source = |name: &str| format!("def reverse_string(s): return s[::-1]  # {name}");
        let task = tasks::find("reverse_string").unwrap();
        let plan = Plan {
            agents: names.iter().map(|name| Agent::local(name, source(name))).collect(),
            tasks: [Prepared::new(task, Seed(5))].into(),
            results: Some(Results::of(&self.store)),
            jobs: 1,
            isolation: Isolation::Agent,
            partition: None,
            shrinking: Duration::ZERO,
        };
        let started = Instant::now();
        let outcome = round::run(&self.sandbox, plan, Arc::new(listener)).await;
        let took_ms = u64::try_from(started.elapsed().as_millis()).unwrap();
        let retries = std::mem::take(&mut *retries.lock().unwrap());
        Ended { outcome, retries, took_ms }
    }

    /// The results that were kept.
    fn kept(&self) -> Vec<TrialResult> {
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

    /// The agent has its points, after as many attempts as there were faults, each with its fault in the record.
    async fn check_accepted(&self, faults: &[&str]) -> Ended {
        let ended = self.run().await;
        assert_eq!(ended.outcome.as_ref().unwrap().faults.len(), 0);
        let [kept] = &self.kept()[..] else { panic!("one result is wanted") };
        assert_eq!(kept.verdict, Verdict::Accepted);
        let told: Vec<_> =
            kept.attempts.iter().filter_map(|attempt| attempt.fault.clone()).collect();
        assert_eq!(told, ended.retries);
        check_words(&told, faults);
        assert_eq!(kept.attempts.len(), faults.len() + 1);
        self.check_nothing_is_left().await;
        ended
    }

    /// The round has a fault, no score and no result.
    async fn check_fault(&self, words: &[&str]) -> Ended {
        let ended = self.run().await;
        let outcome = ended.outcome.as_ref().unwrap();
        assert!(outcome.scores.is_empty(), "somebody has a score");
        let [fault] = &outcome.faults[..] else { panic!("one fault is wanted") };
        for word in words {
            assert!(fault.fault.contains(word), "'{word}' is not in: {}", fault.fault);
        }
        assert_eq!(self.kept(), [], "a fault left a result");
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
async fn without_a_fault_there_is_one_attempt() {
    let round = Round::new(driver(None, 0));
    let ended = round.check_accepted(&[]).await;
    assert_eq!((ended.took_ms, round.engine.asked(Request::Create)), (0, 1));
}

/// The requests without which no container comes to be, and what is told of each.
const TO_START: [(Request, &str); 3] = [
    (Request::Create, "create a container"),
    (Request::Attach, "attach to a container"),
    (Request::Start, "start a container"),
];
const FAILURES: [Failure; 4] =
    [Failure::Refused(500), Failure::Broken, Failure::Lost, Failure::Silent];

#[tokio::test(start_paused = true)]
async fn a_request_that_fails_once_costs_an_attempt_and_no_verdict() {
    for (request, action) in TO_START {
        for failure in FAILURES {
            println!("{request:?} {failure:?}");
            let round = Round::new(driver(None, 0));
            round.engine.plan(request, 1, failure);
            let ended = round.check_accepted(&[action]).await;
            let silence = if failure == Failure::Silent { REQUEST_MS } else { 0 };
            assert_eq!(ended.took_ms, silence + 500);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_that_always_fails_is_a_fault_after_four_attempts() {
    for (request, action) in TO_START {
        for failure in FAILURES {
            println!("{request:?} {failure:?}");
            let round = Round::new(driver(None, 0));
            round.engine.plan(request, ALWAYS, failure);
            let ended = round.check_fault(&["Docker at ", action, "harness doctor"]).await;
            check_words(&ended.retries, &[action; ATTEMPTS - 1]);
            let silence = if failure == Failure::Silent { REQUEST_MS } else { 0 };
            assert_eq!(ended.took_ms, ATTEMPTS as u64 * silence + WAITS_MS);
            assert_eq!(round.engine.asked(request), ATTEMPTS);
            round.engine.plan(request, 0, failure);
            round.check_nothing_is_left().await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_daemon_that_stays_away_is_waited_for_once() {
    let round = Round::new(driver(None, 0));
    round.engine.plan(Request::Create, ALWAYS, Failure::Broken);
    let ended = round.run_agents(&["alice", "bob", "carol"]).await;
    assert_eq!(ended.outcome.unwrap().faults.len(), 3);
    assert_eq!((ended.took_ms, round.engine.asked(Request::Create)), (WAITS_MS, ATTEMPTS + 2));

    // Bob does not wait; carol finds it there again.
    let round = Round::new(driver(None, 0));
    round.engine.plan(Request::Create, ATTEMPTS + 1, Failure::Broken);
    let ended = round.run_agents(&["alice", "bob", "carol"]).await;
    assert_eq!((ended.outcome.unwrap().faults.len(), round.kept().len()), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn a_user_that_is_taken_is_drawn_again_without_an_attempt() {
    let round = Round::new(driver(None, 0));
    round.engine.plan(Request::Create, 7, Failure::Refused(409));
    round.check_accepted(&[]).await;
    assert_eq!(round.engine.asked(Request::Create), 8);

    let round = Round::new(driver(None, 0));
    round.engine.plan(Request::Create, ALWAYS, Failure::Refused(409));
    round.check_fault(&["create a container", "409"]).await;
    assert_eq!(round.engine.asked(Request::Create), 8 * ATTEMPTS);
}

#[tokio::test(start_paused = true)]
async fn what_another_attempt_cannot_mend_gets_none() {
    let round = Round::new(driver(None, 0));
    round.engine.plan(Request::Create, ALWAYS, Failure::Refused(404));
    let ended =
        round.check_fault(&["fake:1@sha256:fake", "not on this daemon", "harness image"]).await;
    assert_eq!((ended.took_ms, round.engine.asked(Request::Create)), (0, 1));

    let round = Round::new(driver(None, 0));
    round.engine.warn("no swap limit");
    let ended = round.check_fault(&["dropped a limit", "no swap limit", "swapaccount=1"]).await;
    assert_eq!((ended.took_ms, round.engine.asked(Request::Create)), (0, 1));
    assert_eq!(round.engine.asked(Request::Start), 0, "it was started without its limits");
    round.check_nothing_is_left().await;
}

/// What a driver may do instead of its work, and what is told of it.
const ACTS: [(Act, &str); 7] = [
    (Act::End(End::exit(1)), "ended under a trial (status exited, exit 1)"),
    (Act::End(End::KILLED), "ended under a trial (status exited, exit 137)"),
    (Act::Hang, "said nothing for"),
    (Act::Print(b"\xff\xff\xff\xff\xff\xff\xff\xff"), "impossible length"),
    (Act::Print(b"\0\0\0\x09\xff\xff\xff\xffhello"), "broke the protocol"),
    (Act::Print(b"\0\0\0\x06\0\0\0\0{}"), "an outcome came before any call"),
    (Act::BeReadyAgain, "it did not report the agent's run"),
];

#[tokio::test(start_paused = true)]
async fn a_container_that_fails_once_costs_an_attempt_and_no_verdict() {
    for (act, told) in ACTS {
        println!("{act:?}");
        let round = Round::new(driver(Some(act), 1));
        round.check_accepted(&[told]).await;
        assert_eq!(round.engine.asked(Request::Create), 2, "it was used again");
    }
}

#[tokio::test(start_paused = true)]
async fn a_container_that_always_fails_is_a_fault_after_four_attempts() {
    for (act, told) in ACTS {
        println!("{act:?}");
        let round = Round::new(driver(Some(act), ALWAYS));
        let ended = round.check_fault(&[told]).await;
        check_words(&ended.retries, &[told; ATTEMPTS - 1]);
        // A driver has the agent's 10 s and 15 s more to say something.
        let silence = if matches!(act, Act::Hang) { 25_000 } else { 0 };
        assert_eq!(ended.took_ms, ATTEMPTS as u64 * silence + WAITS_MS);
        assert_eq!(round.engine.asked(Request::Create), ATTEMPTS);
        round.check_nothing_is_left().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_container_that_ran_out_of_its_memory_is_a_verdict_if_the_engine_says_so() {
    let round = Round::new(driver(Some(Act::End(End::OUT_OF_MEMORY)), ALWAYS));
    let ended = round.run().await;
    assert_eq!(ended.outcome.unwrap().faults.len(), 0);
    let kept = round.kept();
    assert_eq!((kept[0].verdict, kept[0].attempts.len()), (Verdict::MemoryLimit, 1));
    round.check_nothing_is_left().await;

    for failure in [Failure::Refused(500), Failure::Broken, Failure::Silent] {
        let round = Round::new(driver(Some(Act::End(End::OUT_OF_MEMORY)), ALWAYS));
        round.engine.plan(Request::Inspect, ALWAYS, failure);
        round.check_fault(&["ended under a trial", "inspect a container"]).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_end_that_is_never_told_is_not_waited_for_for_ever() {
    let round = Round::new(driver(Some(Act::End(End::exit(1))), 1));
    round.engine.plan(Request::Ended, 1, Failure::Silent);
    let ended = round.check_accepted(&["ended under a trial (status exited, exit 1)"]).await;
    assert_eq!(ended.took_ms, 10_000 + 500);
}

#[tokio::test(start_paused = true)]
async fn a_container_that_cannot_be_killed_or_removed_is_removed_in_the_end() {
    for request in [Request::Kill, Request::Remove] {
        for failure in FAILURES {
            println!("{request:?} {failure:?}");
            let round = Round::new(driver(None, 0));
            round.engine.plan(request, 1, failure);
            round.check_accepted(&[]).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_cleanup_that_cannot_be_done_is_a_fault_and_the_next_one_does_it() {
    for (request, action) in
        [(Request::List, "list containers"), (Request::Remove, "remove a container")]
    {
        for failure in [Failure::Refused(500), Failure::Broken, Failure::Silent] {
            let round = Round::new(driver(None, 0));
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
async fn a_container_that_cannot_be_removed_does_not_keep_the_others() {
    let round = Round::new(driver(None, 0));
    // Both removals fail, and of those that the cleanup tries the first.
    round.engine.plan(Request::Remove, 3, Failure::Refused(500));
    assert_eq!(round.run_agents(&["alice", "bob"]).await.outcome.unwrap().faults.len(), 0);
    round.sandbox.cleanup().await.unwrap_err();
    assert_eq!(round.engine.names().len(), 1);
    round.check_nothing_is_left().await;
}

#[tokio::test(start_paused = true)]
async fn a_result_that_cannot_be_kept_ends_the_round_and_what_was_kept_stays() {
    for (error, mend) in [(ENOSPC, "make room on that disk"), (EIO, "check that disk")] {
        let mut met = Vec::new();
        for number in 0.. {
            let round = Round::new(driver(None, 0));
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
            for word in [mend, round.folder.path().to_str().unwrap()] {
                assert!(fault.contains(word), "{operation}: '{word}' is not in: {fault}");
            }
            assert!(round.kept().contains(&kept[0]), "{operation}: a finished trial was lost");
            assert_eq!(unfinished(round.folder.path()), [""; 0], "{operation}");
            // With room again, the round goes on where it was.
            let again = round.run_agents(&["alice", "bob"]).await.outcome.unwrap();
            assert_eq!((again.scores.len(), again.faults.len()), (2, 0), "{operation}");
            assert!(again.cached >= 1, "{operation}: a finished trial was run again");
            round.check_nothing_is_left().await;
        }
        assert_eq!(met, ["write", "sync", "rename", "sync_folder"]);
    }
}
