//! Taking results: each is checked, stored and only then acknowledged, so that a result which this process had no time
//! for comes again.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_nats::jetstream::Message;
use futures_util::StreamExt as _;
use harness::Fault;
use harness::round::book::RecordOrigin;
use harness::round::events::RoundEvent;
use harness::round::results::{Lookup, Results};
use harness::trial::place::TrialSlot;
use harness::trial::record::TrialRecord;
use tasks::Sha256;
use tokio::task::JoinSet;

use crate::coordinator::desk::{AuditDispute, Desk};
use crate::coordinator::outcome::{RunComparison, compare};
use crate::coordinator::provenance::ProvenanceLine;
use crate::coordinator::record_check::contradiction;
use crate::files::Files;
use crate::identity::WorkerId;
use crate::streams::{self, COORDINATOR, RESULTS, large_bucket};
use crate::wire::{
    BATCH_HEADER, KIND_HEADER, OBJECT_HEADER, ResultKind, SIGNATURE_HEADER, SignedResult,
    WIRE_HEADER, WIRE_VERSION,
};

/// Results that are stored together, with one wait for the disk before and after.
const TOGETHER: usize = 64;

/// A result that is what it says it is.
struct ArrivedResult {
    worker: WorkerId,
    batch: Sha256,
    signature: String,
    key: Sha256,
    slot: TrialSlot,
    end: ArrivedEnd,
}

/// How the trial ended on the worker.
enum ArrivedEnd {
    Record(Box<TrialRecord>),
    Fault(String),
}

/// Takes results for as long as the round lasts.
pub async fn take_results(desk: &Desk) -> Result<(), Fault> {
    loop {
        let consumer = streams::consumer(&desk.connection, RESULTS, COORDINATOR).await;
        let Ok(consumer) = consumer else {
            tokio::time::sleep(desk.timing.reconcile).await;
            continue;
        };
        let Ok(messages) = consumer.messages().await else { continue };
        let mut chunks = messages.ready_chunks(TOGETHER);
        while let Some(chunk) = chunks.next().await {
            let count = chunk.len();
            let messages: Vec<Message> = chunk.into_iter().filter_map(Result::ok).collect();
            let is_broken = messages.len() < count;
            take_chunk(desk, messages).await?;
            if is_broken {
                break;
            }
        }
    }
}

async fn take_chunk(desk: &Desk, messages: Vec<Message>) -> Result<(), Fault> {
    let mut arrived = Vec::new();
    for message in &messages {
        match examine(desk, message).await {
            Ok(result) => arrived.push(result),
            Err(ResultRefusal::Reported(why)) => desk.warn(why),
            // It is read again when the server answers again.
            Err(ResultRefusal::Later) => return Ok(()),
            Err(ResultRefusal::Void) => {}
        }
    }
    store(desk, arrived).await?;
    for message in &messages {
        // Without the acknowledgement the result comes again, and is known then.
        let _ = message.ack().await;
        if let Some(name) = header(message, OBJECT_HEADER)
            && let Some(worker) = worker_of(message)
            && let Ok(files) = Files::open(&desk.connection, &large_bucket(&worker)).await
        {
            let _ = files.delete(name).await;
        }
    }
    Ok(())
}

/// Why a result is not taken.
enum ResultRefusal {
    Reported(String),
    Later,
    Void,
}

fn header<'a>(message: &'a Message, name: &str) -> Option<&'a str> {
    message.headers.as_ref()?.get(name).map(async_nats::HeaderValue::as_str)
}

fn worker_of(message: &Message) -> Option<WorkerId> {
    let worker = message.subject.split('.').nth(1)?;
    WorkerId::try_from(worker.to_owned()).ok()
}

/// Checks who sent a result, and that its key is that of a trial of the round.
async fn examine(desk: &Desk, message: &Message) -> Result<ArrivedResult, ResultRefusal> {
    let refused = |why: &str| {
        ResultRefusal::Reported(format!("refused a result on {}: {why}", message.subject))
    };
    let worker = worker_of(message).ok_or_else(|| refused("it is not of a worker"))?;
    if desk.ledger().is_void(&worker) {
        return Err(ResultRefusal::Void);
    }
    if header(message, WIRE_HEADER) != Some(&WIRE_VERSION.to_string()) {
        return Err(refused("it is of another version of the arena"));
    }
    let digest = |text: Option<&str>| text.and_then(|text| text.parse::<Sha256>().ok());
    let key = digest(message.subject.rsplit('.').next()).ok_or_else(|| refused("it has no key"))?;
    let batch =
        digest(header(message, BATCH_HEADER)).ok_or_else(|| refused("it names no batch"))?;
    let kind = header(message, KIND_HEADER).and_then(ResultKind::named);
    let kind = kind.ok_or_else(|| refused("it is neither a record nor a fault"))?;
    let payload = payload(desk, message, &worker).await?;
    let result = SignedResult { key: &key, batch: &batch, kind, payload: &payload };
    let signature = header(message, SIGNATURE_HEADER).unwrap_or_default().to_owned();
    if !result.is_signed_by(&worker, &signature) {
        return Err(refused("its signature is not the worker's"));
    }
    let (slot, end) = match kind {
        ResultKind::Record => {
            let record: TrialRecord =
                serde_json::from_slice(&payload).map_err(|_| refused("it holds no record"))?;
            let TrialRecord { agent_sha256, task, repetition, .. } = &record;
            let slot = desk.ledger().slot_of(agent_sha256, task, *repetition);
            let slot = slot.ok_or_else(|| refused("its trial is not in this round"))?;
            let task = &desk.book.plan.tasks[slot.place.task];
            if let Some(why) = contradiction(&record, task, &desk.environment) {
                return Err(refused(why));
            }
            (slot, ArrivedEnd::Record(Box::new(record)))
        }
        ResultKind::Fault => {
            let slot = slot_in_batch(desk, &batch, &key);
            let slot = slot.ok_or_else(|| refused("its batch is not out"))?;
            (slot, ArrivedEnd::Fault(String::from_utf8_lossy(&payload).into_owned()))
        }
    };
    if desk.key(slot) != key {
        return Err(refused("its key is not that of its trial"));
    }
    Ok(ArrivedResult { worker, batch, signature, key, slot, end })
}

async fn payload(
    desk: &Desk,
    message: &Message,
    worker: &WorkerId,
) -> Result<Vec<u8>, ResultRefusal> {
    let Some(name) = header(message, OBJECT_HEADER) else { return Ok(message.payload.to_vec()) };
    let files = Files::open(&desk.connection, &large_bucket(worker)).await;
    let files = files.map_err(|_| ResultRefusal::Later)?;
    match files.get_named(name).await {
        Ok(Some(bytes)) => Ok(bytes),
        Ok(None) => Err(ResultRefusal::Reported(format!(
            "refused a result on {}: its object {name} is missing",
            message.subject
        ))),
        Err(_) => Err(ResultRefusal::Later),
    }
}

/// The trial with a key among those of a batch that is out.
fn slot_in_batch(desk: &Desk, batch: &Sha256, key: &Sha256) -> Option<TrialSlot> {
    let slots: Vec<TrialSlot> = {
        let audits = desk.audits();
        if let Some(audit) = audits.get(batch) {
            let slot = |place: &_| TrialSlot { agent: audit.agent, place: *place };
            audit.missing.iter().map(slot).collect()
        } else {
            drop(audits);
            let ledger = desk.ledger();
            let open = ledger.batches().get(batch)?;
            let slot = |place: &crate::wire::PlaceMessage| TrialSlot {
                agent: open.agent,
                place: (*place).into(),
            };
            open.missing.iter().map(slot).collect()
        }
    };
    slots.into_iter().find(|slot| desk.key(*slot) == *key)
}

/// Stores the new records among these, and counts all.
async fn store(desk: &Desk, arrived: Vec<ArrivedResult>) -> Result<(), Fault> {
    // No worker is found out between this look at the ledger and the moment when its records are in it.
    let _writing = desk.writing.lock().await;
    let (mut new, mut slots) = (Vec::new(), BTreeSet::new());
    for result in arrived {
        if desk.ledger().is_void(&result.worker) {
            continue;
        }
        let is_audit = desk.audits().contains_key(&result.batch);
        match result.end {
            _ if is_audit => audited(desk, result)?,
            ArrivedEnd::Fault(ref text) => faulted(desk, &result, text),
            ArrivedEnd::Record(_) => {
                let is_new = desk.ledger().is_missing(result.slot) && slots.insert(result.slot);
                if is_new {
                    new.push(result);
                } else {
                    desk.ledger().ended(&result.batch, result.slot.place, None);
                }
            }
        }
    }
    if new.is_empty() {
        return Ok(());
    }
    let line = |result: &ArrivedResult| ProvenanceLine {
        batch: Some(result.batch.clone()),
        signature: result.signature.clone(),
        ..desk.line(result.slot, Some(result.worker.clone()))
    };
    desk.write_down(&new.iter().map(line).collect::<Vec<_>>())?;
    let results = Results::of(&desk.store);
    let mut writing = JoinSet::new();
    let new: Vec<_> = new.into_iter().map(Arc::new).collect();
    for result in &new {
        let (results, result) = (results.clone(), Arc::clone(result));
        writing.spawn_blocking(move || match &result.end {
            ArrivedEnd::Record(record) => results.put(&result.key, record),
            ArrivedEnd::Fault(_) => Ok(()),
        });
    }
    while let Some(written) = writing.join_next().await {
        // A record that cannot be kept would be lost again and again: that ends the round.
        written.expect("writing a file does not panic")?;
    }
    drop(writing);
    for result in new {
        count(desk, &result).await;
    }
    desk.changed.notify_waiters();
    Ok(())
}

async fn count(desk: &Desk, result: &ArrivedResult) {
    let ArrivedEnd::Record(record) = &result.end else { return };
    let agents = {
        let mut ledger = desk.ledger();
        ledger.credit(result.slot, Some(&result.worker), false);
        ledger.ended(&result.batch, result.slot.place, None);
        ledger.agents_with(&record.agent_sha256).to_vec()
    };
    for agent in agents {
        desk.book
            .judged(TrialSlot { agent, ..result.slot }, (**record).clone(), RecordOrigin::Run)
            .await;
    }
    // Last, because the round is over when nothing is missing.
    desk.ledger().found(result.slot);
}

fn faulted(desk: &Desk, result: &ArrivedResult, text: &str) {
    let TrialSlot { agent, place } = result.slot;
    desk.ledger().ended(&result.batch, place, Some(text.to_owned()));
    desk.book.emit(RoundEvent::Retrying {
        miner_id: desk.book.plan.agents[agent].miner_id.clone(),
        task: desk.book.plan.tasks[place.task].id().clone(),
        fault: format!("on {}: {text}", desk.named(&result.worker)),
    });
}

/// Compares what the audit found with the record in the store.
fn audited(desk: &Desk, result: ArrivedResult) -> Result<(), Fault> {
    let ArrivedResult { worker, batch, key, slot, end, .. } = result;
    let is_expected = desk
        .audits()
        .get(&batch)
        .is_some_and(|audit| audit.auditor == worker && audit.missing.contains(&slot.place));
    let ArrivedEnd::Record(again) = end else { return Ok(()) };
    if !is_expected {
        return Ok(());
    }
    let first = match Results::of(&desk.store).get(&key)? {
        Lookup::Hit(record) => Some(record),
        Lookup::Miss | Lookup::Corrupt(_) => None,
    };
    if let Some(first) = first {
        if compare(&first, &again) == RunComparison::Same {
            confirm(desk, slot)?;
        } else {
            let ran_by = desk.ledger().ran_by(slot).cloned();
            let dispute =
                |first| AuditDispute { slot, worker: first, auditor: worker, record: again };
            desk.disputes().extend(ran_by.map(dispute));
        }
    }
    let mut audits = desk.audits();
    if let Some(audit) = audits.get_mut(&batch) {
        audit.missing.retain(|place| *place != slot.place);
        if audit.missing.is_empty() {
            audits.remove(&batch);
        }
    }
    drop(audits);
    desk.changed.notify_waiters();
    Ok(())
}

/// Notes that another run has confirmed a record.
pub fn confirm(desk: &Desk, slot: TrialSlot) -> Result<(), Fault> {
    let worker = desk.ledger().ran_by(slot).cloned();
    desk.write_down(&[ProvenanceLine { audited: true, ..desk.line(slot, worker.clone()) }])?;
    desk.ledger().credit(slot, worker.as_ref(), true);
    Ok(())
}
