//! The retry policy: how often work in a container is tried, how long it waits in between, and when it runs alone.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use platform::api::Attempt;
use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::Fault;

/// How often a trial is tried before its fault is reported.
const ATTEMPTS: usize = 4;
/// The wait before the second attempt; each further wait is four times as long. Together they
/// outlast a restart of the daemon.
const BACKOFF: Duration = Duration::from_millis(500);

/// Is called with the fault of an attempt that another one follows.
pub type OnRetry<'a> = &'a (dyn Fn(&Fault) + Send + Sync);

/// Decides about the attempts of all trials of a round.
#[derive(Default)]
pub struct RetryPolicy {
    /// Whether a trial used up its waits because the daemon did not answer. Until the daemon answers again, no other
    /// trial waits, or a round would wait for each of its trials.
    daemon_is_away: AtomicBool,
    /// Trials run at the same time, except that one that the machine starved has its next attempt alone.
    permits: RwLock<()>,
}

/// The permission to run a trial, until it is dropped.
pub enum TrialPermit<'a> {
    /// At the same time as others
    Shared(#[allow(dead_code, reason = "a guard")] RwLockReadGuard<'a, ()>),
    /// Alone
    Alone(#[allow(dead_code, reason = "a guard")] RwLockWriteGuard<'a, ()>),
}

impl RetryPolicy {
    /// The attempts at one trial.
    pub fn attempts(&self) -> Attempts<'_> {
        Attempts { policy: self, faults: Vec::new(), backoff: BACKOFF, was_starved: false }
    }
}

/// The attempts at one trial.
pub struct Attempts<'a> {
    policy: &'a RetryPolicy,
    faults: Vec<Attempt>,
    backoff: Duration,
    was_starved: bool,
}

impl<'a> Attempts<'a> {
    /// Waits until the next attempt may begin.
    pub async fn permit(&self) -> TrialPermit<'a> {
        if self.was_starved {
            TrialPermit::Alone(self.policy.permits.write().await)
        } else {
            TrialPermit::Shared(self.policy.permits.read().await)
        }
    }

    /// Ends the attempts with a success, and returns all of them.
    pub fn succeeded(mut self) -> Vec<Attempt> {
        self.policy.daemon_is_away.store(false, Ordering::Relaxed);
        self.faults.push(Attempt::default());
        self.faults
    }

    /// Waits before the next attempt, or returns the fault if there is none.
    pub async fn failed(&mut self, fault: Fault, on_retry: OnRetry<'_>) -> Result<(), Fault> {
        self.was_starved = matches!(fault, Fault::Starved { .. });
        let is_last = self.faults.len() + 1 == ATTEMPTS;
        let daemon_is_away = &self.policy.daemon_is_away;
        if is_last && fault.is_daemon_failure() {
            daemon_is_away.store(true, Ordering::Relaxed);
        }
        let in_vain = fault.is_daemon_failure() && daemon_is_away.load(Ordering::Relaxed);
        if is_last || in_vain || !fault.is_retryable() {
            return Err(fault);
        }
        on_retry(&fault);
        self.faults.push(Attempt { fault: Some(fault.to_string()) });
        tokio::time::sleep(self.backoff).await;
        self.backoff *= 4;
        Ok(())
    }
}
