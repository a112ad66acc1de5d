//! The gauntlet: hostile agents against this machine's own sandbox, beside an honest one.
//!
//! Each hostile agent is a file that says in its head what it may get and what must not happen. It goes
//! the way of every agent, through [`Runner`], under short limits. It holds if every trial came to an
//! expected verdict without a single fault: an agent that can make the arena fail has found a way to harm
//! it, even if it wins nothing. An honest control agent runs all the while, and must not notice.

mod control;
mod report;
mod suite;

use std::collections::VecDeque;
use std::sync::Arc;

use serde::Serialize;
use tasks::{Limits, Seed, Verdict};
use tokio::sync::{Mutex, watch};
use tokio::task::JoinSet;

use crate::Fault;
use crate::prepared::Prepared;
use crate::round::{Agent, Event, Listener, drawn_seed};
use crate::runner::{Runner, Slot};
use crate::sandbox::Sandbox;
use crate::trial::TrialResult;

pub use control::Control;
pub use report::table;
pub use suite::{Class, Hostile, suite};

/// The task that every agent of the suite is asked.
const TASK: &str = "reverse_string";
/// How much a trial may weigh as it is kept, in bytes. An agent must not fill the disk with its record.
const RECORD_BYTES: usize = 2 << 20;
/// How many lines are told of a trial that did not hold.
const TOLD_LINES: usize = 6;
/// Short limits for agents that use them up, so that the suite is quick. Long enough for a Python that
/// starts on a busy machine.
const SHORT: Limits =
    Limits { agent_wall_ms: 4_000, call_cpu_ms: 500, calls_wall_ms: 5_000, ..Limits::STANDARD };
/// Long ones for all others, for they prove nothing by being slow: some look at the whole disk.
const LONG: Limits = Limits { agent_wall_ms: 40_000, ..Limits::STANDARD };

/// What a gauntlet is to do.
pub struct Plan {
    /// The agents
    pub agents: Vec<Hostile>,
    /// How many of them are at work at the same time
    pub jobs: usize,
}

/// What came of one agent.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    /// Which one: its class's folder and its name
    pub name: String,
    /// What it tries
    pub class: Class,
    /// What it may get
    pub expected: String,
    /// What it got: one entry per trial
    pub got: Vec<String>,
    /// What must not happen
    pub never: String,
    /// What was wrong, if anything
    pub trouble: Option<String>,
    /// Whether the sandbox held
    pub holds: bool,
}

/// What a gauntlet came to.
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    /// Whether everything held
    pub holds: bool,
    /// The honest agent that ran all the while
    pub control: Control,
    /// Each agent, in the order of their names
    pub agents: Vec<Finding>,
}

/// Runs agents of the suite beside the control. That some do not hold is part of the outcome.
pub async fn run(sandbox: &Sandbox, plan: Plan, on_event: Listener) -> Result<Outcome, Fault> {
    on_event(Event::Started { trials: plan.agents.len() });
    let seed = drawn_seed();
    let shared = Arc::new(Shared {
        runner: Runner::new(sandbox.clone(), None, std::time::Duration::ZERO),
        short: prepared(SHORT, seed),
        long: prepared(LONG, seed),
        queue: Mutex::new(plan.agents.into()),
        findings: Mutex::default(),
        on_event,
    });
    let mut control = control::Watch::new(sandbox, seed);
    control.alone().await;
    let (over, signal) = watch::channel(false);
    let beside = tokio::spawn(async move {
        control.beside(signal).await;
        control
    });
    let mut workers = JoinSet::new();
    for _ in 0..plan.jobs.max(1) {
        workers.spawn(work(Arc::clone(&shared)));
    }
    while let Some(ended) = workers.join_next().await {
        ended.expect("a worker does not panic");
    }
    let _ = over.send(true);
    let mut control = beside.await.expect("watching does not panic");
    control.alone().await;
    let control = control.conclude().await;
    let mut agents = std::mem::take(&mut *shared.findings.lock().await);
    agents.sort_by(|a, b| a.name.cmp(&b.name));
    let holds = control.holds && agents.iter().all(|finding| finding.holds);
    Ok(Outcome { holds, control, agents })
}

/// The suite's task under these limits.
fn prepared(limits: Limits, seed: Seed) -> Prepared {
    let mut task = tasks::find(TASK).expect("it is one of the suites");
    task.limits = limits;
    Prepared::new(task, seed)
}

struct Shared {
    runner: Runner,
    short: Prepared,
    long: Prepared,
    queue: Mutex<VecDeque<Hostile>>,
    findings: Mutex<Vec<Finding>>,
    on_event: Listener,
}

async fn work(shared: Arc<Shared>) {
    while let Some(hostile) = shared.next().await {
        let finding = shared.try_one(&hostile).await;
        if let Some(trouble) = &finding.trouble {
            (shared.on_event)(Event::Warning(format!("{} does NOT hold: {trouble}", hostile.name)));
        }
        shared.findings.lock().await.push(finding);
    }
}

impl Shared {
    async fn next(&self) -> Option<Hostile> {
        self.queue.lock().await.pop_front()
    }

    /// Runs one agent: in one container trial after trial, or in several at the same time.
    async fn try_one(&self, hostile: &Hostile) -> Finding {
        let mut slots: Vec<_> = (0..hostile.at_once).map(|_| Slot::default()).collect();
        if hostile.at_once > 1 {
            // All are there before the first begins.
            for slot in &mut slots {
                if let Ok(container) = self.runner.sandbox().start().await {
                    *slot = Slot::Running(Box::new(container));
                }
            }
        }
        let lives = slots.into_iter().map(|slot| self.live(hostile, slot));
        let results: Vec<_> =
            futures_util::future::join_all(lives).await.into_iter().flatten().collect();
        let trouble = results.iter().find_map(|result| trouble(hostile, result));
        Finding {
            name: hostile.name.clone(),
            class: hostile.class,
            expected: hostile.expected(),
            got: results.iter().map(got).collect(),
            never: hostile.never.clone(),
            holds: trouble.is_none(),
            trouble,
        }
    }

    /// All trials of one container's life, or of its successors' where it was not fit for another.
    async fn live(&self, hostile: &Hostile, mut slot: Slot) -> Vec<Result<TrialResult, Fault>> {
        let agent = Agent::local(hostile.short_name(), hostile.source.clone());
        let uses_up = hostile.expect.contains(&Verdict::TimeLimit);
        let prepared = if uses_up { &self.short } else { &self.long };
        let mut results = Vec::new();
        for _ in 0..hostile.trials {
            let trial = (&agent, &*hostile.source, prepared);
            let result = self.runner.run(trial, &mut slot, &|_| ()).await;
            if let Ok(result) = &result {
                (self.on_event)(Event::Finished {
                    miner_id: agent.miner_id.clone(),
                    task: result.task.clone(),
                    score: result.score(),
                    cached: false,
                });
            }
            results.push(result);
        }
        self.runner.discard(slot).await;
        results
    }
}

fn got(result: &Result<TrialResult, Fault>) -> String {
    match result {
        Ok(result) => format!("{} {}", result.verdict.code(), crate::report::score(result.score)),
        Err(_) => "FAULT".to_owned(),
    }
}

/// What is wrong with a trial, if anything.
fn trouble(hostile: &Hostile, result: &Result<TrialResult, Fault>) -> Option<String> {
    let result = match result {
        Ok(result) => result,
        Err(fault) => return Some(format!("a fault: {fault}")),
    };
    if let Some(fault) = result.attempts.iter().find_map(|attempt| attempt.fault.as_ref()) {
        return Some(format!("it could cause a fault: {fault}"));
    }
    if !hostile.expect.contains(&result.verdict) || result.score > hostile.most {
        let told: Vec<_> = result.failure().lines().take(TOLD_LINES).map(str::to_owned).collect();
        return Some(format!("{}\n  {}", hostile.never, told.join("\n  ")));
    }
    if result.verdict == Verdict::OutputLimit && result.stdout.len() as u64 > SHORT.answer_bytes {
        return Some(format!("{} bytes of its output were kept", result.stdout.len()));
    }
    let record = serde_json::to_vec(result).expect("records are plain data").len();
    if record > RECORD_BYTES {
        return Some(format!("its record takes {record} bytes"));
    }
    let told = result.failure();
    let moves = |c: char| c.is_control() && c != '\n';
    told.contains(moves).then(|| "what is printed about it could move a cursor".to_owned())
}
