//! How far a round is: what the coordinator writes every second, and what an onlooker makes of it.

use std::time::Duration;

use harness::Fault;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::connection::NatsConnection;
use crate::coordinator::desk::Desk;
use crate::identity::WorkerId;
use crate::streams::{self, BATCHES, RESULTS, STATE, WORKERS};
use crate::wire::STATUS_KEY;

/// What the coordinator writes under [`STATUS_KEY`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CoordinatorStatus {
    /// The round
    pub round: String,
    /// When this was written
    pub at: Timestamp,
    /// For how long this coordinator has led, in seconds
    pub seconds: f64,
    /// Trials without a record
    pub trials_missing: usize,
    /// Trials that were judged since this coordinator began
    pub trials_judged: u64,
    /// Batches whose trials do not all have records
    pub batches_open: usize,
    /// Batches whose trials all have records, since this coordinator began
    pub batches_done: u64,
    /// Batches that are run again for the audit
    pub audits_open: usize,
    /// The workers, those that are gone included
    pub workers: Vec<WorkerStatus>,
    /// Whether the round is over
    pub over: bool,
}

/// A worker in the status.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WorkerStatus {
    /// Its key
    pub id: WorkerId,
    /// Its machine
    pub host: String,
    /// Containers at work at the same time
    pub jobs: usize,
    /// Batches that it holds
    pub running: usize,
    /// Trials that it judged in this round
    pub judged: u64,
    /// Seconds since its last sign of life
    pub silent_seconds: f64,
    /// Why it takes no work, if it takes none
    pub refuses: Option<String>,
    /// Whether its records are void
    pub void: bool,
}

/// How far a round is.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RoundStatusReport {
    /// The coordinator's account; none if there was no round yet
    pub coordinator: Option<CoordinatorStatus>,
    /// Batches that no worker has
    pub waiting: u64,
    /// Batches that a worker has
    pub running: u64,
    /// Records that the coordinator has not stored yet
    pub results_waiting: u64,
    /// Seconds that the rest takes at the speed so far; none without a speed
    pub eta_seconds: Option<f64>,
}

/// Writes the status for as long as the round lasts.
pub struct StatusWriter<'a> {
    desk: &'a Desk,
}

/// How often the status is written.
const EVERY: Duration = Duration::from_secs(1);

impl<'a> StatusWriter<'a> {
    /// A writer of a coordinator's status.
    pub const fn new(desk: &'a Desk) -> Self {
        Self { desk }
    }

    /// Writes, forever.
    pub async fn write(self) {
        loop {
            // The next one is as good.
            let _ = put(self.desk, false).await;
            tokio::time::sleep(EVERY).await;
        }
    }
}

/// Writes the status of a round that is over.
pub async fn write_last(desk: &Desk) -> Result<(), Fault> {
    put(desk, true).await
}

async fn put(desk: &Desk, over: bool) -> Result<(), Fault> {
    let status = status_of(desk, over);
    desk.put_state(STATUS_KEY, serde_json::to_vec(&status).expect("it is plain data")).await
}

fn status_of(desk: &Desk, over: bool) -> CoordinatorStatus {
    let presence = desk.presence().clone();
    let audits_open = desk.audits().len();
    let ledger = desk.ledger();
    let known = ledger.workers().iter().map(|worker| worker.id.clone());
    let ids: std::collections::BTreeSet<WorkerId> = presence.keys().cloned().chain(known).collect();
    let workers: Vec<_> = ids.into_iter().map(|id| worker_status(&presence, &ledger, id)).collect();
    CoordinatorStatus {
        round: desk.announcement.round.clone(),
        at: Timestamp::now(),
        seconds: desk.started.elapsed().as_secs_f64(),
        trials_missing: ledger.missing(),
        trials_judged: ledger.judged(),
        batches_open: ledger.batches().len(),
        batches_done: ledger.batches_done(),
        audits_open,
        workers,
        over,
    }
}

fn worker_status(
    presence: &std::collections::BTreeMap<WorkerId, crate::coordinator::desk::Presence>,
    ledger: &crate::coordinator::ledger::Ledger,
    id: WorkerId,
) -> WorkerStatus {
    let (judged, void) = ledger
        .workers()
        .iter()
        .find(|worker| worker.id == id)
        .map_or((0, false), |worker| (worker.judged, worker.void));
    let there = presence.get(&id);
    let beat = there.map(|there| there.beat.clone());
    WorkerStatus {
        host: beat.as_ref().map_or_else(|| "unknown".to_owned(), |beat| beat.host.clone()),
        jobs: beat.as_ref().map_or(0, |beat| beat.jobs),
        running: beat.as_ref().map_or(0, |beat| beat.running),
        refuses: beat.and_then(|beat| beat.refuses),
        silent_seconds: there.map_or(f64::from(u32::MAX), |t| t.seen.elapsed().as_secs_f64()),
        id,
        judged,
        void,
    }
}

/// Reads how far the round of a server is.
pub async fn read(connection: &NatsConnection) -> Result<RoundStatusReport, Fault> {
    let absent = RoundStatusReport {
        coordinator: None,
        waiting: 0,
        running: 0,
        results_waiting: 0,
        eta_seconds: None,
    };
    let Ok(bucket) = connection.jetstream.get_key_value(STATE).await else { return Ok(absent) };
    let entry = bucket.get(STATUS_KEY).await;
    let entry = entry.map_err(|error| connection.failed("read the status", error))?;
    let coordinator = entry.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    // A coordinator that begins makes one after the other.
    let Ok(mut workers) = streams::consumer(connection, BATCHES, WORKERS).await else {
        return Ok(RoundStatusReport { coordinator, ..absent });
    };
    let info = workers.info().await.map_err(|e| connection.failed("count the batches", e))?;
    let (waiting, running) = (info.num_pending, info.num_ack_pending as u64);
    let results = streams::stream(connection, RESULTS).await?;
    let results_waiting = results.cached_info().state.messages;
    let eta_seconds = coordinator.as_ref().and_then(eta);
    Ok(RoundStatusReport { coordinator, waiting, running, results_waiting, eta_seconds })
}

/// Seconds that the missing trials take at the speed so far.
#[allow(clippy::cast_precision_loss, reason = "trials are millions")]
fn eta(status: &CoordinatorStatus) -> Option<f64> {
    let CoordinatorStatus { seconds, trials_judged, trials_missing, over, .. } = status;
    if *over {
        return None;
    }
    (*trials_judged > 0 && *seconds > 0.0)
        .then(|| *trials_missing as f64 * seconds / *trials_judged as f64)
}
