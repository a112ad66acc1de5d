//! A round from the coordinator's side: lead, publish what is missing, take results, audit, and say that it is over.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Instant;

use futures_util::StreamExt as _;
use harness::Fault;
use harness::round::book::{RoundBook, RoundOutcome};
use harness::round::events::{RoundEvent, RoundListener};
use harness::round::plan::RoundPlan;
use harness::round::results::Environment;
use harness::round::runner::TrialRunner;
use harness::sandbox::Sandbox;
use platform::store::Store;
use tasks::TaskId;
use tokio::sync::Notify;

use crate::connection::NatsConnection;
use crate::coordinator::audit::{AuditPlan, audit, void_again};
use crate::coordinator::desk::{Desk, Presence};
use crate::coordinator::lead::{self, LeaderLease, LeaderRecord};
use crate::coordinator::ledger::Ledger;
use crate::coordinator::provenance::Provenance;
use crate::coordinator::publish::{adopt, publish_missing, put, reconcile, take_lost};
use crate::coordinator::results::take_results;
use crate::files::{FILES, Files};
use crate::identity::WorkerId;
use crate::status::{self, StatusWriter};
use crate::streams::{self, Capacity, Timing};
use crate::wire::{Heartbeat, RoundSpec};

/// A coordinator.
pub struct Coordinator {
    /// The server
    pub connection: NatsConnection,
    /// The waits
    pub timing: Timing,
    /// The limits of the streams
    pub capacity: Capacity,
    /// This machine's name
    pub host: String,
    /// The store
    pub store: Store,
    /// What workers need to know
    pub spec: RoundSpec,
    /// The files that the specification names: benchmarks
    pub files: Vec<Vec<u8>>,
    /// What is audited; nothing if none
    pub audit: Option<AuditPlan>,
}

impl Coordinator {
    /// Runs a round on the workers of the server. The plan's tasks are proven; its sandbox decides disputes.
    pub async fn run(
        self,
        sandbox: &Sandbox,
        plan: RoundPlan,
        on_event: RoundListener,
    ) -> Result<RoundOutcome, Fault> {
        // The futures of all loops together are large.
        Box::pin(self.run_loops(sandbox, plan, on_event)).await
    }

    async fn run_loops(
        self,
        sandbox: &Sandbox,
        plan: RoundPlan,
        on_event: RoundListener,
    ) -> Result<RoundOutcome, Fault> {
        let Self { connection, timing, capacity, .. } = &self;
        streams::ensure(connection, *timing, *capacity).await?;
        let record = LeaderRecord { round: self.spec.round.clone(), host: self.host.clone() };
        let on_wait = |leader: &LeaderRecord| {
            on_event(RoundEvent::Warning(format!(
                "round {} on {} leads at this server; waiting until it ends ('arena round status' shows it)",
                leader.round, leader.host
            )));
        };
        let lease = LeaderLease::take(connection, record, *timing, &on_wait).await?;
        let desk = self.desk(sandbox, plan, on_event)?;
        let files = streams::retried(|| Files::open(&desk.connection, FILES)).await?;
        let worked = tokio::select! {
            ended = self.lead(&desk, &files) => ended,
            fault = lease.keep() => Err(fault),
            ended = take_results(&desk) => ended,
            ended = reconcile(&desk) => ended,
            ended = watch_workers(&desk) => ended,
            () = StatusWriter::new(&desk).write() => unreachable!("writing the status does not end"),
        };
        worked?;
        desk.announce(true).await?;
        status::write_last(&desk).await?;
        // Sources and the specification, which contains the seed, are not needed any more.
        if let Ok(stored) = streams::stream(&desk.connection, &format!("OBJ_{FILES}")).await {
            let _ = stored.purge().await;
        }
        lead::release(&desk.connection).await;
        Ok(desk.book.close().await)
    }

    fn desk(
        &self,
        sandbox: &Sandbox,
        plan: RoundPlan,
        on_event: RoundListener,
    ) -> Result<Desk, Fault> {
        let (_, spec) = self.spec.document();
        let ids: Vec<TaskId> = plan.tasks.iter().map(|task| task.id().clone()).collect();
        let mut ledger = Ledger::new(plan.shape(), spec.clone(), &plan.agents, &ids);
        let provenance = Provenance::open(&self.store, &self.spec.round)?;
        for line in provenance.read()? {
            if let Some(slot) = ledger.slot_of(&line.agent, &line.task, line.repetition) {
                ledger.credit(slot, line.worker.as_ref(), line.audited);
            }
        }
        let runner = TrialRunner::new(sandbox.clone(), plan.results.clone(), plan.shrinking);
        Ok(Desk {
            connection: self.connection.clone(),
            timing: self.timing,
            capacity: self.capacity,
            store: self.store.clone(),
            announcement: self.spec.announcement(),
            spec,
            environment: Environment::new(&self.spec.image, None).digest(),
            book: RoundBook::new(runner, plan, on_event),
            ledger: Mutex::new(ledger),
            writing: tokio::sync::Mutex::default(),
            provenance: Mutex::new(provenance),
            presence: Mutex::default(),
            audits: Mutex::new(HashMap::new()),
            disputes: Mutex::default(),
            changed: Notify::new(),
            started: Instant::now(),
        })
    }

    async fn lead(&self, desk: &Desk, files: &Files) -> Result<(), Fault> {
        desk.book.emit(RoundEvent::Started { trials: desk.book.trials() });
        void_again(desk).await?;
        adopt(desk, &desk.spec).await?;
        tokio::select! {
            // Only now, because the report may be on a batch of an earlier coordinator.
            ended = take_lost(desk) => ended,
            ended = self.publish(desk, files) => ended,
        }
    }

    /// Publishes the round, and waits until it is over.
    async fn publish(&self, desk: &Desk, files: &Files) -> Result<(), Fault> {
        for file in &self.files {
            put(files, desk, file).await?;
        }
        put(files, desk, &self.spec.document().0).await?;
        desk.announce(false).await?;
        publish_missing(desk, files).await?;
        match &self.audit {
            None => complete(desk).await,
            Some(plan) => audit(desk, plan, async || complete(desk).await).await,
        }
    }
}

/// Waits until every trial has a record or a fault. That is judged by the account alone.
async fn complete(desk: &Desk) -> Result<(), Fault> {
    loop {
        let changed = desk.changed.notified();
        if desk.ledger().missing() == 0 {
            return Ok(());
        }
        changed.await;
    }
}

/// Notes which workers are there, and gives each what it needs of its own.
async fn watch_workers(desk: &Desk) -> Result<(), Fault> {
    let subscribed = desk.connection.client.subscribe("alive.*").await;
    let mut beats =
        subscribed.map_err(|error| desk.connection.failed("watch the workers", error))?;
    while let Some(message) = beats.next().await {
        let worker = message.subject.strip_prefix("alive.").map(ToOwned::to_owned);
        let worker = worker.and_then(|id| WorkerId::try_from(id).ok());
        let beat = serde_json::from_slice::<Heartbeat>(&message.payload).ok();
        let (Some(worker), Some(beat)) = (worker, beat) else { continue };
        let presence = Presence { beat, seen: Instant::now() };
        let is_known = desk.presence().contains_key(&worker);
        if !is_known {
            let made =
                streams::ensure_worker(&desk.connection, &worker, desk.timing, desk.capacity).await;
            if let Err(fault) = made {
                // Its next heartbeat tries again.
                desk.warn(fault.to_string());
                continue;
            }
        }
        desk.presence().insert(worker, presence);
    }
    Err(desk
        .connection
        .failed("watch the workers", std::io::Error::other("the connection was closed")))
}
