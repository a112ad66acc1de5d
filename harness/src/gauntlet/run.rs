//! Runs hostile programs against this machine's own sandbox, at the same time as an honest agent.
//!
//! Each program is a file whose head declares what it may get and what must not happen. It runs
//! as every agent does, through [`TrialRunner`], under short limits. It holds if every trial got an
//! expected verdict without a single fault: an agent that can make the arena fail can harm
//! it, even if it wins no points. The honest control runs all the time and must not be harmed.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::Serialize;
use tasks::{Limits, Verdict};
use tokio::sync::watch;

use crate::Fault;
use crate::gauntlet::control::{Company, ControlReport, ControlWatch, agent as honest_agent};
use crate::gauntlet::programs::{HostileProgram, ProgramClass, round_task};
use crate::gauntlet::provider::MockProvider;
use crate::round::agent::Agent;
use crate::round::events::{RoundEvent, RoundListener};
use crate::round::lease::ContainerLease;
use crate::round::pool::{WorkQueue, run_workers};
use crate::round::runner::{AgentTrial, TrialRunner};
use crate::round::seed::drawn_seed;
use crate::sandbox::Sandbox;
use crate::scoring::report;
use crate::trial::instance::RoundTask;
use crate::trial::record::{Disclose, TrialRecord};

/// The largest trial record that is acceptable, in bytes. An agent must not fill the disk with its record.
const RECORD_BYTES: usize = 2 << 20;
/// The number of shifts in which the programs run, with honest company before, between and after.
const SHIFTS: usize = 4;
/// How many trials each honest companion has in each shift.
const HONEST_TRIALS: usize = 6;
/// How many lines of a failed trial are reported.
const REPORTED_LINES: usize = 6;
/// Short limits for programs that use them up, so that the gauntlet is quick. Long enough for a Python that
/// starts on a busy machine.
const SHORT: Limits =
    Limits { agent_wall_ms: 4_000, call_cpu_ms: 500, calls_wall_ms: 5_000, ..Limits::STANDARD };
/// Long limits for all others, because being slow is not what they are about: some look at the whole disk.
const LONG: Limits = Limits { agent_wall_ms: 40_000, ..Limits::STANDARD };

/// What a gauntlet is to do.
pub struct GauntletPlan {
    /// The programs
    pub programs: Vec<HostileProgram>,
    /// How many of them are at work at the same time
    pub jobs: usize,
}

/// The outcome of one program.
#[derive(Clone, Debug, Serialize)]
pub struct GauntletCheck {
    /// The program: the directory of its class, and its name
    pub name: String,
    /// What it tries
    pub class: ProgramClass,
    /// The verdicts that it may get
    pub expected: String,
    /// The verdict of each trial
    pub got: Vec<String>,
    /// What must not happen
    pub never: String,
    /// What was wrong, if anything
    pub issue: Option<String>,
    /// Whether the sandbox held
    pub holds: bool,
}

/// The outcome of a gauntlet.
#[derive(Clone, Debug, Serialize)]
pub struct GauntletOutcome {
    /// Whether everything held
    pub holds: bool,
    /// The honest agent that ran all the time
    pub control: ControlReport,
    /// Each program, in the order of their names
    pub agents: Vec<GauntletCheck>,
}

/// Runs programs at the same time as the control. Programs against which the sandbox does not hold are part of the
/// outcome and not an error.
pub async fn run(
    sandbox: &Sandbox,
    plan: GauntletPlan,
    on_event: RoundListener,
) -> Result<GauntletOutcome, Fault> {
    let GauntletPlan { programs, jobs } = plan;
    on_event(RoundEvent::Started { trials: programs.len() });
    let seed = drawn_seed();
    let provider = MockProvider::start().await?;
    let shared = Arc::new(SharedGauntlet {
        runner: TrialRunner::new(sandbox.clone(), None, Duration::ZERO),
        with_model: TrialRunner::new(sandbox.clone(), None, Duration::ZERO)
            .with_model(Some(provider.gateway.clone())),
        short: round_task(SHORT, seed),
        long: round_task(LONG, seed),
        checks: Mutex::default(),
        on_event,
    });
    let (company, observed) = watch::channel(Company::Honest);
    let control = tokio::spawn(ControlWatch::new(sandbox, seed).run(observed));
    let Ok(_) = run_workers(jobs, || honest_company(Arc::clone(&shared))).await;
    for shift in 0..SHIFTS {
        // Every shift has programs of every kind.
        let of_shift = programs.iter().skip(shift).step_by(SHIFTS).cloned();
        let queue = Arc::new(WorkQueue::new(of_shift));
        company.send_replace(Company::Hostile);
        let Ok(_) = run_workers(jobs, || work(Arc::clone(&shared), Arc::clone(&queue))).await;
        company.send_replace(Company::Honest);
        let Ok(_) = run_workers(jobs, || honest_company(Arc::clone(&shared))).await;
    }
    company.send_replace(Company::Over);
    let control = control.await.expect("watching does not panic");
    let mut agents = std::mem::take(&mut *shared.checks());
    agents.sort_by(|a, b| a.name.cmp(&b.name));
    let holds = control.holds && agents.iter().all(|check| check.holds);
    Ok(GauntletOutcome { holds, control, agents })
}

/// What hostile company is compared with: honest agents, each in a container of its own, as hostile ones are.
async fn honest_company(shared: Arc<SharedGauntlet>) -> Result<(), Infallible> {
    let (agent, source) = honest_agent();
    for _ in 0..HONEST_TRIALS {
        let mut lease = ContainerLease::new(shared.runner.sandbox());
        let trial = AgentTrial { agent: &agent, source, task: &shared.long, repetition: 1 };
        // Their outcomes do not matter: only the control is observed.
        let _ = shared.runner.run(trial, &mut lease, &|_| ()).await;
        lease.discard().await;
    }
    Ok(())
}

/// What the workers share.
struct SharedGauntlet {
    runner: TrialRunner,
    /// For programs with a model
    with_model: TrialRunner,
    short: RoundTask,
    long: RoundTask,
    checks: Mutex<Vec<GauntletCheck>>,
    on_event: RoundListener,
}

async fn work(
    shared: Arc<SharedGauntlet>,
    queue: Arc<WorkQueue<HostileProgram>>,
) -> Result<(), Infallible> {
    while let Some(program) = queue.next() {
        let check = shared.check(&program).await;
        if let Some(issue) = &check.issue {
            let warning = format!("{} does NOT hold: {issue}", program.name);
            (shared.on_event)(RoundEvent::Warning(warning));
        }
        shared.checks().push(check);
    }
    Ok(())
}

impl SharedGauntlet {
    fn checks(&self) -> std::sync::MutexGuard<'_, Vec<GauntletCheck>> {
        self.checks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs one program: in one container trial after trial, or in several at the same time.
    async fn check(&self, program: &HostileProgram) -> GauntletCheck {
        let sandbox = self.runner.sandbox();
        let mut leases: Vec<_> =
            (0..program.at_once).map(|_| ContainerLease::new(sandbox)).collect();
        if program.at_once > 1 {
            // All containers are ready before the first trial begins.
            for lease in &mut leases {
                *lease = ContainerLease::start(sandbox);
                lease.wait().await;
            }
        }
        let lives = leases.into_iter().map(|lease| self.live(program, lease));
        let lives = futures_util::future::join_all(lives).await;
        let trials: Vec<_> = lives.into_iter().flatten().collect();
        let issue = trials.iter().find_map(|trial| issue(program, trial));
        GauntletCheck {
            name: program.name.clone(),
            class: program.class,
            expected: program.expected(),
            got: trials.iter().map(|trial| got(&trial.outcome)).collect(),
            never: program.never.clone(),
            holds: issue.is_none(),
            issue,
        }
    }

    /// Runs all trials of one container's life, or of its successors' where it was not fit for another.
    async fn live(&self, program: &HostileProgram, mut lease: ContainerLease) -> Vec<HostileTrial> {
        let agent = Agent::local(program.short_name(), program.source.clone());
        let uses_up = program.expect.contains(&Verdict::TimeLimit);
        let task = if uses_up { &self.short } else { &self.long };
        let mut trials = Vec::new();
        for _ in 0..program.trials {
            let caused = Mutex::new(None);
            let on_retry = |fault: &Fault| {
                // Starvation is measured so that no agent can cause it.
                if !matches!(fault, Fault::Starved { .. }) {
                    *caused.lock().expect("the closure does not panic") = Some(fault.to_string());
                }
            };
            let trial = AgentTrial { agent: &agent, source: &program.source, task, repetition: 1 };
            let runner = if program.has_model { &self.with_model } else { &self.runner };
            let outcome = runner.run(trial, &mut lease, &on_retry).await;
            if let Ok(record) = &outcome {
                (self.on_event)(RoundEvent::Finished {
                    miner_id: agent.miner_id.clone(),
                    task: record.task.clone(),
                    score: record.score(),
                    cached: false,
                });
            }
            let caused = caused.into_inner().expect("the closure does not panic");
            trials.push(HostileTrial { outcome, caused });
            if program.has_model {
                // As in a round: no container with a model has another trial.
                lease.discard().await;
                lease = ContainerLease::new(self.runner.sandbox());
            }
        }
        lease.discard().await;
        trials
    }
}

/// One trial of a program, and the fault that an earlier attempt ended in, if any.
struct HostileTrial {
    outcome: Result<TrialRecord, Fault>,
    caused: Option<String>,
}

fn got(outcome: &Result<TrialRecord, Fault>) -> String {
    match outcome {
        Ok(record) => format!("{} {}", record.verdict.code(), report::score(record.score)),
        Err(Fault::Starved { .. }) => "too busy".to_owned(),
        Err(_) => "FAULT".to_owned(),
    }
}

/// Returns what is wrong with a trial, if anything.
fn issue(program: &HostileProgram, trial: &HostileTrial) -> Option<String> {
    let record = match &trial.outcome {
        Ok(record) => record,
        // It was stopped when its time was up, as expected, by a machine that cannot determine which load made it
        // take so long.
        Err(Fault::Starved { .. }) if program.expect.contains(&Verdict::TimeLimit) => return None,
        Err(fault) => return Some(format!("a fault: {fault}")),
    };
    if let Some(fault) = &trial.caused {
        return Some(format!("it could cause a fault: {fault}"));
    }
    let failure = record.clone().disclosed(Disclose::All).failure();
    if !program.expect.contains(&record.verdict) || record.score > program.most {
        let lines: Vec<_> = failure.lines().take(REPORTED_LINES).collect();
        return Some(format!("{}\n  {}", program.never, lines.join("\n  ")));
    }
    if record.verdict == Verdict::OutputLimit && record.stdout.len() as u64 > SHORT.answer_bytes {
        return Some(format!("{} bytes of its output were kept", record.stdout.len()));
    }
    let bytes = serde_json::to_vec(record).expect("records are plain data").len();
    if bytes > RECORD_BYTES {
        return Some(format!("its record takes {bytes} bytes"));
    }
    let moves_cursor = |c: char| c.is_control() && c != '\n';
    failure.contains(moves_cursor).then(|| "its report could move the terminal's cursor".to_owned())
}
