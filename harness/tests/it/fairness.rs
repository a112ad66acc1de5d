//! Time is fair: a machine with eight times as much to do as it has processors gives the verdicts of a quiet one,
//! for what it starves is tried again alone; and no agent can pass for starved by its own doing.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use harness::gauntlet::run as gauntlet;
use harness::round::run::{self as round, Agent, Event, Isolation, Plan};
use harness::sandbox::Sandbox;
use harness::sandbox::{self, SandboxSettings};
use harness::trial::instance::Prepared;
use tasks::{Seed, Verdict};

/// How long an agent has here, in milliseconds.
const AGENT_WALL_MS: u64 = 2_000;
/// Right, after less than half of that time on a processor of its own, and too late on the eighth part of one.
const BUSY: &str = "import time\nwhile time.process_time() < 0.7: pass\n\
                    print('def reverse_string(s): return s[::-1]')\n";
const WRONG: &str = "print('def reverse_string(s): return s')\n";
const ASLEEP: &str = "import time\ntime.sleep(60)\n";
const ENDLESS: &str = "while True: pass\n";

async fn sandbox() -> Sandbox {
    sandbox::open(&SandboxSettings::default(), &|_| ()).await.expect("the sandbox opens")
}

/// Held by the test that runs: one is a crowd, and the other wants none.
static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// What each agent got in each of its trials, and what was told of attempts that had to be repeated.
async fn verdicts(
    agents: &[(String, &str)],
    jobs: usize,
    trials: u64,
) -> (Vec<Vec<Verdict>>, Vec<String>) {
    let sandbox = sandbox().await;
    let mut task = tasks::find("reverse_string").expect("the first task");
    task.limits.agent_wall_ms = AGENT_WALL_MS;
    let retries = Arc::new(std::sync::Mutex::new(Vec::new()));
    let heard = Arc::clone(&retries);
    let listener = move |event| {
        if let Event::Retrying { fault, .. } = event {
            heard.lock().unwrap().push(fault);
        }
    };
    let plan = Plan {
        agents: agents.iter().map(|(name, source)| Agent::local(name, (*source).into())).collect(),
        tasks: (0..trials).map(|seed| Prepared::new(task.clone(), Seed(seed))).collect(),
        results: None,
        jobs,
        isolation: Isolation::Agent,
        partition: None,
        shrinking: Duration::ZERO,
    };
    let outcome = round::run(&sandbox, plan, Arc::new(listener)).await.expect("the round ends");
    sandbox.cleanup().await.expect("every container can be removed");
    assert_eq!(outcome.faults, [], "this machine has too much other work");
    let mut got = BTreeMap::<_, Vec<_>>::new();
    for (miner_id, result) in &outcome.results {
        got.entry(miner_id.to_string()).or_default().push(result.verdict);
    }
    let retries = std::mem::take(&mut *retries.lock().unwrap());
    (agents.iter().map(|(name, _)| got[name].clone()).collect(), retries)
}

#[tokio::test(flavor = "multi_thread")]
async fn eight_times_as_many_jobs_as_processors_change_no_verdict() {
    // Containers start one after the other, so it takes more than one trial until all are at work.
    const TRIALS: usize = 3;
    let _alone = ALONE.lock().await;
    let jobs = 8 * std::thread::available_parallelism().map_or(1, usize::from);
    let kinds = [
        (BUSY, Verdict::Accepted),
        (BUSY, Verdict::Accepted),
        (BUSY, Verdict::Accepted),
        (ASLEEP, Verdict::TimeLimit),
        (BUSY, Verdict::Accepted),
        (ENDLESS, Verdict::TimeLimit),
        (BUSY, Verdict::Accepted),
        (WRONG, Verdict::WrongAnswer),
    ];
    let kinds = kinds.iter().cycle().take(jobs);
    let (agents, expected): (Vec<_>, Vec<_>) = kinds
        .enumerate()
        .map(|(number, (source, verdict))| {
            ((format!("a{number}"), *source), vec![*verdict; TRIALS])
        })
        .unzip();
    let (got, retries) = verdicts(&agents, jobs, TRIALS as u64).await;
    println!("{} attempts were repeated", retries.len());
    assert_eq!(got, expected);
    assert!(!retries.is_empty(), "nobody was starved, so this proves nothing");
    assert!(retries.iter().all(|fault| fault.contains("too busy to let it run")), "{retries:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_crowds_or_waits_by_its_own_doing_is_not_starved() {
    let _alone = ALONE.lock().await;
    let suite = gauntlet::suite();
    let find = |name: &str| suite.iter().find(|hostile| hostile.short_name() == name).unwrap();
    let agents = [
        ("asleep".to_owned(), ASLEEP),
        ("crowd".to_owned(), &find("busy_processes").source),
        ("crowd_for_a_while".to_owned(), &find("seems_starved").source),
    ];
    let (got, retries) = verdicts(&agents, 1, 1).await;
    assert_eq!(got, [[Verdict::TimeLimit]; 3]);
    assert_eq!(retries, [""; 0]);
}
