//! How far a round has come, for readers who watch it: counted from the round's events, written once a second.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use platform::MinerId;
use platform::api::{ProgressState, RoundProgress};
use platform::store::Store;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use crate::round::events::{RoundEvent, RoundListener};
use crate::round::remote::PlatformSender;

/// How often the progress is written if it has changed.
const PERIOD: Duration = Duration::from_secs(1);
/// How often it is written although nothing has changed: well within [`RoundProgress::STALE`].
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How long a platform may take for the last one, so that it does not delay the end of the command.
const LAST_SEND: Duration = Duration::from_secs(5);

/// Where the progress of a round is shown.
pub struct ProgressDestination {
    /// The store of the round
    pub store: Store,
    /// The platform, if its agents are evaluated
    pub platform: Option<PlatformSender>,
    /// The id of the round
    pub round: String,
    /// Number of agents
    pub agents: usize,
}

/// Writes the progress of a round while it runs.
pub struct ProgressReporter {
    tally: Arc<Mutex<RoundTally>>,
    end: oneshot::Sender<ProgressState>,
    writing: JoinHandle<()>,
}

impl ProgressReporter {
    /// Starts to write.
    pub fn start(destination: ProgressDestination) -> Self {
        let agents_total = destination.agents as u64;
        let tally = Arc::new(Mutex::new(RoundTally { agents_total, ..RoundTally::default() }));
        let (end, ended) = oneshot::channel();
        let writing = tokio::spawn(write(destination, Arc::clone(&tally), ended));
        Self { tally, end, writing }
    }

    /// Returns a listener that counts events and passes them on.
    pub fn listener(&self, next: RoundListener) -> RoundListener {
        let tally = Arc::clone(&self.tally);
        Arc::new(move |event| {
            lock(&tally).count(&event);
            next(event);
        })
    }

    /// Writes how the round ended. When this returns, the writer has stopped.
    pub async fn end(self, state: ProgressState) {
        let _ = self.end.send(state);
        let _ = self.writing.await;
    }
}

/// Writes the progress until the round ends. A round goes on also if its progress cannot be written.
async fn write(
    destination: ProgressDestination,
    tally: Arc<Mutex<RoundTally>>,
    mut ended: oneshot::Receiver<ProgressState>,
) {
    let started_at = Timestamp::now();
    let progress = |state| lock(&tally).progress(&destination.round, started_at, state);
    let mut ticks = interval(PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut written: Option<(RoundTally, Instant)> = None;
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            state = &mut ended => {
                // Without a word the evaluation has failed.
                let progress = progress(state.unwrap_or(ProgressState::Stopped));
                let _ = timeout(LAST_SEND, publish(&destination, &progress)).await;
                return;
            }
        }
        let now = lock(&tally).clone();
        let is_known =
            written.as_ref().is_some_and(|(of, at)| *of == now && at.elapsed() < HEARTBEAT);
        if !is_known {
            publish(&destination, &progress(ProgressState::Running)).await;
            written = Some((now, Instant::now()));
        }
    }
}

async fn publish(destination: &ProgressDestination, progress: &RoundProgress) {
    let _ = destination.store.put_progress(progress);
    if let Some(platform) = &destination.platform {
        let _ = platform.send_progress(progress).await;
    }
}

/// What is done of a round.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct RoundTally {
    /// Whether the controls have proved the tasks; their trials do not count
    proven: bool,
    trials_total: u64,
    trials_done: u64,
    cached: u64,
    faults: u64,
    agents_total: u64,
    agents_done: u64,
    done_by_agent: HashMap<MinerId, u64>,
}

impl RoundTally {
    fn count(&mut self, event: &RoundEvent) {
        match event {
            RoundEvent::Proven => self.proven = true,
            _ if !self.proven => {}
            RoundEvent::Started { trials } => self.trials_total = *trials as u64,
            RoundEvent::Finished { miner_id, cached, .. } => {
                self.cached += u64::from(*cached);
                self.done(miner_id, 1);
            }
            RoundEvent::Faulted { miner_id, .. } => {
                self.faults += 1;
                self.done(miner_id, 1);
            }
            RoundEvent::Skipped { miner_id, trials } => self.done(miner_id, *trials as u64),
            RoundEvent::Retrying { .. }
            | RoundEvent::UnsoundTask { .. }
            | RoundEvent::Warning(_) => {}
        }
    }

    fn done(&mut self, miner_id: &MinerId, trials: u64) {
        self.trials_done += trials;
        let done = self.done_by_agent.entry(miner_id.clone()).or_default();
        *done += trials;
        // All agents have equally many trials, but for a part of a round.
        if Some(*done) == self.trials_total.checked_div(self.agents_total) {
            self.agents_done += 1;
        }
        if self.trials_done == self.trials_total {
            self.agents_done = self.agents_total;
        }
    }

    fn progress(&self, round: &str, started_at: Timestamp, state: ProgressState) -> RoundProgress {
        RoundProgress {
            round: round.to_owned(),
            started_at,
            updated_at: Timestamp::now(),
            trials_done: self.trials_done,
            trials_total: self.trials_total,
            cached: self.cached,
            faults: self.faults,
            agents_done: self.agents_done.min(self.agents_total),
            agents_total: self.agents_total,
            state,
        }
    }
}

fn lock(tally: &Mutex<RoundTally>) -> MutexGuard<'_, RoundTally> {
    tally.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use platform::api::TaskScore;
    use tasks::Verdict;

    use super::*;

    fn finished(miner_id: &str, cached: bool) -> RoundEvent {
        let score = TaskScore {
            verdict: Verdict::Accepted,
            score: 100.0,
            passed: 1,
            total: 1,
            cost_micro_usd: None,
            repetitions: Vec::new(),
        };
        let task = "two_sum".parse().unwrap();
        RoundEvent::Finished { miner_id: miner_id.parse().unwrap(), task, score, cached }
    }

    #[test]
    fn counts_the_agents_trials_and_not_those_of_the_controls() {
        let mut tally = RoundTally { agents_total: 2, ..RoundTally::default() };
        let events = [
            RoundEvent::Started { trials: 4 },
            finished("oracle", true),
            RoundEvent::Proven,
            RoundEvent::Started { trials: 6 },
            finished("a", true),
            finished("a", false),
            RoundEvent::Faulted {
                miner_id: "a".parse().unwrap(),
                task: "two_sum".parse().unwrap(),
                fault: "lost".to_owned(),
            },
            finished("b", false),
        ];
        for event in &events {
            tally.count(event);
        }
        let counts = |tally: &RoundTally| {
            (tally.trials_done, tally.trials_total, tally.cached, tally.faults, tally.agents_done)
        };
        assert_eq!(counts(&tally), (4, 6, 1, 1, 1));
        tally.count(&RoundEvent::Skipped { miner_id: "b".parse().unwrap(), trials: 2 });
        assert_eq!(counts(&tally), (6, 6, 1, 1, 2));
    }

    #[tokio::test]
    async fn writes_the_first_and_the_last_progress() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path()).unwrap();
        let destination = ProgressDestination {
            store: store.clone(),
            platform: None,
            round: "20260101T120000Z-5eed0007".to_owned(),
            agents: 1,
        };
        let reporter = ProgressReporter::start(destination);
        let listener = reporter.listener(Arc::new(|_| ()));
        for event in [RoundEvent::Proven, RoundEvent::Started { trials: 1 }, finished("a", false)] {
            listener(event);
        }
        reporter.end(ProgressState::Finished).await;
        let progress = store.progress().unwrap().unwrap();
        assert_eq!(progress.state, ProgressState::Finished);
        assert_eq!((progress.trials_done, progress.agents_done), (1, 1));
    }
}
