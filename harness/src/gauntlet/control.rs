//! The honest agent that runs beside the hostile ones.
//!
//! Its verdicts must be those that it has alone, and so must its CPU time, within the allowance below. A single trial
//! proves nothing on a machine with other work, so medians are compared: of the trials before and after
//! the suite with those during it. A fixed allowance covers what a clock of whole milliseconds and a busy
//! cache do to so short a time.

use std::time::Duration;

use serde::Serialize;
use tasks::{Limits, Seed, Verdict};
use tokio::sync::watch;

use crate::prepared::Prepared;
use crate::round::Agent;
use crate::runner::{Runner, Slot};
use crate::sandbox::Sandbox;

use super::prepared;

/// Trials on a quiet machine, before and again after.
const TRIALS_ALONE: usize = 9;
/// How long it rests between two trials beside the suite, so that it is a witness and no load.
const REST: Duration = Duration::from_millis(100);
/// How much more CPU time a trial of the honest agent may take beside the suite than alone. The aim is 1.10.
/// Where processors and their caches are shared with neighbours of other machines, any load beside it costs
/// more than that: 1.18 was seen on two such cores.
const MOST_RATIO: f64 = 1.50;
/// And what the measurement itself may be wrong by, in milliseconds.
const ALLOWANCE_MS: f64 = 10.0;
/// An agent that uses the processor as honest ones do, for long enough to be measured.
const SOURCE: &str = "\
import sys

total = 0
for number in range(1_500_000):
    total = (total * 31 + number) % 16_777_213
print(f'TOTAL = {total}')
print('def reverse_string(s):\\n    return s[::-1]')
";

/// What came of the control.
#[derive(Clone, Debug, Serialize)]
pub struct Control {
    /// Median CPU time of its trials alone, in milliseconds
    pub alone_cpu_ms: f64,
    /// Median CPU time of its trials beside the suite, in milliseconds
    pub beside_cpu_ms: f64,
    /// How many trials that were
    pub trials_beside: usize,
    /// What was wrong, if anything
    pub trouble: Option<String>,
    /// Whether it did not notice
    pub holds: bool,
}

pub(super) struct Watch {
    runner: Runner,
    prepared: Prepared,
    slot: Slot,
    alone_ms: Vec<u64>,
    beside_ms: Vec<u64>,
    trouble: Option<String>,
}

impl Watch {
    pub(super) fn new(sandbox: &Sandbox, seed: Seed) -> Self {
        Self {
            runner: Runner::new(sandbox.clone(), None, std::time::Duration::ZERO),
            prepared: prepared(Limits::STANDARD, seed),
            slot: Slot::default(),
            alone_ms: Vec::new(),
            beside_ms: Vec::new(),
            trouble: None,
        }
    }

    pub(super) async fn alone(&mut self) {
        for _ in 0..TRIALS_ALONE {
            let cpu_ms = self.trial().await;
            self.alone_ms.extend(cpu_ms);
        }
    }

    /// Runs trial after trial until `over` is true.
    pub(super) async fn beside(&mut self, over: watch::Receiver<bool>) {
        while !*over.borrow() {
            let cpu_ms = self.trial().await;
            self.beside_ms.extend(cpu_ms);
            tokio::time::sleep(REST).await;
        }
    }

    async fn trial(&mut self) -> Option<u64> {
        let agent = Agent::local("control", SOURCE.to_owned());
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

    pub(super) async fn conclude(self) -> Control {
        self.runner.discard(self.slot).await;
        let (alone, beside) = (median(self.alone_ms), median(self.beside_ms.clone()));
        let slower = beside > alone * MOST_RATIO + ALLOWANCE_MS;
        let slower = slower.then(|| {
            format!("the honest agent took {beside} ms of CPU beside the suite, and {alone} alone")
        });
        let trouble = self.trouble.or(slower);
        Control {
            alone_cpu_ms: alone,
            beside_cpu_ms: beside,
            trials_beside: self.beside_ms.len(),
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
