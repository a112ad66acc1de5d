//! The audit: some trials are run again by another worker. Where two workers differ, this machine decides.
//!
//! A worker that lied is named, all its records are void, and their trials run again elsewhere.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use harness::Fault;
use harness::round::book::{RecordOrigin, ScoresByAgent};
use harness::round::dispatch::MAX_DELIVERIES;
use harness::round::lease::ContainerLease;
use harness::round::results::{Lookup, Results};
use harness::round::runner::{AgentTrial, TrialRunner};
use harness::trial::place::{TrialPlace, TrialSlot};
use harness::trial::record::TrialRecord;
use tasks::Sha256;

use crate::coordinator::decisive::PlaceMoney;
use crate::coordinator::desk::{AuditDispute, Desk, OpenAudit};
use crate::coordinator::outcome::{ARBITER_RUNS, ClaimStanding, DisputeDecision, decide};
use crate::coordinator::publish::{publish_unpublished, send};
use crate::coordinator::results::confirm;
use crate::identity::WorkerId;
use crate::streams::{self, BATCHES};
use crate::wire::{BatchMessage, PlaceMessage, WIRE_VERSION};

/// How often a missing auditor is reported.
const REPORT: Duration = Duration::from_secs(30);
/// Heartbeats that a worker may miss before it counts as gone.
pub const BEATS: u32 = 5;

/// Returns the agents that get a reward for their place with these scores, by their indices.
pub type PaidByScores =
    Arc<dyn Fn(&ScoresByAgent) -> std::collections::BTreeSet<usize> + Send + Sync>;

/// Which trials are audited.
#[derive(Clone)]
pub struct AuditPlan {
    /// The share of the trials that is drawn at random, between 0 and 1
    pub share: f64,
    /// Whose places are worth money; their decisive trials are always audited
    pub paid: PaidByScores,
}

/// Audits a round all of whose trials ended, until nothing is left to audit. Trials whose records are void run again in
/// between; `complete` waits for them.
pub async fn audit(
    desk: &Desk,
    plan: &AuditPlan,
    complete: impl AsyncFn() -> Result<(), Fault>,
) -> Result<(), Fault> {
    // Which trials are drawn must not be known to workers.
    let secret = format!("{:032x}", rand::random::<u128>());
    loop {
        complete().await?;
        let due = due(desk, plan, &secret).await;
        if due.is_empty() {
            return Ok(());
        }
        assign(desk, due).await?;
        wait(desk).await?;
        let disputes = std::mem::take(&mut *desk.disputes());
        for dispute in disputes {
            settle(desk, dispute).await?;
        }
    }
}

/// The trials to audit, by agent and by the worker that ran them.
async fn due(
    desk: &Desk,
    plan: &AuditPlan,
    secret: &str,
) -> BTreeMap<(usize, WorkerId), Vec<TrialPlace>> {
    let scores = desk.book.scores().await;
    let paid = (plan.paid)(&scores);
    let round = &desk.book.plan;
    let money =
        PlaceMoney { scores: &scores, paid: &paid, tasks: &round.tasks, repeat: round.repeat };
    let decisive = money.decisive();
    let ledger = desk.ledger();
    let mut due = BTreeMap::<_, Vec<_>>::new();
    for slot in ledger.unaudited() {
        let Some(worker) = ledger.ran_by(slot) else { continue };
        // Miners with the same source share a record, and each of them may win money by it.
        let source = &round.agents[slot.agent].sha256;
        let decides = ledger
            .agents_with(source)
            .iter()
            .any(|agent| decisive.contains(&TrialSlot { agent: *agent, ..slot }));
        if decides || is_drawn(plan.share, &format!("{secret} {slot:?} {worker}")) {
            due.entry((slot.agent, worker.clone())).or_default().push(slot.place);
        }
    }
    due
}

/// Draws with a probability, the same for the same text.
fn is_drawn(share: f64, text: &str) -> bool {
    let digest = Sha256::of(text.as_bytes());
    let number = u32::from_str_radix(&digest.as_str()[..8], 16).expect("a digest is hex digits");
    f64::from(number) < share * f64::from(u32::MAX)
}

async fn assign(
    desk: &Desk,
    due: BTreeMap<(usize, WorkerId), Vec<TrialPlace>>,
) -> Result<(), Fault> {
    for ((agent, worker), places) in due {
        let auditor = auditor(desk, &worker).await;
        open(
            desk,
            OpenAudit { agent, auditor, missing: places, generation: 0, subject: String::new() },
        )
        .await?;
    }
    Ok(())
}

/// Publishes a batch of the audit.
async fn open(desk: &Desk, audit: OpenAudit) -> Result<(), Fault> {
    let agent = &desk.book.plan.agents[audit.agent];
    let spec = desk.spec.clone();
    let batch = BatchMessage {
        wire: WIRE_VERSION,
        spec,
        miner_id: agent.miner_id.clone(),
        agent_sha256: agent.sha256.clone(),
        trials: audit.missing.iter().copied().map(PlaceMessage::from).collect(),
        generation: audit.generation,
        number: rand::random(),
        only: Some(audit.auditor.clone()),
    };
    let subject = batch.subject();
    desk.audits().insert(batch.key(), OpenAudit { subject, ..audit });
    send(desk, &batch).await
}

/// Waits for a worker other than this one that can run trials; the one with the fewest audits.
async fn auditor(desk: &Desk, but: &WorkerId) -> WorkerId {
    let mut reported = None::<Instant>;
    loop {
        let chosen = {
            let (presence, audits) = (desk.presence(), desk.audits());
            let ledger = desk.ledger();
            let load = |id: &WorkerId| audits.values().filter(|a| a.auditor == *id).count();
            let able = presence.iter().filter(|(id, known)| {
                *id != but
                    && !ledger.is_void(id)
                    && known.beat.refuses.is_none()
                    && known.seen.elapsed() < desk.timing.heartbeat * BEATS
            });
            able.map(|(id, _)| id).min_by_key(|id| load(id)).cloned()
        };
        if let Some(chosen) = chosen {
            return chosen;
        }
        if reported.is_none_or(|at| at.elapsed() > REPORT) {
            desk.warn(format!(
                "the audit waits for a worker other than {}; start one with 'arena work'",
                desk.named(but)
            ));
            reported = Some(Instant::now());
        }
        tokio::time::sleep(desk.timing.heartbeat).await;
    }
}

/// Waits until every batch of the audit ended. Those of a worker that is gone are given to another one.
async fn wait(desk: &Desk) -> Result<(), Fault> {
    loop {
        let notified = desk.changed.notified();
        if desk.audits().is_empty() {
            return Ok(());
        }
        tokio::select! {
            () = notified => continue,
            () = tokio::time::sleep(desk.timing.reconcile) => {}
        }
        for (key, audit) in stuck(desk).await {
            reassign(desk, &key, audit).await?;
        }
    }
}

/// The batches of the audit whose worker is gone, or that were delivered too often or acknowledged without results.
async fn stuck(desk: &Desk) -> Vec<(Sha256, OpenAudit)> {
    let audits: Vec<_> = desk.audits().iter().map(|(k, a)| (k.clone(), a.clone())).collect();
    let mut stuck = Vec::new();
    for (key, audit) in audits {
        let is_gone = desk.presence().get(&audit.auditor).is_none_or(|known| {
            known.seen.elapsed() >= desk.timing.heartbeat * BEATS || known.beat.refuses.is_some()
        });
        let is_void = desk.ledger().is_void(&audit.auditor);
        if is_gone || is_void || audit.subject.is_empty() || is_acknowledged(desk, &audit).await {
            stuck.push((key, audit));
        }
    }
    stuck
}

/// Whether the server has the batch no longer, nor any results that wait to be taken.
async fn is_acknowledged(desk: &Desk, audit: &OpenAudit) -> bool {
    let Ok(batches) = streams::stream(&desk.connection, BATCHES).await else { return false };
    let Ok(results) = streams::stream(&desk.connection, streams::RESULTS).await else {
        return false;
    };
    let kind = batches.get_last_raw_message_by_subject(&audit.subject).await.err();
    let is_missing = kind.is_some_and(|error| {
        error.kind() == async_nats::jetstream::stream::LastRawMessageErrorKind::NoMessageFound
    });
    is_missing && results.cached_info().state.messages == 0
}

async fn reassign(desk: &Desk, key: &Sha256, audit: OpenAudit) -> Result<(), Fault> {
    // Its last result may have come just now.
    if desk.audits().remove(key).is_none() {
        return Ok(());
    }
    if !audit.subject.is_empty()
        && let Ok(batches) = streams::stream(&desk.connection, BATCHES).await
    {
        // Otherwise it is run once more in vain.
        let _ = streams::remove(&desk.connection, &batches, &audit.subject).await;
    }
    let generation = audit.generation + 1;
    if generation >= MAX_DELIVERIES {
        let miner_id = &desk.book.plan.agents[audit.agent].miner_id;
        let batch = format!("audit of {miner_id} ({} trials)", audit.missing.len());
        let why = "none returned the trials that were to be run again".to_owned();
        let fault = Fault::Batch { batch, deliveries: generation, why };
        desk.fault(audit.agent, &audit.missing, &fault).await;
        for place in &audit.missing {
            confirm(desk, TrialSlot { agent: audit.agent, place: *place })?;
        }
        return Ok(());
    }
    let slot = TrialSlot { agent: audit.agent, place: audit.missing[0] };
    let ran_by = desk.ledger().ran_by(slot).cloned();
    let auditor = auditor(desk, &ran_by.unwrap_or_else(|| audit.auditor.clone())).await;
    open(desk, OpenAudit { auditor, generation, subject: String::new(), ..audit }).await
}

/// Runs a disputed trial here, and draws the conclusion.
async fn settle(desk: &Desk, dispute: AuditDispute) -> Result<(), Fault> {
    let AuditDispute { slot, worker, auditor, record: second } = dispute;
    let key = desk.key(slot);
    let Lookup::Hit(first) = Results::of(&desk.store).get(&key)? else { return Ok(()) };
    // Another record may be there by now, because the first one is void.
    let ran_by = desk.ledger().ran_by(slot).cloned();
    let Some(worker) = ran_by.filter(|ran_by| *ran_by == worker) else { return Ok(()) };
    let agent = &desk.book.plan.agents[slot.agent];
    let name = format!(
        "{} on {}",
        agent.miner_id,
        platform::api::trial_name(&first.task, first.repetition)
    );
    desk.warn(format!(
        "{name}: {} and {} differ; this machine runs it {ARBITER_RUNS} times",
        desk.named(&worker),
        desk.named(&auditor)
    ));
    let runs = arbiter_runs(desk, slot).await?;
    match decide(&first, &second, &runs) {
        DisputeDecision::Random => {
            desk.warn(format!("{name}: its agent answers at random, so no worker is to blame"));
            confirm(desk, slot)?;
        }
        DisputeDecision::Settled { first, second } => {
            match first {
                ClaimStanding::Right => confirm(desk, slot)?,
                ClaimStanding::Slow => replace(desk, slot, &worker, &runs[0]).await?,
                ClaimStanding::Lie => void(desk, &worker, &name).await?,
            }
            if second == ClaimStanding::Lie {
                void(desk, &auditor, &name).await?;
            }
        }
    }
    Ok(())
}

async fn arbiter_runs(desk: &Desk, slot: TrialSlot) -> Result<Vec<TrialRecord>, Fault> {
    let plan = &desk.book.plan;
    let (agent, task) = (&plan.agents[slot.agent], &plan.tasks[slot.place.task]);
    let source = agent.read().await?;
    let sandbox = desk.book.runner.sandbox();
    let runner = TrialRunner::new(sandbox.clone(), None, plan.shrinking);
    let mut runs = Vec::new();
    for _ in 0..ARBITER_RUNS {
        let mut lease = ContainerLease::new(sandbox);
        let repetition = slot.place.repetition;
        let trial = AgentTrial { agent, source: &source, task, repetition };
        let run = runner.run(trial, &mut lease, &|_| ()).await;
        lease.discard().await;
        runs.push(run?);
    }
    Ok(runs)
}

/// Puts a run of this machine in the place of a record with verdicts on time or memory that no other machine has.
async fn replace(
    desk: &Desk,
    slot: TrialSlot,
    worker: &WorkerId,
    run: &TrialRecord,
) -> Result<(), Fault> {
    let _writing = desk.writing.lock().await;
    let key = desk.key(slot);
    let aside = desk.set_aside(&key, worker)?;
    desk.write_down(&[desk.line(slot, None)])?;
    Results::of(&desk.store).put(&key, run)?;
    let agents = {
        let mut ledger = desk.ledger();
        ledger.credit(slot, None, true);
        ledger.agents_with(&run.agent_sha256).to_vec()
    };
    for agent in agents {
        desk.book.judged(TrialSlot { agent, ..slot }, run.clone(), RecordOrigin::Run).await;
    }
    desk.warn(format!(
        "{} was too slow for a trial that two machines finished in time; its record is in {}",
        desk.named(worker),
        aside
    ));
    Ok(())
}

/// Marks all records of a worker void, and publishes their trials again.
async fn void(desk: &Desk, worker: &WorkerId, trial: &str) -> Result<(), Fault> {
    if desk.ledger().is_void(worker) {
        return Ok(());
    }
    desk.note_void(worker)?;
    let trials = take_out(desk, worker).await?;
    let count: usize = trials.values().map(Vec::len).sum();
    desk.warn(format!(
        "{} sent a wrong record of {trial}: its {count} records are void and kept in {}; their trials run again",
        desk.named(worker),
        desk.store.root().join("void").join(worker.as_str()).display()
    ));
    desk.announce(false).await?;
    for agent in trials.into_keys() {
        publish_unpublished(desk, agent).await?;
    }
    Ok(())
}

/// Marks the records of workers void that lied to a coordinator before this one in the same round.
pub async fn void_again(desk: &Desk) -> Result<(), Fault> {
    for worker in desk.void_workers()? {
        take_out(desk, &worker).await?;
    }
    Ok(())
}

/// Takes the records of a worker that lied out of the store, the ledger and the scores. Returns their trials.
async fn take_out(
    desk: &Desk,
    worker: &WorkerId,
) -> Result<BTreeMap<usize, Vec<TrialPlace>>, Fault> {
    let _writing = desk.writing.lock().await;
    let trials = desk.ledger().void(worker);
    let mut lines = Vec::new();
    for (agent, places) in &trials {
        let agents = {
            let ledger = desk.ledger();
            ledger.agents_with(&desk.book.plan.agents[*agent].sha256).to_vec()
        };
        for place in places {
            let slot = TrialSlot { agent: *agent, place: *place };
            desk.set_aside(&desk.key(slot), worker)?;
            lines.push(desk.line(slot, None));
            for agent in &agents {
                desk.book.withdraw(TrialSlot { agent: *agent, place: *place }).await;
            }
        }
    }
    // Only now: after a crash, what is still there must be known as the worker's.
    desk.write_down(&lines)?;
    Ok(trials)
}
