//! The agent's clock: it stands still only while the host keeps the agent waiting and none of its requests is answered.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

/// Counts an agent's requests that wait and those that the model works on, and decides whether the clock stands still.
#[derive(Debug)]
pub struct WaitClock {
    state: Mutex<ClockState>,
    stopped: watch::Sender<bool>,
    /// Longest time for which the clock may stand still in all
    limit: Duration,
}

#[derive(Debug, Default)]
struct ClockState {
    waiting: usize,
    asking: usize,
    stopped_at: Option<Instant>,
    stood: Duration,
}

/// What a request does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestPhase {
    /// It waits for the provider's recovery or for its turn among the requests of the round.
    Waiting,
    /// The model works on it.
    Asking,
}

impl WaitClock {
    /// A clock that may stand still for this long in all.
    pub fn new(limit: Duration) -> Self {
        Self { state: Mutex::default(), stopped: watch::channel(false).0, limit }
    }

    /// Whether the clock stands still, and each change of that.
    pub fn subscribe(&self) -> watch::Receiver<bool> {
        self.stopped.subscribe()
    }

    /// A request begins this phase. It ends when the guard is dropped.
    pub fn enter(&self, phase: RequestPhase) -> PhaseGuard<'_> {
        self.change(|state| *state.count(phase) += 1);
        PhaseGuard { clock: self, phase }
    }

    /// How much longer the clock may stand still. Who makes an agent wait longer than that owes it a fault: its time would
    /// run while nothing works for it.
    pub fn left(&self) -> Duration {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let present = state.stopped_at.map_or(Duration::ZERO, |at| at.elapsed());
        self.limit.saturating_sub(state.stood + present)
    }

    fn change(&self, change: impl FnOnce(&mut ClockState)) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut state);
        // A queue that the agent fills by itself does not stop its clock: then the model works on a request of it.
        let stands = state.waiting > 0 && state.asking == 0;
        match (stands, state.stopped_at) {
            (true, None) => state.stopped_at = Some(Instant::now()),
            (false, Some(at)) => {
                state.stood += at.elapsed();
                state.stopped_at = None;
            }
            _ => return,
        }
        self.stopped.send_replace(stands);
    }
}

impl ClockState {
    const fn count(&mut self, phase: RequestPhase) -> &mut usize {
        match phase {
            RequestPhase::Waiting => &mut self.waiting,
            RequestPhase::Asking => &mut self.asking,
        }
    }
}

/// A request in one phase.
#[derive(Debug)]
pub struct PhaseGuard<'a> {
    clock: &'a WaitClock,
    phase: RequestPhase,
}

impl Drop for PhaseGuard<'_> {
    fn drop(&mut self) {
        self.clock.change(|state| *state.count(self.phase) -= 1);
    }
}

#[cfg(test)]
mod tests {
    use super::RequestPhase::{Asking, Waiting};
    use super::*;

    #[test]
    fn stands_still_while_all_requests_wait() {
        let clock = WaitClock::new(Duration::from_mins(1));
        let stopped = clock.subscribe();
        let is_stopped = || *stopped.borrow();
        assert!(!is_stopped());
        let first = clock.enter(Waiting);
        let second = clock.enter(Waiting);
        assert!(is_stopped());
        drop(first);
        assert!(is_stopped(), "the other one still waits");
        let asking = clock.enter(Asking);
        assert!(!is_stopped(), "an agent that fills its own queue does not stop its clock");
        drop(asking);
        assert!(is_stopped());
        drop(second);
        assert!(!is_stopped());
    }

    #[test]
    fn knows_how_much_longer_it_may_stand_still() {
        let clock = WaitClock::new(Duration::from_mins(1));
        assert_eq!(clock.left(), Duration::from_mins(1));
        let waiting = clock.enter(Waiting);
        let during = clock.left();
        assert!(during < Duration::from_mins(1));
        drop(waiting);
        assert!(clock.left() <= during, "what it stood is not forgotten");
        assert_eq!(WaitClock::new(Duration::ZERO).left(), Duration::ZERO);
    }
}
