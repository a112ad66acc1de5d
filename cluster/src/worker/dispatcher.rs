//! The dispatcher of a worker: batches come from the server, and the ends of trials go there, signed.
//!
//! A batch is acknowledged after all its results are stored on the server. Until then a sign of life every few seconds
//! keeps it; if the worker dies, the server gives it to another one.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_nats::HeaderMap;
use async_nats::header::NATS_MESSAGE_ID;
use async_nats::jetstream::AckKind;
use async_nats::jetstream::Message;
use async_nats::jetstream::consumer::{Consumer, pull};
use bytes::Bytes;
use futures_util::StreamExt as _;
use harness::Fault;
use harness::round::agent::Agent;
use harness::round::dispatch::{
    BatchLease, BatchOrder, DispatchReply, Dispatcher, TrialBatch, TrialEnd,
};
use harness::round::runner::TrialRunner;
use harness::trial::instance::RoundTask;
use harness::trial::place::TrialPlace;
use tasks::Sha256;
use tokio::sync::watch;

use crate::connection::NatsConnection;
use crate::files::{FILES, Files};
use crate::streams::{self, BATCHES, Outgoing, Timing, WORKERS, large_bucket, own_consumer};
use crate::wire::{
    BATCH_HEADER, BatchMessage, KIND_HEADER, OBJECT_HEADER, ResultKind, SIGNATURE_HEADER,
    SignedResult, WIRE_HEADER, WIRE_VERSION,
};

/// Results up to this size cross as messages, in bytes; larger ones as objects. A server takes messages of 1 MiB,
/// headers included.
const LARGE_BYTES: usize = 1_000_000;
/// How long a request for a batch waits on the server before it is made again.
const PULL: Duration = Duration::from_secs(2);
/// How long a worker does not ask again for batches of its own after there was no answer.
const OWN_MISSING: Duration = Duration::from_secs(2);
/// How long a batch that is given back waits before another worker gets it.
const GIVEN_BACK: Duration = Duration::from_millis(500);

/// Whether a worker takes more batches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorkerOrder {
    /// It takes them.
    Work,
    /// It finishes what it has, and takes no more.
    Drain,
    /// It gives back what it has after the trial that runs.
    GiveBack,
}

/// Reports what a worker does, in a sentence.
pub type WorkerListener = Arc<dyn Fn(String) + Send + Sync>;

/// What a dispatcher needs.
pub struct DispatcherParts {
    /// The server
    pub connection: NatsConnection,
    /// The waits
    pub timing: Timing,
    /// The round's specification
    pub spec: Sha256,
    /// The tasks of the round
    pub tasks: Arc<[RoundTask]>,
    /// What decides the keys of trials
    pub runner: Arc<TrialRunner>,
    /// Whether to take more
    pub order: watch::Receiver<WorkerOrder>,
    /// Receives what happens
    pub on_event: WorkerListener,
}

/// The dispatcher of a worker for one round.
pub struct NatsDispatcher {
    parts: DispatcherParts,
    shared: Consumer<pull::Config>,
    files: Files,
    leases: AtomicU64,
    held: Arc<Mutex<BTreeMap<u64, HeldBatch>>>,
    /// When to ask for a batch of its own again
    own_due: Mutex<Instant>,
}

/// A batch that this worker holds.
#[derive(Clone)]
struct HeldBatch {
    message: Arc<Message>,
    key: Sha256,
    /// Trials whose ends are not stored on the server yet
    left: usize,
}

impl NatsDispatcher {
    /// Opens the streams of a round in progress.
    pub async fn open(parts: DispatcherParts) -> Result<Self, Fault> {
        let shared = streams::consumer(&parts.connection, BATCHES, WORKERS).await?;
        let files = Files::open(&parts.connection, FILES).await?;
        let (leases, held) = (AtomicU64::new(0), Arc::default());
        let own_due = Mutex::new(Instant::now());
        Ok(Self { parts, shared, files, leases, held, own_due })
    }

    /// The number of batches that this worker holds.
    pub fn running(&self) -> usize {
        held(&self.held).len()
    }

    /// Gives signs of life for every batch that is held, forever.
    pub async fn keep_leases(&self) {
        loop {
            tokio::time::sleep(self.parts.timing.progress).await;
            let batches: Vec<_> = held(&self.held).values().cloned().collect();
            for batch in batches {
                // If the server is away, the next sign comes soon enough or the batch is lost, which is harmless.
                let _ = batch.message.ack_with(AckKind::Progress).await;
            }
        }
    }

    fn order(&self) -> WorkerOrder {
        *self.parts.order.borrow()
    }

    async fn lease(&self) -> Result<Option<BatchLease>, Fault> {
        let mut order = self.parts.order.clone();
        while self.order() == WorkerOrder::Work {
            let message = tokio::select! {
                biased;
                // A message that is pulled and dropped here comes again.
                _ = order.wait_for(|order| *order != WorkerOrder::Work) => return Ok(None),
                message = self.pull() => message,
            };
            let Some(message) = message else { continue };
            match self.lease_of(message).await? {
                PulledBatch::Leased(lease) => return Ok(Some(*lease)),
                PulledBatch::Unusable => {}
                PulledBatch::OtherRound => return Ok(None),
            }
        }
        Ok(None)
    }

    /// Waits a while for a batch.
    async fn pull(&self) -> Option<Message> {
        if let Some(own) = self.pull_own().await {
            return Some(own);
        }
        let pulled =
            self.shared.batch().max_messages(1).expires(self.timing().pull).messages().await;
        if let Ok(mut messages) = pulled {
            return messages.next().await.and_then(Result::ok);
        }
        tokio::time::sleep(GIVEN_BACK).await;
        None
    }

    /// Asks for a batch that only this worker may run.
    async fn pull_own(&self) -> Option<Message> {
        let now = Instant::now();
        if *held_instant(&self.own_due) > now {
            return None;
        }
        let connection = &self.parts.connection;
        let own = own_consumer(connection.identity.id());
        let own = format!("$JS.API.CONSUMER.MSG.NEXT.{BATCHES}.{own}");
        // Not a plain request: the reply comes on the subject of the batch, by which the client does not find requests.
        let inbox = connection.client.new_inbox();
        let mut replies = connection.client.subscribe(inbox.clone()).await.ok()?;
        let request = r#"{"batch":1,"no_wait":true}"#.into();
        connection.client.publish_with_reply(own, inbox, request).await.ok()?;
        let reply = tokio::time::timeout(self.timing().own, replies.next()).await;
        // There is no answer while the coordinator has not made the consumer yet.
        let again = if reply.is_err() { OWN_MISSING } else { self.timing().own };
        *held_instant(&self.own_due) = now + again;
        let message = reply.ok()??;
        if message.status.is_some() {
            return None;
        }
        // There may be another one.
        *held_instant(&self.own_due) = now;
        Some(Message { message, context: connection.jetstream.clone() })
    }

    fn timing(&self) -> PullTiming {
        let heartbeat = self.parts.timing.heartbeat;
        PullTiming { own: heartbeat, pull: PULL.min(heartbeat * 2) }
    }

    async fn lease_of(&self, message: Message) -> Result<PulledBatch, Fault> {
        let parsed = serde_json::from_slice::<BatchMessage>(&message.payload);
        let batch = match parsed {
            Ok(batch) if batch.wire == WIRE_VERSION => batch,
            _ => {
                (self.parts.on_event)(
                    "gave back a batch of another version of the arena".to_owned(),
                );
                give_back(&message).await;
                return Ok(PulledBatch::OtherRound);
            }
        };
        let fits = |place: &TrialPlace| place.task < self.parts.tasks.len();
        let trials: Vec<TrialPlace> = batch.trials.iter().map(|place| (*place).into()).collect();
        if batch.spec != self.parts.spec || !trials.iter().all(fits) {
            give_back(&message).await;
            return Ok(PulledBatch::OtherRound);
        }
        let id = self.leases.fetch_add(1, Ordering::Relaxed);
        let entry = HeldBatch { message: Arc::new(message), key: batch.key(), left: trials.len() };
        held(&self.held).insert(id, entry.clone());
        let source = self.files.get(&batch.agent_sha256).await;
        let source = source.ok().flatten().and_then(|bytes| String::from_utf8(bytes).ok());
        let Some(source) = source else {
            held(&self.held).remove(&id);
            let agent = &batch.miner_id;
            (self.parts.on_event)(format!("gave back {agent}: its source is not on the server"));
            give_back(&entry.message).await;
            return Ok(PulledBatch::Unusable);
        };
        (self.parts.on_event)(format!("{}: {} trials", batch.miner_id, trials.len()));
        let agent = Agent { miner_id: batch.miner_id, ..Agent::local("agent", source.clone()) };
        let batch = TrialBatch { agent, source: source.into(), trials };
        Ok(PulledBatch::Leased(Box::new(BatchLease { id, batch })))
    }

    /// Publishes the end of a trial, and waits until the server has stored it.
    async fn publish(
        &self,
        lease: &BatchLease,
        place: TrialPlace,
        end: TrialEnd,
    ) -> Result<(), Fault> {
        let Some(batch) = held(&self.held).get(&lease.id).cloned() else { return Ok(()) };
        let (kind, payload) = match &end {
            TrialEnd::Judged(record) => {
                (ResultKind::Record, serde_json::to_vec(record).expect("a record is plain data"))
            }
            TrialEnd::Faulted(fault) => (ResultKind::Fault, fault.to_string().into_bytes()),
        };
        let task = &self.parts.tasks[place.task];
        let key = &self.parts.runner.key(&lease.batch.agent, task, place.repetition);
        let result = SignedResult { key, batch: &batch.key, kind, payload: &payload };
        let identity = &self.parts.connection.identity;
        let mut headers = HeaderMap::new();
        headers.insert(WIRE_HEADER, WIRE_VERSION.to_string());
        headers.insert(KIND_HEADER, kind.name());
        headers.insert(BATCH_HEADER, batch.key.as_str());
        headers.insert(SIGNATURE_HEADER, result.sign(identity));
        let id = format!("{}.{}.{key}.{}", identity.id(), batch.key, kind.name());
        headers.insert(NATS_MESSAGE_ID, id);
        let subject = result.subject(identity.id());
        let payload = if payload.len() > LARGE_BYTES {
            headers.insert(OBJECT_HEADER, self.put_large(key, &payload).await);
            Bytes::new()
        } else {
            payload.into()
        };
        let on_wait = |why: String| (self.parts.on_event)(format!("{why}; waiting"));
        let message = Outgoing { subject, headers, payload };
        streams::publish(&self.parts.connection, &message, &on_wait).await?;
        if let Some(batch) = held(&self.held).get_mut(&lease.id) {
            batch.left = batch.left.saturating_sub(1);
        }
        Ok(())
    }

    /// Stores a large result as an object, for as long as it takes. Returns its name.
    async fn put_large(&self, key: &Sha256, payload: &[u8]) -> String {
        let connection = &self.parts.connection;
        // A name of its own: an object that exists could only be replaced with rights that a worker does not have.
        let name = format!("{key}-{:016x}", rand::random::<u64>());
        loop {
            let stored =
                match Files::open(connection, &large_bucket(connection.identity.id())).await {
                    Ok(bucket) => bucket.put_as(&name, payload).await,
                    Err(fault) => Err(fault),
                };
            match stored {
                Ok(()) => return name,
                Err(fault) => (self.parts.on_event)(format!("{fault}; waiting")),
            }
            tokio::time::sleep(PULL).await;
        }
    }

    async fn end(&self, lease: &BatchLease, fault: Option<Fault>) {
        let Some(batch) = held(&self.held).remove(&lease.id) else { return };
        match fault {
            None if batch.left == 0 => {
                // Without the server's answer the batch may come again, and its records are there already.
                let _ = batch.message.double_ack().await;
            }
            fault => {
                let why = fault.map_or_else(|| "stopping".to_owned(), |fault| fault.to_string());
                let agent = &lease.batch.agent.miner_id;
                (self.parts.on_event)(format!("gave back {agent}: {why}"));
                give_back(&batch.message).await;
            }
        }
    }
}

/// How long requests for batches take.
struct PullTiming {
    /// The longest wait for the answer about a batch of its own, and the shortest until the next question
    own: Duration,
    /// How long a request for any batch waits on the server
    pull: Duration,
}

fn held_instant(instant: &Mutex<Instant>) -> std::sync::MutexGuard<'_, Instant> {
    instant.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A pulled message.
enum PulledBatch {
    Leased(Box<BatchLease>),
    Unusable,
    OtherRound,
}

fn held(
    batches: &Mutex<BTreeMap<u64, HeldBatch>>,
) -> std::sync::MutexGuard<'_, BTreeMap<u64, HeldBatch>> {
    batches.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn give_back(message: &Message) {
    // If that does not arrive, the batch comes again when its time is up.
    let _ = message.ack_with(AckKind::Nak(Some(GIVEN_BACK))).await;
}

impl Dispatcher for NatsDispatcher {
    fn next(&self) -> DispatchReply<'_, Option<BatchLease>> {
        Box::pin(self.lease())
    }

    fn progress<'a>(&'a self, lease: &'a BatchLease) -> DispatchReply<'a, BatchOrder> {
        Box::pin(async move {
            let holds = held(&self.held).contains_key(&lease.id);
            let goes_on = holds && self.order() != WorkerOrder::GiveBack;
            Ok(if goes_on { BatchOrder::Continue } else { BatchOrder::Stop })
        })
    }

    fn deliver<'a>(
        &'a self,
        lease: &'a BatchLease,
        place: TrialPlace,
        end: TrialEnd,
    ) -> DispatchReply<'a, ()> {
        Box::pin(self.publish(lease, place, end))
    }

    fn done(&self, lease: BatchLease) -> DispatchReply<'_, ()> {
        Box::pin(async move {
            self.end(&lease, None).await;
            Ok(())
        })
    }

    fn failed(&self, lease: BatchLease, fault: Fault) -> DispatchReply<'_, ()> {
        Box::pin(async move {
            self.end(&lease, Some(fault)).await;
            Ok(())
        })
    }
}
