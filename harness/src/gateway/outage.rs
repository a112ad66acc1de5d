//! Whether the provider works, decided by the host alone.
//!
//! When a request fails, asking pauses for the whole round until a small request of the host's own passes. So the failure
//! of a provider is distinguished from a request that makes it fail.

use std::future::Future;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

/// Waits between two requests of the host to a provider that fails.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// Whether requests may be sent.
#[derive(Clone, Debug, PartialEq)]
enum HealthState {
    Well,
    /// The provider asked to wait.
    PausedUntil(Instant),
    /// A request failed, and it is not known yet whether the provider works.
    InDoubt,
    /// No more requests are sent in this round, and why.
    Over(String),
}

/// What the host's own request showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CanaryOutcome {
    /// The provider works.
    Well,
    /// It fails, or is busy.
    Ill(String),
    /// It will not answer in this round: the key is invalid, or the credit is gone.
    Unusable(String),
}

/// No more requests are sent in this round, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AskingIsOver(pub String);

/// The health of a provider, for all requests of a round.
#[derive(Debug)]
pub struct ProviderHealth {
    state: watch::Sender<HealthState>,
    /// When the provider last worked after it had failed
    last_well: Mutex<Option<Instant>>,
    /// One check at a time
    checking: tokio::sync::Mutex<()>,
    patience: Duration,
}

impl ProviderHealth {
    /// A provider that works until it fails. It may fail for as long as `patience`.
    pub fn new(patience: Duration) -> Self {
        let state = watch::channel(HealthState::Well).0;
        Self {
            state,
            last_well: Mutex::default(),
            checking: tokio::sync::Mutex::default(),
            patience,
        }
    }

    /// Waits until requests may be sent.
    pub async fn well(&self) -> Result<(), AskingIsOver> {
        let mut state = self.state.subscribe();
        loop {
            let present = state.borrow_and_update().clone();
            match present {
                HealthState::Well => return Ok(()),
                HealthState::Over(why) => return Err(AskingIsOver(why)),
                HealthState::PausedUntil(until) => {
                    tokio::select! {
                        () = sleep_until(until) => {
                            self.state.send_if_modified(|state| {
                                let is_over = *state == HealthState::PausedUntil(until);
                                if is_over {
                                    *state = HealthState::Well;
                                }
                                is_over
                            });
                        }
                        _ = state.changed() => {}
                    }
                }
                HealthState::InDoubt => {
                    let _ = state.changed().await;
                }
            }
        }
    }

    /// Whether requests may be sent at present.
    pub fn is_well(&self) -> bool {
        *self.state.borrow() == HealthState::Well
    }

    /// Pauses all requests, because the provider asked for it.
    pub fn pause(&self, wait: Duration) {
        let until = Instant::now() + wait;
        self.state.send_if_modified(|state| match state {
            HealthState::Well => {
                *state = HealthState::PausedUntil(until);
                true
            }
            HealthState::PausedUntil(present) if *present < until => {
                *present = until;
                true
            }
            _ => false,
        });
    }

    /// No more requests are sent.
    pub fn end(&self, why: &str) {
        self.state.send_if_modified(|state| {
            let is_new = !matches!(state, HealthState::Over(_));
            if is_new {
                *state = HealthState::Over(why.to_owned());
            }
            is_new
        });
    }

    /// A request failed: all others pause until the host's own request passes, or the patience is over.
    pub async fn check<F: Future<Output = CanaryOutcome>>(
        &self,
        failed_at: Instant,
        canary: impl Fn() -> F,
    ) -> Result<(), AskingIsOver> {
        self.state.send_if_modified(|state| {
            let is_new = matches!(state, HealthState::Well | HealthState::PausedUntil(_))
                && !self.was_well_since(failed_at);
            if is_new {
                *state = HealthState::InDoubt;
            }
            is_new
        });
        let _one_at_a_time = self.checking.lock().await;
        if let HealthState::Over(why) = &*self.state.borrow() {
            return Err(AskingIsOver(why.clone()));
        }
        if self.was_well_since(failed_at) {
            return Ok(());
        }
        let deadline = Instant::now() + self.patience;
        let (mut wait, mut last) = (FIRST_WAIT, "it did not answer".to_owned());
        loop {
            let outcome = timeout_at(deadline, canary()).await;
            match outcome {
                Ok(CanaryOutcome::Well) => {
                    *self.last_well.lock().unwrap_or_else(PoisonError::into_inner) =
                        Some(Instant::now());
                    self.state.send_replace(HealthState::Well);
                    return Ok(());
                }
                Ok(CanaryOutcome::Unusable(why)) => {
                    self.end(&why);
                    return Err(AskingIsOver(why));
                }
                Ok(CanaryOutcome::Ill(why)) => last = why,
                Err(_) => {}
            }
            if Instant::now() + wait >= deadline {
                let why = format!("the provider failed for {} s: {last}", self.patience.as_secs());
                self.end(&why);
                return Err(AskingIsOver(why));
            }
            sleep(wait).await;
            wait = (2 * wait).min(LONGEST_WAIT);
        }
    }

    fn was_well_since(&self, time: Instant) -> bool {
        let last = *self.last_well.lock().unwrap_or_else(PoisonError::into_inner);
        last.is_some_and(|last| last > time)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::FutureExt as _;

    use super::*;

    fn ill() -> CanaryOutcome {
        CanaryOutcome::Ill("503".to_owned())
    }

    #[tokio::test(start_paused = true)]
    async fn all_requests_wait_until_the_provider_works() {
        let health = ProviderHealth::new(Duration::from_mins(5));
        assert_eq!(health.well().await, Ok(()));
        let asked = AtomicUsize::new(0);
        let canary = || async {
            assert_eq!(
                health.well().now_or_never(),
                None,
                "a request was sent although the provider fails"
            );
            if asked.fetch_add(1, Ordering::Relaxed) < 3 { ill() } else { CanaryOutcome::Well }
        };
        let failed_at = Instant::now();
        let checks = (health.check(failed_at, canary), health.check(failed_at, canary));
        assert_eq!(tokio::join!(checks.0, checks.1), (Ok(()), Ok(())));
        assert_eq!(
            asked.load(Ordering::Relaxed),
            4,
            "the second check has the result of the first"
        );
        assert_eq!(health.well().await, Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn patience_and_credit_come_to_an_end() {
        for outcome in [ill(), CanaryOutcome::Unusable("no credit".to_owned())] {
            let health = ProviderHealth::new(Duration::from_mins(1));
            let canary = || std::future::ready(outcome.clone());
            let begun = Instant::now();
            let AskingIsOver(why) = health.check(begun, canary).await.unwrap_err();
            let (waits, part) = match outcome {
                CanaryOutcome::Ill(_) => (true, "failed for 60 s: 503"),
                _ => (false, "no credit"),
            };
            assert_eq!(begun.elapsed() > Duration::from_secs(20), waits);
            assert!(why.contains(part), "{why}");
            assert_eq!(health.well().await, Err(AskingIsOver(why)));
        }
        let silent = ProviderHealth::new(Duration::from_mins(1));
        let checked = silent.check(Instant::now(), std::future::pending).await;
        assert!(checked.unwrap_err().0.contains("did not answer"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_holds_for_all_and_is_extended() {
        let health = ProviderHealth::new(Duration::from_mins(1));
        health.pause(Duration::from_secs(5));
        health.pause(Duration::from_secs(9));
        health.pause(Duration::from_secs(2));
        let begun = Instant::now();
        assert_eq!(health.well().await, Ok(()));
        assert_eq!(begun.elapsed(), Duration::from_secs(9));
        assert!(health.is_well());
    }
}
