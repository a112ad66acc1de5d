//! Publishing what is missing, and again what ended without records.

use std::collections::{BTreeSet, HashSet};

use async_nats::HeaderMap;
use async_nats::header::NATS_MESSAGE_ID;
use async_nats::jetstream::stream::{RawMessageErrorKind, Stream};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use harness::Fault;
use harness::round::plan::Isolation;
use harness::trial::place::{TrialPlace, TrialSlot};
use serde::Deserialize;
use tasks::Sha256;

use crate::coordinator::desk::Desk;
use crate::coordinator::ledger::EndedBatch;
use crate::files::Files;
use crate::streams::{self, BATCHES, COORDINATOR, LOST, Outgoing, RESULTS, WORKERS};
use crate::wire::{ANY, BatchMessage, PlaceMessage};

/// Agents whose records are looked up, and whose batches are published, at the same time.
const AGENTS_AT_ONCE: usize = 32;

/// Takes over the batches of this round that are on the server, and removes those of others: of a round before, or of an
/// audit, which begins anew.
pub async fn adopt(desk: &Desk, spec: &Sha256) -> Result<(), Fault> {
    let batches = streams::stream(&desk.connection, BATCHES).await?;
    let (ours, mut foreign) = (format!("{ANY}.{}.", spec.short()), Vec::new());
    let mut adopted = Vec::new();
    for subject in subjects(desk, &batches).await? {
        if subject.starts_with(&ours) {
            let stored = batches.get_last_raw_message_by_subject(&subject).await;
            // A worker may have finished it in between.
            let Ok(stored) = stored else { continue };
            adopted.extend(serde_json::from_slice::<BatchMessage>(&stored.payload).ok());
        } else {
            foreign.push(subject);
        }
    }
    let removed = foreign.iter().map(|old| streams::remove(&desk.connection, &batches, old));
    stream::iter(removed).buffer_unordered(AGENTS_AT_ONCE).try_collect::<()>().await?;
    let mut ledger = desk.ledger();
    for batch in adopted.into_iter().filter(|batch| batch.spec == *spec) {
        if let Some(agent) = ledger.agents_with(&batch.agent_sha256).first().copied() {
            ledger.adopt(&batch, agent);
        }
    }
    Ok(())
}

async fn subjects(desk: &Desk, batches: &Stream) -> Result<HashSet<String>, Fault> {
    let failed = |error| desk.connection.failed("list the batches", error);
    let listed = streams::retried(|| batches.info_with_subjects("batch.>")).await;
    let listed = listed.map_err(failed)?;
    listed.map_ok(|(subject, _)| subject).try_collect().await.map_err(failed)
}

/// Looks up the records of all agents, and publishes a batch of what each one lacks.
pub async fn publish_missing(desk: &Desk, files: &Files) -> Result<(), Fault> {
    let agents = 0..desk.book.plan.agents.len();
    let published = stream::iter(agents).map(|agent| publish_agent(desk, files, agent));
    published.buffer_unordered(AGENTS_AT_ONCE).try_collect::<()>().await
}

async fn publish_agent(desk: &Desk, files: &Files, index: usize) -> Result<(), Fault> {
    let missing = desk.book.look_up(index).await?;
    let agent = &desk.book.plan.agents[index];
    // Miners with the same source share its records.
    if desk.ledger().agents_with(&agent.sha256).first() != Some(&index) {
        return Ok(());
    }
    desk.ledger().looked_up(index, &missing);
    if missing.is_empty() {
        return Ok(());
    }
    let source = match agent.read().await {
        Ok(source) => source,
        Err(fault) => {
            for place in &missing {
                desk.ledger().found(TrialSlot { agent: index, place: *place });
            }
            desk.fault(index, &missing, &fault).await;
            return Ok(());
        }
    };
    put(files, desk, source.as_bytes()).await?;
    publish_unpublished(desk, index).await
}

/// Stores a file, for as long as it takes.
pub async fn put(files: &Files, desk: &Desk, bytes: &[u8]) -> Result<(), Fault> {
    let mut is_first = true;
    loop {
        match files.put(bytes).await {
            Ok(_) => return Ok(()),
            Err(fault) if is_first => desk.warn(format!("{fault}; waiting")),
            Err(_) => {}
        }
        is_first = false;
        tokio::time::sleep(desk.timing.heartbeat).await;
    }
}

/// Publishes the missing trials of an agent that are in no batch. Its source is on the server.
pub async fn publish_unpublished(desk: &Desk, index: usize) -> Result<(), Fault> {
    let places = desk.ledger().unpublished(index);
    let size = match desk.book.plan.isolation {
        Isolation::Agent => places.len().max(1),
        Isolation::Trial => 1,
    };
    let agents = &desk.book.plan.agents;
    for part in places.chunks(size) {
        let trials = part.iter().copied().map(PlaceMessage::from).collect();
        let batch = desk.ledger().open_batch(agents, index, trials);
        send(desk, &batch).await?;
    }
    Ok(())
}

/// Publishes a batch. A full stream is waited for.
pub async fn send(desk: &Desk, batch: &BatchMessage) -> Result<(), Fault> {
    let mut headers = HeaderMap::new();
    headers.insert(NATS_MESSAGE_ID, batch.key().as_str());
    let (subject, payload) = (batch.subject(), batch.document().into());
    let on_wait = |_| ();
    streams::publish(&desk.connection, &Outgoing { subject, headers, payload }, &on_wait).await?;
    desk.ledger().sent(&batch.key());
    Ok(())
}

/// Looks again and again for batches that the server no longer has although trials of them are missing. An
/// acknowledgement proves nothing; only records do.
pub async fn reconcile(desk: &Desk) -> Result<(), Fault> {
    let mut suspects = HashSet::new();
    loop {
        tokio::time::sleep(desk.timing.reconcile).await;
        // A server that is away is asked again.
        let Ok(Some(gone)) = gone(desk).await else {
            suspects.clear();
            continue;
        };
        // A result may be on its way while its batch is acknowledged already: what is missing twice is missing.
        let lost: Vec<_> = gone.intersection(&suspects).cloned().collect();
        for key in &lost {
            let ended = desk.ledger().end_batch(&desk.book.plan.agents, key, None);
            finish(desk, ended).await?;
        }
        suspects = gone;
    }
}

/// The batches that the server had and has no longer, or gives to no worker any more; none while results, or reports
/// on lost batches, wait to be taken.
async fn gone(desk: &Desk) -> Result<Option<HashSet<Sha256>>, Fault> {
    let open = desk.ledger().sent_batches();
    if open.is_empty() {
        return Ok(Some(open));
    }
    for waiting in [RESULTS, LOST] {
        let mut consumer = streams::consumer(&desk.connection, waiting, COORDINATOR).await?;
        let failed = |error| desk.connection.failed("count what waits to be taken", error);
        let info = consumer.info().await.map_err(failed)?;
        if info.num_pending > 0 || info.num_ack_pending > 0 {
            return Ok(None);
        }
    }
    // The server gives out nothing and waits for nothing: what it still has was delivered too often, and its report on
    // that is lost.
    let mut workers = streams::consumer(&desk.connection, BATCHES, WORKERS).await?;
    let info = workers.info().await.map_err(|e| desk.connection.failed("count the batches", e))?;
    if info.num_pending == 0 && info.num_ack_pending == 0 {
        return Ok(Some(open));
    }
    let batches = streams::stream(&desk.connection, BATCHES).await?;
    if batches.cached_info().state.messages >= open.len() as u64 {
        return Ok(Some(HashSet::new()));
    }
    let there: HashSet<Sha256> = subjects(desk, &batches)
        .await?
        .iter()
        .filter_map(|subject| subject.rsplit('.').next()?.parse().ok())
        .collect();
    Ok(Some(open.difference(&there).cloned().collect()))
}

async fn finish(desk: &Desk, ended: Option<EndedBatch>) -> Result<(), Fault> {
    match ended {
        None => Ok(()),
        Some(EndedBatch::Again(batch)) => send(desk, &batch).await,
        Some(EndedBatch::Faults { agent, places, generations, why }) => {
            let batch = batch_name(desk, agent, &places);
            let fault = Fault::Batch { batch, deliveries: generations, why };
            desk.fault(agent, &places, &fault).await;
            Ok(())
        }
    }
}

/// A batch as a fault names it.
fn batch_name(desk: &Desk, agent: usize, places: &[TrialPlace]) -> String {
    let agent = &desk.book.plan.agents[agent];
    let tasks: BTreeSet<_> =
        places.iter().map(|place| desk.book.plan.tasks[place.task].id().as_str()).collect();
    let tasks: Vec<_> = tasks.into_iter().take(3).collect();
    format!("{} ({} trials: {}...)", agent.miner_id, places.len(), tasks.join(", "))
}

/// What the server reports of a message that it delivered as often as it may.
#[derive(Deserialize)]
struct DeliveriesAdvisory {
    stream_seq: u64,
    deliveries: u32,
}

/// Turns batches that the server delivered too often into faults.
pub async fn take_lost(desk: &Desk) -> Result<(), Fault> {
    loop {
        let Ok(consumer) = streams::consumer(&desk.connection, LOST, COORDINATOR).await else {
            tokio::time::sleep(desk.timing.reconcile).await;
            continue;
        };
        let Ok(mut messages) = consumer.messages().await else { continue };
        while let Some(Ok(message)) = messages.next().await {
            if let Ok(advisory) = serde_json::from_slice::<DeliveriesAdvisory>(&message.payload)
                && !lost(desk, &advisory).await?
            {
                // It comes again.
                continue;
            }
            let _ = message.ack().await;
        }
    }
}

/// Returns whether the report was dealt with. If not, the server or this process was not ready for it.
async fn lost(desk: &Desk, advisory: &DeliveriesAdvisory) -> Result<bool, Fault> {
    let DeliveriesAdvisory { stream_seq, deliveries } = advisory;
    let Ok(batches) = streams::stream(&desk.connection, BATCHES).await else { return Ok(false) };
    let message = match batches.get_raw_message(*stream_seq).await {
        Ok(message) => message,
        // A worker that was thought dead has finished it.
        Err(error) => return Ok(error.kind() == RawMessageErrorKind::NoMessageFound),
    };
    let batch = serde_json::from_slice::<BatchMessage>(&message.payload);
    let Ok(batch) = batch else { return Ok(true) };
    if !desk.ledger().is_looked_up(&batch.key()) {
        // Which of its trials are missing is not known yet.
        return Ok(false);
    }
    let _ = batches.delete_message(*stream_seq).await;
    if batch.only.is_some() {
        // Its audit is given to another worker.
        if let Some(audit) = desk.audits().get_mut(&batch.key()) {
            audit.subject.clear();
        }
        return Ok(true);
    }
    let why = "each was lost or stopped before it had run all of its trials".to_owned();
    let ended = desk.ledger().end_batch(&desk.book.plan.agents, &batch.key(), Some(why));
    let ended = match ended {
        Some(EndedBatch::Faults { agent, places, why, .. }) => {
            Some(EndedBatch::Faults { agent, places, generations: *deliveries, why })
        }
        other => other,
    };
    finish(desk, ended).await?;
    Ok(true)
}
