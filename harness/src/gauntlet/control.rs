//! The honest agent that runs beside the hostile ones.
//!
//! Its verdicts must be those that it has among honest agents, and its CPU time must be within a tenth of what
//! it is there. It is not compared with an idle machine, for processors share caches, memory and, as threads
//! of one core, the core itself: work costs more beside any other work, however honest. So hostile company is
//! compared with honest company of the same width, turn and turn about, and medians of many trials are taken.

use std::time::Duration;

use serde::Serialize;
use tasks::{Limits, Seed, Verdict};
use tokio::sync::watch;

use crate::round::run::Agent;
use crate::round::runner::{Runner, Slot};
use crate::sandbox::Sandbox;
use crate::trial::instance::Prepared;

use super::run::prepared;

/// How long it rests between two trials, so that it is a witness and no load.
const REST: Duration = Duration::from_millis(100);
/// How much more CPU time a trial of the honest agent may take in hostile company.
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

/// Who is at work beside the control.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Company {
    Honest,
    Hostile,
    /// Nobody any more
    Over,
}

/// What came of the control.
#[derive(Clone, Debug, Serialize)]
pub struct Control {
    /// Median CPU time of its trials in honest company, in milliseconds
    pub honest_cpu_ms: f64,
    /// How many trials that were
    pub honest_trials: usize,
    /// Median CPU time of its trials in hostile company, in milliseconds
    pub hostile_cpu_ms: f64,
    /// How many trials that were
    pub hostile_trials: usize,
    /// What was wrong, if anything
    pub trouble: Option<String>,
    /// Whether it did not notice
    pub holds: bool,
}

pub(super) struct Watch {
    runner: Runner,
    prepared: Prepared,
    slot: Slot,
    honest_ms: Vec<u64>,
    hostile_ms: Vec<u64>,
    trouble: Option<String>,
}

/// The honest agent.
pub(super) fn agent() -> Agent {
    Agent::local("control", SOURCE.to_owned())
}

impl Watch {
    pub(super) fn new(sandbox: &Sandbox, seed: Seed) -> Self {
        Self {
            runner: Runner::new(sandbox.clone(), None, Duration::ZERO),
            prepared: prepared(Limits::STANDARD, seed),
            slot: Slot::default(),
            honest_ms: Vec::new(),
            hostile_ms: Vec::new(),
            trouble: None,
        }
    }

    /// Runs trial after trial until nobody is there any more. One in which the company changed does not count.
    pub(super) async fn run(mut self, company: watch::Receiver<Company>) -> Control {
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

    async fn trial(&mut self) -> Option<u64> {
        let agent = agent();
        let trial = (&agent, SOURCE, &self.prepared);
        let wrong = match self.runner.run(trial, &mut self.slot, &|_| ()).await {
            Ok(result) if result.verdict == Verdict::Accepted && result.attempts.len() == 1 => {
                return Some(result.cpu_ms);
            }
            Ok(result) => match result.attempts.iter().find_map(|attempt| attempt.fault.clone()) {
                Some(fault) => format!("an attempt ended in a fault: {fault}"),
                None => result.failure(),
            },
            Err(fault) => format!("a fault: {fault}"),
        };
        self.trouble.get_or_insert(format!("the honest agent was harmed: {wrong}"));
        None
    }

    async fn conclude(self) -> Control {
        self.runner.discard(self.slot).await;
        let (honest_trials, hostile_trials) = (self.honest_ms.len(), self.hostile_ms.len());
        let (honest, hostile) = (median(self.honest_ms), median(self.hostile_ms));
        let slower = (hostile > honest * MOST_RATIO).then(|| {
            format!(
                "the honest agent took {hostile} ms of CPU in hostile company, and {honest} in honest company"
            )
        });
        let trouble = self.trouble.or(slower);
        Control {
            honest_cpu_ms: honest,
            honest_trials,
            hostile_cpu_ms: hostile,
            hostile_trials,
            holds: trouble.is_none(),
            trouble,
        }
    }
}

#[allow(clippy::cast_precision_loss, reason = "milliseconds of one trial are far below 2^52")]
fn median(mut values: Vec<u64>) -> f64 {
    values.sort_unstable();
    match values.len() {
        0 => 0.0,
        n if n % 2 == 1 => values[n / 2] as f64,
        n => (values[n / 2 - 1] + values[n / 2]) as f64 / 2.0,
    }
}

#[cfg(test)]
mod tests {
    use super::median;

    #[test]
    #[allow(clippy::float_cmp, reason = "halves are exact")]
    fn the_median_is_the_middle() {
        assert_eq!(median(vec![]), 0.0);
        assert_eq!(median(vec![9, 1, 5]), 5.0);
        assert_eq!(median(vec![4, 1, 9, 3]), 3.5);
    }
}
