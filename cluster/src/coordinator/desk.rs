//! What the loops of a coordinator share.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use harness::Fault;
use harness::round::book::RoundBook;
use harness::round::events::RoundEvent;
use harness::trial::place::{TrialPlace, TrialSlot};
use harness::trial::record::TrialRecord;
use platform::store::Store;
use tasks::Sha256;
use tokio::sync::Notify;

use crate::connection::NatsConnection;
use crate::coordinator::ledger::Ledger;
use crate::coordinator::provenance::{Provenance, ProvenanceLine};
use crate::identity::WorkerId;
use crate::streams::{self, Capacity, STATE, Timing};
use crate::wire::{Announcement, Heartbeat, ROUND_KEY};

/// A worker that gave a sign of life.
#[derive(Clone, Debug)]
pub struct Presence {
    /// What it said last
    pub beat: Heartbeat,
    /// When
    pub seen: Instant,
}

/// A batch that a worker runs again for the audit.
#[derive(Clone, Debug)]
pub struct OpenAudit {
    /// The first agent with the source
    pub agent: usize,
    /// The worker that runs it
    pub auditor: WorkerId,
    /// The trials that are not confirmed yet
    pub missing: Vec<TrialPlace>,
    /// How often it was given to a worker before
    pub generation: u32,
    /// The subject of its message
    pub subject: String,
}

/// A trial that two workers ended differently.
#[derive(Clone, Debug)]
pub struct AuditDispute {
    /// The trial
    pub slot: TrialSlot,
    /// The worker whose record is in the store
    pub worker: WorkerId,
    /// The worker that ran it again
    pub auditor: WorkerId,
    /// Its record
    pub record: Box<TrialRecord>,
}

/// The state of a coordinator.
pub struct Desk {
    /// The server
    pub connection: NatsConnection,
    /// The waits
    pub timing: Timing,
    /// The limits of the streams
    pub capacity: Capacity,
    /// The store, which only this process writes
    pub store: Store,
    /// What is announced, but for the workers whose records are void
    pub announcement: Announcement,
    /// The digest of the specification
    pub spec: Sha256,
    /// The scores, and what is reported
    pub book: RoundBook,
    /// The digest of what agents run with
    pub environment: Sha256,
    /// What is missing and what is out
    pub ledger: Mutex<Ledger>,
    /// Held while records are put into the store or taken out of it, together with what the ledger says of them
    pub writing: tokio::sync::Mutex<()>,
    /// Who ran what
    pub provenance: Mutex<Provenance>,
    /// The workers that are there
    pub presence: Mutex<BTreeMap<WorkerId, Presence>>,
    /// The batches of the audit
    pub audits: Mutex<HashMap<Sha256, OpenAudit>>,
    /// What the audit found and has not settled yet
    pub disputes: Mutex<Vec<AuditDispute>>,
    /// Notified when a trial ended
    pub changed: Notify,
    /// When this process began to lead
    pub started: Instant,
}

impl Desk {
    /// The ledger.
    pub fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The workers that are there.
    pub fn presence(&self) -> MutexGuard<'_, BTreeMap<WorkerId, Presence>> {
        self.presence.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The batches of the audit.
    pub fn audits(&self) -> MutexGuard<'_, HashMap<Sha256, OpenAudit>> {
        self.audits.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the audit found.
    pub fn disputes(&self) -> MutexGuard<'_, Vec<AuditDispute>> {
        self.disputes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reports a problem that does not stop the round.
    pub fn warn(&self, text: String) {
        self.book.emit(RoundEvent::Warning(text));
    }

    /// A worker by its machine's name and the first characters of its key.
    pub fn named(&self, worker: &WorkerId) -> String {
        let host = self.presence().get(worker).map(|known| known.beat.host.clone());
        format!("{} ({worker})", host.as_deref().unwrap_or("unknown host"))
    }

    /// The trial's key.
    pub fn key(&self, slot: TrialSlot) -> Sha256 {
        self.book.key(&self.book.plan.agents[slot.agent], slot.place)
    }

    /// Writes down who ran trials. When this returns, it is on the disk.
    pub fn write_down(&self, lines: &[ProvenanceLine]) -> Result<(), Fault> {
        self.provenance.lock().unwrap_or_else(PoisonError::into_inner).add(lines)
    }

    /// A line about a trial.
    pub fn line(&self, slot: TrialSlot, worker: Option<WorkerId>) -> ProvenanceLine {
        let (agent, place) = (&self.book.plan.agents[slot.agent], slot.place);
        ProvenanceLine {
            agent: agent.sha256.clone(),
            task: self.book.plan.tasks[place.task].id().clone(),
            repetition: place.repetition,
            worker,
            batch: None,
            signature: String::new(),
            audited: false,
        }
    }

    /// Moves a record to the void ones of a worker. Returns where it is, in words.
    pub fn set_aside(&self, key: &Sha256, worker: &WorkerId) -> Result<String, Fault> {
        let provenance = self.provenance.lock().unwrap_or_else(PoisonError::into_inner);
        let path = provenance.set_aside(&self.store, key, worker)?;
        Ok(path.map_or_else(|| "no file".to_owned(), |path| path.display().to_string()))
    }

    /// Notes that the records of a worker are void, for a coordinator that takes over.
    pub fn note_void(&self, worker: &WorkerId) -> Result<(), Fault> {
        self.provenance.lock().unwrap_or_else(PoisonError::into_inner).void_worker(worker)
    }

    /// The workers of which a coordinator has noted that before.
    pub fn void_workers(&self) -> Result<Vec<WorkerId>, Fault> {
        self.provenance.lock().unwrap_or_else(PoisonError::into_inner).void_workers()
    }

    /// Announces the round, or that it is over.
    pub async fn announce(&self, over: bool) -> Result<(), Fault> {
        let workers = self.ledger().workers().to_vec();
        let void = workers.into_iter().filter(|worker| worker.void).map(|worker| worker.id);
        let round = Announcement { over, void: void.collect(), ..self.announcement.clone() };
        self.put_state(ROUND_KEY, serde_json::to_vec(&round).expect("it is plain data")).await
    }

    /// Writes a value that workers and onlookers read.
    pub async fn put_state(&self, key: &str, value: Vec<u8>) -> Result<(), Fault> {
        let bucket = streams::bucket(&self.connection, STATE).await?;
        let put = streams::retried(|| bucket.put(key, value.clone().into())).await;
        put.map(drop).map_err(|error| self.connection.failed("announce the round", error))
    }

    /// Counts trials of all agents with a source as faults.
    pub async fn fault(&self, agent: usize, places: &[TrialPlace], fault: &Fault) {
        let source = self.book.plan.agents[agent].sha256.clone();
        let agents = self.ledger().agents_with(&source).to_vec();
        for agent in agents {
            for place in places {
                let slot = TrialSlot { agent, place: *place };
                self.book.withdraw(slot).await;
                self.book.faulted(slot, fault).await;
            }
        }
        self.changed.notify_waiters();
    }
}
