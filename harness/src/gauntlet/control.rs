//! The honest agent that runs at the same time as the hostile ones.
//!
//! Its verdicts must be those that it gets among honest agents. Its CPU time is compared too, but a difference is only
//! a warning, because other load on the machine moves it. It is not compared with an idle machine: processors share
//! caches, memory and, as threads of one core, the core itself, so work costs more next to any other work. Hostile
//! company is therefore compared with honest company of the same width, in alternation, by medians of many trials.

use std::time::Duration;

use serde::Serialize;
use tasks::{Limits, Seed, Verdict};
use tokio::sync::watch;

use crate::gauntlet::programs::round_task;
use crate::round::agent::Agent;
use crate::round::lease::ContainerLease;
use crate::round::runner::{AgentTrial, TrialRunner};
use crate::sandbox::Sandbox;
use crate::scoring::median::median;
use crate::trial::instance::RoundTask;
use crate::trial::record::Disclose;

/// How long the agent rests between two trials, so that it observes without being a load.
const REST: Duration = Duration::from_millis(100);
/// By how much the CPU time of a trial in hostile company may exceed that in honest company without a warning.
const MOST_RATIO: f64 = 1.10;
/// An agent that uses the processor as honest ones do, for long enough to be measured.
const SOURCE: &str = "\
import sys

total = 0
for number in range(1_500_000):
    total = (total * 31 + number) % 16_777_213
print(f'TOTAL = {total}')
print('def reverse_string(s):\\n    return s[::-1]')
";

/// Who is at work at the same time as the control.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Company {
    Honest,
    Hostile,
    /// The gauntlet is over.
    Over,
}

/// How the control fared.
#[derive(Clone, Debug, Serialize)]
pub struct ControlReport {
    /// Median CPU time of its trials in honest company, in milliseconds
    pub honest_cpu_ms: f64,
    /// Number of these trials
    pub honest_trials: usize,
    /// Median CPU time of its trials in hostile company, in milliseconds
    pub hostile_cpu_ms: f64,
    /// Number of these trials
    pub hostile_trials: usize,
    /// What was wrong with a trial, if anything
    pub issue: Option<String>,
    /// A difference in CPU time that may come from the hostile agents or from other load
    pub warning: Option<String>,
    /// Whether every trial was accepted without a fault
    pub holds: bool,
}

/// Runs the control.
pub(super) struct ControlWatch {
    runner: TrialRunner,
    task: RoundTask,
    lease: ContainerLease,
    honest_ms: Vec<f64>,
    hostile_ms: Vec<f64>,
    issue: Option<String>,
}

/// The honest agent and its source.
pub(super) fn agent() -> (Agent, &'static str) {
    (Agent::local("control", SOURCE.to_owned()), SOURCE)
}

impl ControlWatch {
    pub(super) fn new(sandbox: &Sandbox, seed: Seed) -> Self {
        Self {
            runner: TrialRunner::new(sandbox.clone(), None, Duration::ZERO),
            task: round_task(Limits::STANDARD, seed),
            lease: ContainerLease::new(sandbox),
            honest_ms: Vec::new(),
            hostile_ms: Vec::new(),
            issue: None,
        }
    }

    /// Runs trial after trial until the gauntlet is over. A trial during which the company changed does not count.
    pub(super) async fn run(mut self, company: watch::Receiver<Company>) -> ControlReport {
        loop {
            let before = *company.borrow();
            let cpu_ms = match before {
                Company::Over => return self.conclude().await,
                Company::Honest | Company::Hostile => self.trial().await,
            };
            match before {
                _ if *company.borrow() != before => {}
                Company::Honest => self.honest_ms.extend(cpu_ms),
                Company::Hostile => self.hostile_ms.extend(cpu_ms),
                Company::Over => {}
            }
            tokio::time::sleep(REST).await;
        }
    }

    #[allow(clippy::cast_precision_loss, reason = "milliseconds of one trial are far below 2^52")]
    async fn trial(&mut self) -> Option<f64> {
        let (agent, source) = agent();
        let trial = AgentTrial { agent: &agent, source, task: &self.task, repetition: 1 };
        let wrong = match self.runner.run(trial, &mut self.lease, &|_| ()).await {
            Ok(record) if record.verdict == Verdict::Accepted && record.attempts.len() == 1 => {
                return Some(record.cpu_ms as f64);
            }
            Ok(record) => match record.attempts.iter().find_map(|attempt| attempt.fault.clone()) {
                Some(fault) => format!("an attempt ended in a fault: {fault}"),
                None => record.disclosed(Disclose::All).failure(),
            },
            Err(fault) => format!("a fault: {fault}"),
        };
        self.issue.get_or_insert(format!("the honest agent was harmed: {wrong}"));
        None
    }

    async fn conclude(self) -> ControlReport {
        self.lease.discard().await;
        let (honest, hostile) = (median(&self.honest_ms), median(&self.hostile_ms));
        let warning = (hostile > honest * MOST_RATIO).then(|| {
            format!(
                "the honest agent used {hostile} ms of CPU time in hostile company and {honest} ms in honest company; \
                 repeat on a quiet machine to see whether the hostile agents are the cause"
            )
        });
        ControlReport {
            honest_cpu_ms: honest,
            honest_trials: self.honest_ms.len(),
            hostile_cpu_ms: hostile,
            hostile_trials: self.hostile_ms.len(),
            holds: self.issue.is_none(),
            issue: self.issue,
            warning,
        }
    }
}
