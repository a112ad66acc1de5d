//! Who leads: a coordinator holds a lease in a bucket whose values disappear when they are not renewed.

use std::time::Duration;

use async_nats::jetstream::kv::Store as Bucket;
use harness::Fault;
use serde::{Deserialize, Serialize};

use crate::connection::NatsConnection;
use crate::streams::{self, LEASE, Timing};

/// The key of the lease.
const LEADER_KEY: &str = "leader";

/// Who leads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaderRecord {
    /// The round. A store has one open round and lets one process judge it, so a leader with the same round is dead
    pub round: String,
    /// Where it runs
    pub host: String,
}

/// The lease of this coordinator.
pub struct LeaderLease {
    connection: NatsConnection,
    bucket: Bucket,
    record: LeaderRecord,
    revision: u64,
    renewal: Duration,
}

impl LeaderLease {
    /// Waits until no other coordinator leads, and takes the lease. `on_wait` gets the leader, once.
    pub async fn take(
        connection: &NatsConnection,
        record: LeaderRecord,
        timing: Timing,
        on_wait: &(dyn Fn(&LeaderRecord) + Send + Sync),
    ) -> Result<Self, Fault> {
        let bucket = streams::bucket(connection, LEASE).await?;
        let renewal = timing.lease / 3;
        let mut lease =
            Self { connection: connection.clone(), bucket, record, revision: 0, renewal };
        let mut reported = None;
        loop {
            match lease.leader().await? {
                None => lease.revision = 0,
                Some((leader, revision)) if leader.round == lease.record.round => {
                    lease.revision = revision;
                }
                Some((leader, _)) => {
                    if reported.as_ref() != Some(&leader) {
                        on_wait(&leader);
                        reported = Some(leader);
                    }
                    tokio::time::sleep(renewal).await;
                    continue;
                }
            }
            if lease.renew().await.is_ok() {
                return Ok(lease);
            }
        }
    }

    /// Who leads now, and the revision of its lease.
    async fn leader(&self) -> Result<Option<(LeaderRecord, u64)>, Fault> {
        let entry = streams::retried(|| self.bucket.entry(LEADER_KEY)).await;
        let entry = entry.map_err(|error| self.connection.failed("read the lease", error))?;
        let read = |entry: async_nats::jetstream::kv::Entry| {
            Some((serde_json::from_slice(&entry.value).ok()?, entry.revision))
        };
        Ok(entry.and_then(read))
    }

    async fn renew(&mut self) -> Result<(), async_nats::jetstream::kv::UpdateError> {
        let value = serde_json::to_vec(&self.record).expect("a lease is plain data");
        self.revision = self.bucket.update(LEADER_KEY, value.into(), self.revision).await?;
        Ok(())
    }

    /// Renews the lease until another coordinator has taken it, and returns that as a fault. A server that is away keeps
    /// everyone from leading.
    pub async fn keep(mut self) -> Fault {
        loop {
            tokio::time::sleep(self.renewal).await;
            if self.renew().await.is_ok() {
                continue;
            }
            match self.leader().await {
                Ok(Some((leader, _))) if leader != self.record => {
                    let cause = format!(
                        "the coordinator of round {} on {} has it",
                        leader.round, leader.host
                    );
                    let url = self.connection.url.clone();
                    return Fault::Queue { url, action: "keep the lease", cause };
                }
                // Renewed with an answer that was lost, or expired.
                Ok(Some((_, revision))) => self.revision = revision,
                Ok(None) => self.revision = 0,
                Err(_) => {}
            }
        }
    }
}

/// Gives the lease up, so that the next coordinator need not wait.
pub async fn release(connection: &NatsConnection) {
    if let Ok(bucket) = streams::bucket(connection, LEASE).await {
        // Otherwise it disappears by itself.
        let _ = bucket.purge(LEADER_KEY).await;
    }
}
