//! The gauntlet: hostile agents against this machine's own sandbox, beside an honest one.
//!
//! Each hostile agent is a file that says in its head what it may get and what must not happen. It goes
//! the way of every agent, through [`Runner`], under short limits. It holds if every trial came to an
//! expected verdict without a single fault: an agent that can make the arena fail has found a way to harm
//! it, even if it wins nothing. An honest control agent runs all the while, and must not notice.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tasks::{Limits, Seed, Verdict};
use tokio::sync::{Mutex, watch};
use tokio::task::JoinSet;

use crate::Fault;
use crate::round::run::{Agent, Event, Listener, drawn_seed};
use crate::round::runner::{Runner, Slot};
use crate::sandbox::Sandbox;
use crate::trial::instance::Prepared;
use crate::trial::record::TrialResult;

pub use super::control::Control;
use super::control::{self, Company};
pub use super::programs::{Class, Hostile, suite};
pub use super::report::table;

/// The task that every agent of the suite is asked.
const TASK: &str = "reverse_string";
/// How much a trial may weigh as it is kept, in bytes. An agent must not fill the disk with its record.
const RECORD_BYTES: usize = 2 << 20;
/// In how many turns the suite runs, with honest company before, between and after.
const TURNS: usize = 4;
/// How many trials each honest companion has at a time.
const HONEST_TRIALS: usize = 6;
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
        runner: Runner::new(sandbox.clone(), None, Duration::ZERO),
        short: prepared(SHORT, seed),
        long: prepared(LONG, seed),
        queue: Mutex::default(),
        findings: Mutex::default(),
        on_event,
    });
    let (company, told) = watch::channel(Company::Honest);
    let control = tokio::spawn(control::Watch::new(sandbox, seed).run(told));
    let jobs = plan.jobs.max(1);
    side_by_side(jobs, || honest_company(Arc::clone(&shared))).await;
    for turn in 0..TURNS {
        // Every turn has agents of every kind.
        let of_turn = plan.agents.iter().skip(turn).step_by(TURNS).cloned();
        shared.queue.lock().await.extend(of_turn);
        company.send_replace(Company::Hostile);
        side_by_side(jobs, || work(Arc::clone(&shared))).await;
        company.send_replace(Company::Honest);
        side_by_side(jobs, || honest_company(Arc::clone(&shared))).await;
    }
    company.send_replace(Company::Over);
    let control = control.await.expect("watching does not panic");
    let mut agents = std::mem::take(&mut *shared.findings.lock().await);
    agents.sort_by(|a, b| a.name.cmp(&b.name));
    let holds = control.holds && agents.iter().all(|finding| finding.holds);
    Ok(Outcome { holds, control, agents })
}

/// Has this many workers at work until each is done.
async fn side_by_side<F: Future<Output = ()> + Send + 'static>(
    jobs: usize,
    worker: impl Fn() -> F,
) {
    let mut workers = JoinSet::new();
    for _ in 0..jobs {
        workers.spawn(worker());
    }
    while let Some(ended) = workers.join_next().await {
        ended.expect("a worker does not panic");
    }
}

/// What hostile company is compared with: honest agents, each in a container of its own, as hostile ones are.
async fn honest_company(shared: Arc<Shared>) {
    let agent = control::agent();
    let source = agent.read().await.expect("it is here");
    for _ in 0..HONEST_TRIALS {
        let mut slot = Slot::default();
        // What becomes of them is of no interest: the control is the witness.
        let _ = shared.runner.run((&agent, &source, &shared.long), &mut slot, &|_| ()).await;
        shared.runner.discard(slot).await;
    }
}

/// The suite's task under these limits.
pub(super) fn prepared(limits: Limits, seed: Seed) -> Prepared {
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
        let lives = futures_util::future::join_all(lives).await;
        let results: Vec<_> = lives.into_iter().flatten().collect();
        let trouble = results.iter().find_map(|trial| trouble(hostile, trial));
        Finding {
            name: hostile.name.clone(),
            class: hostile.class,
            expected: hostile.expected(),
            got: results.iter().map(|trial| got(&trial.result)).collect(),
            never: hostile.never.clone(),
            holds: trouble.is_none(),
            trouble,
        }
    }

    /// All trials of one container's life, or of its successors' where it was not fit for another.
    async fn live(&self, hostile: &Hostile, mut slot: Slot) -> Vec<Lived> {
        let agent = Agent::local(hostile.short_name(), hostile.source.clone());
        let uses_up = hostile.expect.contains(&Verdict::TimeLimit);
        let prepared = if uses_up { &self.short } else { &self.long };
        let mut results = Vec::new();
        for _ in 0..hostile.trials {
            let trial = (&agent, &*hostile.source, prepared);
            let caused = std::sync::Mutex::new(None);
            let on_retry = |fault: &Fault| {
                // That this machine was too busy is measured so that no agent can bring it about.
                if !matches!(fault, Fault::Starved { .. }) {
                    *caused.lock().expect("nobody panics") = Some(fault.to_string());
                }
            };
            let result = self.runner.run(trial, &mut slot, &on_retry).await;
            if let Ok(result) = &result {
                (self.on_event)(Event::Finished {
                    miner_id: agent.miner_id.clone(),
                    task: result.task.clone(),
                    score: result.score(),
                    cached: false,
                });
            }
            let caused = caused.into_inner().expect("nobody panics");
            results.push(Lived { result, caused });
        }
        self.runner.discard(slot).await;
        results
    }
}

/// One trial of an agent, and the fault that it caused before, if it did.
struct Lived {
    result: Result<TrialResult, Fault>,
    caused: Option<String>,
}

fn got(result: &Result<TrialResult, Fault>) -> String {
    match result {
        Ok(result) => {
            format!("{} {}", result.verdict.code(), crate::scoring::report::score(result.score))
        }
        Err(Fault::Starved { .. }) => "too busy".to_owned(),
        Err(_) => "FAULT".to_owned(),
    }
}

/// What is wrong with a trial, if anything.
fn trouble(hostile: &Hostile, trial: &Lived) -> Option<String> {
    let result = match &trial.result {
        Ok(result) => result,
        // It was stopped when its time was up, as is wanted of it, by a machine that cannot say whose doing it
        // was that it took so long.
        Err(Fault::Starved { .. }) if hostile.expect.contains(&Verdict::TimeLimit) => return None,
        Err(fault) => return Some(format!("a fault: {fault}")),
    };
    if let Some(fault) = &trial.caused {
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
