//! Fair time: a machine with eight times as many jobs as processors gives the verdicts of a quiet one,
//! because a starved trial is tried again alone; and no agent can cause starvation itself.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use harness::gauntlet::programs::programs;
use harness::round::agent::Agent;
use harness::round::events::RoundEvent;
use harness::round::plan::{Isolation, RoundPlan};
use harness::round::run::run;
use harness::sandbox::{self, SandboxSettings};
use harness::trial::instance::RoundTask;
use tasks::{Seed, Verdict};

use crate::machine;

/// How long an agent has here, in milliseconds.
const AGENT_WALL_MS: u64 = 2_000;
/// Right after less than half of that time on a processor of its own, and too late on an eighth of one.
const BUSY: &str = "import time\nwhile time.process_time() < 0.7: pass\n\
                    print('def reverse_string(s): return s[::-1]')\n";
const WRONG: &str = "print('def reverse_string(s): return s')\n";
const ASLEEP: &str = "import time\ntime.sleep(60)\n";
const ENDLESS: &str = "while True: pass\n";
/// What the fault of a starved trial contains.
const STARVED: &str = "too busy to let it run";
/// An agent that only uses the processor, in a trial of its own.
const WITNESS: &str = "witness";
/// How often a round is repeated in which other load of the machine starved a trial.
const ROUNDS: usize = 3;

/// An agent and the verdict that it gets in every trial.
#[derive(Clone)]
struct ExpectedAgent {
    name: String,
    source: String,
    verdict: Verdict,
}

/// An attempt that ended in a fault and was repeated.
#[derive(Debug)]
struct RepeatedAttempt {
    agent: String,
    fault: String,
}

/// Runs the agents, checks their verdicts, and returns the attempts that were repeated.
async fn check(agents: &[ExpectedAgent], jobs: usize, trials: u64) -> Vec<RepeatedAttempt> {
    let sandbox = sandbox::open(&SandboxSettings::default(), &|_| ()).await.expect("a sandbox");
    let mut task = tasks::find("reverse_string").expect("the first task");
    task.limits.agent_wall_ms = AGENT_WALL_MS;
    let retries = Arc::new(Mutex::new(Vec::new()));
    let reported = Arc::clone(&retries);
    let listener = move |event| {
        if let RoundEvent::Retrying { miner_id, fault, .. } = event {
            let agent = miner_id.to_string();
            reported.lock().unwrap().push(RepeatedAttempt { agent, fault });
        }
    };
    let plan = RoundPlan {
        agents: agents.iter().map(|a| Agent::local(&a.name, a.source.clone())).collect(),
        tasks: (0..trials).map(|seed| RoundTask::new(task.clone(), Seed(seed))).collect(),
        results: None,
        jobs,
        isolation: Isolation::Agent,
        partition: None,
        shrinking: Duration::ZERO,
    };
    let outcome = run(&sandbox, plan, Arc::new(listener)).await.expect("the round ends");
    sandbox.cleanup().await.expect("every container can be removed");
    // Other load of the machine may starve all attempts of a trial. That is a fault and not a verdict.
    for fault in &outcome.faults {
        assert!(fault.fault.contains(STARVED), "{fault:?}");
        println!("warning: {} got no verdict: {}", fault.miner_id, fault.fault);
    }
    assert_eq!(
        outcome.trials.len() + outcome.faults.len(),
        agents.len() * usize::try_from(trials).unwrap()
    );
    for trial in &outcome.trials {
        let agent = agents.iter().find(|agent| agent.name == trial.miner_id.as_str()).unwrap();
        assert_eq!(trial.record.verdict, agent.verdict, "{}", agent.name);
    }
    std::mem::take(&mut *retries.lock().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn eight_times_as_many_jobs_as_processors_change_no_verdict() {
    // Containers start one after the other, so it takes more than one trial until all are at work.
    const TRIALS: u64 = 3;
    let _alone = machine::alone().await;
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
    let kinds = kinds.iter().cycle().take(jobs).enumerate();
    let agent = |(number, (source, verdict)): (usize, &(&str, Verdict))| ExpectedAgent {
        name: format!("a{number}"),
        source: (*source).to_owned(),
        verdict: *verdict,
    };
    let retries = check(&kinds.map(agent).collect::<Vec<_>>(), jobs, TRIALS).await;
    println!("{} attempts were repeated", retries.len());
    assert!(!retries.is_empty(), "no trial was starved, so this proves nothing");
    assert!(retries.iter().all(|retry| retry.fault.contains(STARVED)), "{retries:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn agent_that_crowds_or_waits_by_itself_is_not_starved() {
    let _alone = machine::alone().await;
    let programs = programs();
    let agent = |name: &str, source: &str| ExpectedAgent {
        name: name.to_owned(),
        source: source.to_owned(),
        verdict: Verdict::TimeLimit,
    };
    let hostile = |name: &str| {
        let program = programs.iter().find(|program| program.short_name() == name).unwrap();
        agent(name, &program.source)
    };
    let agents = [
        agent("asleep", ASLEEP),
        hostile("busy_processes"),
        agent(WITNESS, ENDLESS),
        hostile("seems_starved"),
    ];
    // Other load of the machine may starve a trial, and then it starves the witness as well. An agent that can cause
    // starvation does so in every round, and to itself alone.
    let mut suspicious = 0;
    for _ in 0..ROUNDS {
        let retries = check(&agents, 1, 1).await;
        let (witness, others): (Vec<_>, Vec<_>) =
            retries.into_iter().partition(|retry| retry.agent == WITNESS);
        if others.is_empty() {
            return;
        }
        println!("warning: attempts were repeated: {others:?}; of the witness: {witness:?}");
        suspicious += usize::from(witness.is_empty());
    }
    assert!(suspicious < ROUNDS, "a trial other than the witness's was starved in every round");
}
