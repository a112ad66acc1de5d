//! Fair time: a machine with eight times as many jobs as processors gives the verdicts of a quiet one, because a
//! deadline is extended by what the machine took away; and no agent can cause an extension itself.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use harness::gauntlet::programs::programs;
use harness::round::agent::Agent;
use harness::round::events::RoundEvent;
use harness::round::plan::{Isolation, RoundPlan};
use harness::round::run::run;
use harness::sandbox::{self, SandboxSettings};
use harness::trial::instance::RoundTask;
use harness::trial::record::MinerTrial;
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
/// How often a round is repeated in which other load of the machine starved a trial.
const ROUNDS: usize = 3;

/// An agent and the verdict that it gets in every trial.
#[derive(Clone)]
struct ExpectedAgent {
    name: String,
    source: String,
    verdict: Verdict,
}

/// What happened apart from the verdicts.
struct FairnessRun {
    /// The faults of the attempts that were repeated
    retries: Vec<String>,
    /// The trials
    trials: Vec<MinerTrial>,
}

impl FairnessRun {
    /// The number of trials that took longer than `wall_ms` and used at most `cpu_ms`.
    fn extended(&self, wall_ms: u64, cpu_ms: u64) -> usize {
        let is_extended =
            |trial: &&MinerTrial| trial.record.wall_ms > wall_ms && trial.record.cpu_ms <= cpu_ms;
        self.trials.iter().filter(is_extended).count()
    }
}

/// Runs the agents and checks their verdicts.
async fn check(agents: &[ExpectedAgent], jobs: usize, trials: u64) -> FairnessRun {
    let sandbox = sandbox::open(&SandboxSettings::default(), &|_| ()).await.expect("a sandbox");
    let mut task = tasks::find("reverse_string").expect("the first task");
    task.limits.agent_wall_ms = AGENT_WALL_MS;
    let retries = Arc::new(Mutex::new(Vec::new()));
    let reported = Arc::clone(&retries);
    let listener = move |event| {
        if let RoundEvent::Retrying { fault, .. } = event {
            reported.lock().unwrap().push(fault);
        }
    };
    let plan = RoundPlan {
        agents: agents.iter().map(|a| Agent::local(&a.name, a.source.clone())).collect(),
        tasks: (0..trials).map(|seed| RoundTask::new(task.clone(), Seed(seed))).collect(),
        repeat: 1,
        stop: harness::round::stopping::StopRules::default(),
        results: None,
        jobs,
        jobs_per_agent: 1,
        isolation: Isolation::Agent,
        partition: None,
        shrinking: Duration::ZERO,
        model: None,
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
    let retries = std::mem::take(&mut *retries.lock().unwrap());
    FairnessRun { retries, trials: outcome.trials }
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
    let run = check(&kinds.map(agent).collect::<Vec<_>>(), jobs, TRIALS).await;
    let extended = run.extended(AGENT_WALL_MS + 500, u64::MAX);
    println!("{extended} trials took longer than their limit");
    assert!(extended > 0, "no trial was starved, so this proves nothing");
    assert_eq!(run.retries, Vec::<String>::new(), "a deadline was not extended");
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
    let agents = [agent("asleep", ASLEEP), hostile("busy_processes"), hostile("seems_starved")];
    // Other load of the machine may starve a trial now and then. An agent that can cause it does so every time. One
    // that keeps the CPU busy ends when it has used its limit as CPU time.
    for _ in 0..ROUNDS {
        let run = check(&agents, 1, 1).await;
        let extended = run.extended(2 * AGENT_WALL_MS, AGENT_WALL_MS / 2);
        if run.retries.is_empty() && extended == 0 {
            return;
        }
        println!("warning: {extended} trials were extended, {:?}", run.retries);
    }
    panic!("a trial was starved in each of {ROUNDS} rounds");
}
