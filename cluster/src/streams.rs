//! The streams of a round, and publishing to them: a message is published when the server has stored it.

use std::time::{Duration, Instant};

use async_nats::HeaderMap;
use async_nats::jetstream::consumer::pull;
use async_nats::jetstream::consumer::{AckPolicy, Consumer};
use async_nats::jetstream::context::{GetStreamError, GetStreamErrorKind, PublishErrorKind};
use async_nats::jetstream::kv;
use async_nats::jetstream::stream::{
    Config, ConsumerErrorKind, DeleteMessageErrorKind, DiscardPolicy, LastRawMessageErrorKind,
    RetentionPolicy, StorageType, Stream,
};
use bytes::Bytes;
use harness::Fault;
use harness::round::dispatch::MAX_DELIVERIES;

use crate::connection::NatsConnection;
use crate::files::FILES;
use crate::identity::WorkerId;
use crate::wire::{ANY, ONLY};

/// The stream of batches: a work queue, from which a batch disappears when a worker acknowledges it.
pub const BATCHES: &str = "ARENA_BATCHES";
/// The stream of records and faults: a work queue of the coordinator's.
pub const RESULTS: &str = "ARENA_RESULTS";
/// The stream of the server's reports on batches that were delivered too often.
pub const LOST: &str = "ARENA_LOST";
/// The bucket of what the coordinator announces.
pub const STATE: &str = "arena";
/// The bucket of the coordinator's lease. Its values disappear when they are not renewed.
pub const LEASE: &str = "arena-lease";
/// The consumer that all workers share.
pub const WORKERS: &str = "workers";
/// The consumer of the coordinator, on [`RESULTS`] and [`LOST`].
pub const COORDINATOR: &str = "coordinator";

/// How long a cluster may take until it answers again, after its start or a loss.
const ELECTION: Duration = Duration::from_secs(20);

/// The waits of a round. The defaults are those of production; tests choose shorter ones.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// How long a worker holds a batch without a sign of life
    pub ack_wait: Duration,
    /// How often a worker gives one
    pub progress: Duration,
    /// How often workers say that they are there, and ask for the round
    pub heartbeat: Duration,
    /// How often the coordinator looks for batches that ended without records
    pub reconcile: Duration,
    /// How long a coordinator leads without renewing its lease
    pub lease: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            ack_wait: Duration::from_secs(30),
            progress: Duration::from_secs(10),
            heartbeat: Duration::from_secs(2),
            reconcile: Duration::from_secs(3),
            lease: Duration::from_secs(15),
        }
    }
}

/// How much the streams hold. A publisher waits while one is full.
#[derive(Clone, Copy, Debug)]
pub struct Capacity {
    /// Batches
    pub batches: i64,
    /// Bytes of records that the coordinator has not stored yet
    pub result_bytes: i64,
    /// Servers that keep a copy of every message: 3 in a cluster of three
    pub replicas: usize,
}

impl Default for Capacity {
    fn default() -> Self {
        // A batch without its source is about 1 KB; the records of a hundred machines in a minute are about 1 GB.
        Self { batches: 20_000, result_bytes: 4 << 30, replicas: 1 }
    }
}

/// Creates what is missing of the streams and their consumers, and sets their limits.
pub async fn ensure(
    connection: &NatsConnection,
    timing: Timing,
    capacity: Capacity,
) -> Result<(), Fault> {
    let stream = |name: &str, subjects: &[&str]| Config {
        name: name.to_owned(),
        subjects: subjects.iter().map(ToString::to_string).collect(),
        retention: RetentionPolicy::WorkQueue,
        discard: DiscardPolicy::New,
        storage: StorageType::File,
        num_replicas: capacity.replicas,
        allow_direct: true,
        ..Config::default()
    };
    let advisories = format!("$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.{BATCHES}.>");
    let bucket = |name: &str| Config {
        name: format!("KV_{name}"),
        subjects: vec![format!("$KV.{name}.>")],
        max_messages_per_subject: 1,
        discard: DiscardPolicy::New,
        storage: StorageType::File,
        num_replicas: capacity.replicas,
        allow_rollup: true,
        deny_delete: true,
        allow_direct: true,
        ..Config::default()
    };
    for config in [
        Config { max_messages: capacity.batches, ..stream(BATCHES, &["batch.>"]) },
        Config { max_bytes: capacity.result_bytes, ..stream(RESULTS, &["result.*.*"]) },
        stream(LOST, &[&advisories]),
        bucket(STATE),
        Config {
            max_age: timing.lease,
            // A window longer than the age is refused.
            duplicate_window: timing.lease.min(Duration::from_secs(120)),
            ..bucket(LEASE)
        },
        object_bucket(FILES, capacity.replicas),
    ] {
        ensure_stream(connection, config).await?;
    }
    let batches = pull_consumer(WORKERS, timing);
    ensure_consumer(
        connection,
        BATCHES,
        pull::Config { filter_subject: format!("{ANY}.>"), ..batches },
    )
    .await?;
    for name in [RESULTS, LOST] {
        let unlimited = pull::Config { max_deliver: -1, ..pull_consumer(COORDINATOR, timing) };
        ensure_consumer(connection, name, unlimited).await?;
    }
    Ok(())
}

/// Creates what a worker needs of its own: a consumer of the batches that only it may run, and a bucket for records
/// that are too large for a message.
pub async fn ensure_worker(
    connection: &NatsConnection,
    worker: &WorkerId,
    timing: Timing,
    capacity: Capacity,
) -> Result<(), Fault> {
    let own = pull_consumer(&own_consumer(worker), timing);
    ensure_consumer(
        connection,
        BATCHES,
        pull::Config { filter_subject: format!("{ONLY}.{worker}.>"), ..own },
    )
    .await?;
    ensure_stream(connection, object_bucket(&large_bucket(worker), capacity.replicas)).await
}

/// The name of the consumer of the batches that only this worker may run.
pub fn own_consumer(worker: &WorkerId) -> String {
    format!("only-{worker}")
}

/// The name of the bucket of a worker's large records.
pub fn large_bucket(worker: &WorkerId) -> String {
    format!("arena-large-{worker}")
}

fn pull_consumer(name: &str, timing: Timing) -> pull::Config {
    pull::Config {
        durable_name: Some(name.to_owned()),
        ack_policy: AckPolicy::Explicit,
        ack_wait: timing.ack_wait,
        max_deliver: i64::from(MAX_DELIVERIES),
        max_ack_pending: 100_000,
        ..pull::Config::default()
    }
}

/// A bucket of objects, as every client of NATS expects it.
fn object_bucket(name: &str, num_replicas: usize) -> Config {
    Config {
        name: format!("OBJ_{name}"),
        subjects: vec![format!("$O.{name}.C.>"), format!("$O.{name}.M.>")],
        discard: DiscardPolicy::New,
        storage: StorageType::File,
        num_replicas,
        allow_rollup: true,
        allow_direct: true,
        ..Config::default()
    }
}

async fn ensure_stream(connection: &NatsConnection, config: Config) -> Result<(), Fault> {
    let created = retried(|| connection.jetstream.create_or_update_stream(config.clone())).await;
    created.map(drop).map_err(|error| connection.failed("create a stream", error))
}

async fn ensure_consumer(
    connection: &NatsConnection,
    stream: &str,
    config: pull::Config,
) -> Result<(), Fault> {
    let create = || connection.jetstream.create_consumer_on_stream(config.clone(), stream);
    let created = retried(create).await;
    created.map(drop).map_err(|error| connection.failed("create a consumer", error))
}

/// Asks again while a cluster elects its leader, or loses one of its servers.
pub async fn retried<T, E, F>(ask: impl Fn() -> F) -> Result<T, E>
where
    F: Future<Output = Result<T, E>>,
{
    retried_unless(ask, |_| false).await
}

/// The same, unless the error is the server's last word.
async fn retried_unless<T, E, F>(ask: impl Fn() -> F, is_final: impl Fn(&E) -> bool) -> Result<T, E>
where
    F: Future<Output = Result<T, E>>,
{
    let begin = Instant::now();
    loop {
        match ask().await {
            Err(error) if !is_final(&error) && begin.elapsed() < ELECTION => {
                tokio::time::sleep(WAITS[1]).await;
            }
            asked => return asked,
        }
    }
}

/// A stream that exists.
pub async fn stream(connection: &NatsConnection, name: &str) -> Result<Stream, Fault> {
    let found = retried_unless(|| connection.jetstream.get_stream(name), is_absent).await;
    found.map_err(|error| connection.failed("find a stream", error))
}

/// A consumer that exists.
pub async fn consumer(
    connection: &NatsConnection,
    stream: &str,
    name: &str,
) -> Result<Consumer<pull::Config>, Fault> {
    let find = || connection.jetstream.get_consumer_from_stream(name, stream);
    let found =
        retried_unless(find, |error| matches!(error.kind(), ConsumerErrorKind::JetStream(_)));
    found.await.map_err(|error| connection.failed("find a consumer", error))
}

/// A bucket that exists.
pub async fn bucket(connection: &NatsConnection, name: &str) -> Result<kv::Store, Fault> {
    stream(connection, &format!("KV_{name}")).await?;
    let found = retried(|| connection.jetstream.get_key_value(name)).await;
    found.map_err(|error| connection.failed("find a bucket", error))
}

/// Removes the message of a subject, if there is one.
///
/// The message alone: a purge of its subject makes nats-server 2.9 pass over everything that a consumer of the subject has
/// not delivered yet.
pub async fn remove(
    connection: &NatsConnection,
    stream: &Stream,
    subject: &str,
) -> Result<(), Fault> {
    let failed = |error: &dyn std::error::Error| {
        let cause = std::io::Error::other(error.to_string());
        connection.failed("remove a message", cause)
    };
    let message = match stream.get_last_raw_message_by_subject(subject).await {
        Ok(message) => message,
        Err(error) if error.kind() == LastRawMessageErrorKind::NoMessageFound => return Ok(()),
        Err(error) => return Err(failed(&error)),
    };
    match stream.delete_message(message.sequence).await {
        Ok(_) => Ok(()),
        // A worker may have acknowledged it in between.
        Err(error) if matches!(error.kind(), DeleteMessageErrorKind::JetStream(_)) => Ok(()),
        Err(error) => Err(failed(&error)),
    }
}

/// Whether the server has answered that there is no such stream.
fn is_absent(error: &GetStreamError) -> bool {
    matches!(error.kind(), GetStreamErrorKind::JetStream(_))
}

/// A message to be stored.
#[derive(Clone, Debug)]
pub struct Outgoing {
    /// Its subject
    pub subject: String,
    /// Its headers; a message with a known `Nats-Msg-Id` is stored once
    pub headers: HeaderMap,
    /// Its payload
    pub payload: Bytes,
}

/// The shortest and the longest wait before a message is published again.
const WAITS: [Duration; 2] = [Duration::from_millis(50), Duration::from_secs(2)];

/// Publishes a message and waits until the server has stored it, or has it already. A server that is away, or full, is
/// waited for; `on_wait` is called once with the reason.
pub async fn publish(
    connection: &NatsConnection,
    message: &Outgoing,
    on_wait: &(dyn Fn(String) + Send + Sync),
) -> Result<(), Fault> {
    let mut wait = WAITS[0];
    loop {
        let Outgoing { subject, headers, payload } = message.clone();
        let sent = connection.jetstream.publish_with_headers(subject, headers, payload).await;
        let stored = match sent {
            Ok(stored) => stored.await,
            Err(error) => Err(error),
        };
        let error = match stored {
            Ok(_) => return Ok(()),
            Err(error) if error.kind() == PublishErrorKind::MaxPayloadExceeded => {
                return Err(connection.failed("store a message", error));
            }
            Err(error) => error,
        };
        if wait == WAITS[0] {
            on_wait(connection.failed("store a message", error).to_string());
        }
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(WAITS[1]);
    }
}
