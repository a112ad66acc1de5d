//! A worker's life: wait for a round, check that this machine is right for it, work on it, wait for the next one.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_nats::jetstream::kv::Store as Bucket;
use harness::Fault;
use harness::round::dispatch::Dispatcher as _;
use harness::round::events::RoundListener;
use harness::round::lease::ContainerLease;
use harness::round::pool::run_workers;
use harness::round::runner::TrialRunner;
use harness::round::work::WorkTools;
use harness::sandbox::PROTOCOL_VERSION;
use harness::trial::instance::RoundTask;
use tasks::Sha256;
use tokio::sync::{Notify, watch};

use crate::connection::NatsConnection;
use crate::files::{FILES, Files};
use crate::streams::{self, STATE, Timing};
use crate::wire::{Announcement, Heartbeat, ROUND_KEY, RoundSpec, WIRE_VERSION, alive};
use crate::worker::dispatcher::{DispatcherParts, NatsDispatcher, WorkerListener, WorkerOrder};
use crate::worker::workshop::{PrepareError, PreparedRound, Workshop};

/// A worker.
pub struct Worker {
    /// The server
    pub connection: NatsConnection,
    /// The waits
    pub timing: Timing,
    /// Where trials run
    pub workshop: Arc<dyn Workshop>,
    /// Containers at work at the same time
    pub jobs: usize,
    /// The machine's name
    pub host: String,
    /// Receives what happens
    pub on_event: WorkerListener,
}

/// What a worker shares with its heartbeats.
#[derive(Default)]
struct WorkerState {
    running: AtomicUsize,
    refuses: std::sync::Mutex<Option<String>>,
}

/// How work on a round ended.
enum RoundEnd {
    /// The round is over, or another one is announced.
    Changed,
    /// The worker is to stop.
    Stopped,
}

impl Worker {
    /// Works until it is ordered to stop.
    pub async fn run(&self, order: watch::Receiver<WorkerOrder>) -> Result<(), Fault> {
        let state = Arc::new(WorkerState::default());
        let working = self.work_on_rounds(order, &state);
        tokio::select! {
            ended = working => ended,
            () = self.beat(&state) => unreachable!("heartbeats do not end"),
        }
    }

    async fn work_on_rounds(
        &self,
        mut order: watch::Receiver<WorkerOrder>,
        state: &Arc<WorkerState>,
    ) -> Result<(), Fault> {
        let mut said = None;
        loop {
            let round = tokio::select! {
                _ = order.wait_for(|order| *order != WorkerOrder::Work) => return Ok(()),
                round = self.announced() => round,
            };
            let now = round.as_ref().map(|round| (round.spec.clone(), round.void.len()));
            let is_news = said.as_ref() != Some(&now);
            said = Some(now);
            let Some(round) = round else {
                if is_news {
                    (self.on_event)("waiting for a round".to_owned());
                }
                tokio::time::sleep(self.timing.heartbeat).await;
                continue;
            };
            if !is_news && refusal(state).is_some() {
                tokio::time::sleep(self.timing.heartbeat).await;
                continue;
            }
            let prepared = tokio::select! {
                _ = order.wait_for(|order| *order != WorkerOrder::Work) => return Ok(()),
                prepared = self.prepare(&round) => prepared,
            };
            match prepared {
                Ok(prepared) => {
                    set_refusal(state, None);
                    let end = self.work_on(&round, prepared, order.clone(), state).await?;
                    if matches!(end, RoundEnd::Stopped) {
                        return Ok(());
                    }
                }
                Err(error) => {
                    (self.on_event)(format!("takes no work of round {}: {error}", round.round));
                    set_refusal(state, Some(error.to_string()));
                    if matches!(error, PrepareError::Fault(_)) {
                        // A daemon or a server that was away may be back.
                        said = None;
                        tokio::time::sleep(self.timing.ack_wait).await;
                    }
                }
            }
        }
    }

    /// The round in progress, if there is one.
    async fn announced(&self) -> Option<Announcement> {
        let bucket = streams::bucket(&self.connection, STATE).await.ok()?;
        read_announcement(&bucket).await.filter(|round| !round.over)
    }

    /// Checks everything that a record needs before any work is taken.
    async fn prepare(&self, round: &Announcement) -> Result<PreparedRound, PrepareError> {
        let refused = |text: String| Err(PrepareError::Refused(text));
        if round.wire != WIRE_VERSION || round.protocol != PROTOCOL_VERSION {
            return refused(format!(
                "it needs messages of version {} and sandbox protocol {}, and this arena has {WIRE_VERSION} and \
                 {PROTOCOL_VERSION}; run the coordinator's version",
                round.wire, round.protocol
            ));
        }
        if round.void.contains(self.connection.identity.id()) {
            return refused("an audit found wrong records of this worker".to_owned());
        }
        let here = self.workshop.image().await?;
        if round.image.split('+').next() != Some(here.as_str()) {
            return refused(format!(
                "it needs the image {}, and this machine has {here}; load the coordinator's image ('docker save' and \
                 'docker load'), or name it with --image",
                round.image
            ));
        }
        let files = Files::open(&self.connection, FILES).await?;
        let document = files.get(&round.spec).await?;
        let spec = document.as_deref().map(serde_json::from_slice::<RoundSpec>);
        match spec {
            Some(Ok(spec)) => self.workshop.prepare(&spec, &files).await,
            // A round that is over by now; the same one may be announced again.
            _ => Err(PrepareError::Fault(Fault::Queue {
                url: self.connection.url.clone(),
                action: "read the round's specification",
                cause: "it is not there".to_owned(),
            })),
        }
    }

    async fn work_on(
        &self,
        round: &Announcement,
        prepared: PreparedRound,
        outer: watch::Receiver<WorkerOrder>,
        state: &Arc<WorkerState>,
    ) -> Result<RoundEnd, Fault> {
        (self.on_event)(format!("works on round {}", round.round));
        let PreparedRound { tasks, runner } = prepared;
        let runner = Arc::new(runner);
        let (order, inner) = watch::channel(*outer.borrow());
        let parts = DispatcherParts {
            connection: self.connection.clone(),
            timing: self.timing,
            spec: round.spec.clone(),
            tasks: Arc::clone(&tasks),
            runner: Arc::clone(&runner),
            order: inner,
            on_event: Arc::clone(&self.on_event),
        };
        let dispatcher = Arc::new(NatsDispatcher::open(parts).await?);
        let job = || {
            let job = Job {
                dispatcher: Arc::clone(&dispatcher),
                runner: Arc::clone(&runner),
                tasks: Arc::clone(&tasks),
                on_event: self.retries(),
            };
            job.work()
        };
        let watching = async {
            let mut outer = outer.clone();
            loop {
                state.running.store(dispatcher.running(), Ordering::Relaxed);
                tokio::select! {
                    changed = outer.changed() => {
                        if changed.is_ok() {
                            order.send_replace(*outer.borrow_and_update());
                        } else {
                            std::future::pending::<()>().await;
                        }
                    }
                    () = tokio::time::sleep(self.timing.heartbeat) => {
                        if self.is_over(&round.spec).await {
                            order.send_if_modified(|order| {
                                let was = *order;
                                *order = if was == WorkerOrder::Work { WorkerOrder::Drain } else { was };
                                was != *order
                            });
                        }
                    }
                }
            }
        };
        let ended = tokio::select! {
            ended = run_workers(self.jobs, job) => ended.map(drop),
            () = dispatcher.keep_leases() => unreachable!("signs of life do not end"),
            () = watching => unreachable!("watching does not end"),
        };
        state.running.store(0, Ordering::Relaxed);
        runner.sandbox().cleanup().await?;
        ended?;
        let stopped = *outer.borrow() != WorkerOrder::Work;
        Ok(if stopped { RoundEnd::Stopped } else { RoundEnd::Changed })
    }

    /// Whether a round is over for this worker. A server that is away leaves it going.
    async fn is_over(&self, spec: &Sha256) -> bool {
        let Ok(bucket) = streams::bucket(&self.connection, STATE).await else { return false };
        read_announcement(&bucket).await.is_some_and(|round| {
            round.over || round.spec != *spec || round.void.contains(self.connection.identity.id())
        })
    }

    fn retries(&self) -> RoundListener {
        let on_event = Arc::clone(&self.on_event);
        Arc::new(move |event| {
            use harness::round::events::RoundEvent;
            if let RoundEvent::Retrying { miner_id, task, fault } = event {
                on_event(format!("retrying {miner_id} on {task}: {fault}"));
            }
        })
    }

    async fn beat(&self, state: &WorkerState) {
        let subject = alive(self.connection.identity.id());
        loop {
            let beat = Heartbeat {
                host: self.host.clone(),
                jobs: self.jobs,
                running: state.running.load(Ordering::Relaxed),
                refuses: refusal(state),
            };
            let payload = serde_json::to_vec(&beat).expect("a heartbeat is plain data");
            let _ = self.connection.client.publish(subject.clone(), payload.into()).await;
            tokio::time::sleep(self.timing.heartbeat.min(Duration::from_secs(2))).await;
        }
    }
}

/// One container at work, and the next one starting.
struct Job {
    dispatcher: Arc<NatsDispatcher>,
    runner: Arc<TrialRunner>,
    tasks: Arc<[RoundTask]>,
    on_event: RoundListener,
}

impl Job {
    async fn work(self) -> Result<(), Fault> {
        let Self { dispatcher, runner, tasks, on_event } = &self;
        let tools = WorkTools { dispatcher: &**dispatcher, runner, tasks, on_event };
        let mut container = ContainerLease::start(runner.sandbox());
        let mut leased = dispatcher.next().await?;
        while let Some(lease) = leased {
            // A container belongs to no agent until its first trial, so the next one can start before its batch is known.
            let ahead = ContainerLease::start(runner.sandbox());
            let present = std::mem::replace(&mut container, ahead);
            let last = Notify::new();
            // The next batch is on its way during the last trial. Earlier, it would wait here while another worker idles.
            let next = async {
                last.notified().await;
                dispatcher.next().await
            };
            ((), leased) = tokio::try_join!(tools.run_batch(lease, present, &last), next)?;
        }
        container.discard().await;
        Ok(())
    }
}

/// Reads what the coordinator announced.
pub async fn read_announcement(bucket: &Bucket) -> Option<Announcement> {
    let bytes = bucket.get(ROUND_KEY).await.ok().flatten()?;
    serde_json::from_slice(&bytes).ok()
}

fn refusal(state: &WorkerState) -> Option<String> {
    state.refuses.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
}

fn set_refusal(state: &WorkerState, reason: Option<String>) {
    *state.refuses.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = reason;
}
