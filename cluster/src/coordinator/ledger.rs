//! What the coordinator knows of a round in progress: which trials are missing, which batches are out, and which worker
//! ran what. Pure: no server, no files.
//!
//! A trial costs a bit and two bytes here, so that ten thousand agents on sixty tasks need a few megabytes.

use std::collections::{BTreeMap, HashMap, HashSet};

use harness::round::agent::Agent;
use harness::round::dispatch::MAX_DELIVERIES;
use harness::trial::place::{RoundShape, TrialPlace, TrialSlot};
use tasks::{Sha256, TaskId};

use crate::identity::WorkerId;
use crate::wire::{BatchMessage, PlaceMessage, WIRE_VERSION};

/// A worker, by its place in the ledger.
pub type WorkerIndex = u16;

/// A batch that is out.
#[derive(Clone, Debug)]
pub struct OpenBatch {
    /// The first agent with the source
    pub agent: usize,
    /// Its trials without a record
    pub missing: Vec<PlaceMessage>,
    /// How often these trials were published before
    pub generation: u32,
    /// Whether the server has it; a full stream is waited for
    pub sent: bool,
    /// The last fault that a trial of it ended in
    pub fault: Option<String>,
}

/// What is to be done about a batch that ended with trials missing.
#[derive(Clone, Debug)]
pub enum EndedBatch {
    /// Publish its missing trials again.
    Again(BatchMessage),
    /// They were published often enough: they are faults.
    Faults {
        /// The agent
        agent: usize,
        /// The trials
        places: Vec<TrialPlace>,
        /// How often they were published
        generations: u32,
        /// Why
        why: String,
    },
}

/// A worker that delivered a record.
#[derive(Clone, Debug)]
pub struct KnownWorker {
    /// Its key
    pub id: WorkerId,
    /// Trials that it judged
    pub judged: u64,
    /// Whether its records are void
    pub void: bool,
}

/// Nothing is known of who ran a trial, or this machine ran it.
const OWN: WorkerIndex = WorkerIndex::MAX;

/// Trials of an agent.
#[derive(Default)]
struct AgentSlots {
    /// Whether it is known which trials have a record
    looked_up: bool,
    /// A bit per slot: set if the trial has no record and no fault
    missing: Vec<u64>,
    /// A bit per slot: set if the trial is in a batch that is out
    out: Vec<u64>,
    /// The worker per slot; empty while no worker ran any
    ran_by: Vec<WorkerIndex>,
    /// A bit per slot: set if another worker has confirmed the record
    audited: Vec<u64>,
}

/// The account.
pub struct Ledger {
    shape: RoundShape,
    spec: Sha256,
    tasks: HashMap<TaskId, usize>,
    sources: HashMap<Sha256, Vec<usize>>,
    agents: Vec<AgentSlots>,
    missing: usize,
    judged: u64,
    batches_done: u64,
    batches: HashMap<Sha256, OpenBatch>,
    workers: Vec<KnownWorker>,
    places: HashMap<WorkerId, WorkerIndex>,
}

impl Ledger {
    /// The account of a round of which nothing is looked up yet.
    pub fn new(shape: RoundShape, spec: Sha256, agents: &[Agent], tasks: &[TaskId]) -> Self {
        let mut sources = HashMap::<_, Vec<_>>::new();
        for (index, agent) in agents.iter().enumerate() {
            sources.entry(agent.sha256.clone()).or_default().push(index);
        }
        Self {
            shape,
            spec,
            tasks: tasks.iter().cloned().enumerate().map(|(place, id)| (id, place)).collect(),
            sources,
            agents: agents.iter().map(|_| AgentSlots::default()).collect(),
            missing: 0,
            judged: 0,
            batches_done: 0,
            batches: HashMap::new(),
            workers: Vec::new(),
            places: HashMap::new(),
        }
    }

    /// Number of trials that have neither a record nor a fault, among those that were looked up.
    pub const fn missing(&self) -> usize {
        self.missing
    }

    /// Number of trials that were missing and got a record.
    pub const fn judged(&self) -> u64 {
        self.judged
    }

    /// Number of batches that were out and got all their records.
    pub const fn batches_done(&self) -> u64 {
        self.batches_done
    }

    /// The batches that are out, by their keys.
    pub const fn batches(&self) -> &HashMap<Sha256, OpenBatch> {
        &self.batches
    }

    /// The keys of the batches that are out and that the server has, or had.
    pub fn sent_batches(&self) -> HashSet<Sha256> {
        self.batches.iter().filter(|(_, open)| open.sent).map(|(key, _)| key.clone()).collect()
    }

    /// The workers that delivered records.
    pub fn workers(&self) -> &[KnownWorker] {
        &self.workers
    }

    /// All agents with this source; miners may share one.
    pub fn agents_with(&self, source: &Sha256) -> &[usize] {
        self.sources.get(source).map_or(&[], Vec::as_slice)
    }

    /// The slot of a trial of the first agent with this source, if the round has it.
    pub fn slot_of(&self, agent: &Sha256, task: &TaskId, repetition: u32) -> Option<TrialSlot> {
        let agent = *self.agents_with(agent).first()?;
        let place = TrialPlace { task: *self.tasks.get(task)?, repetition };
        self.shape.has(place).then_some(TrialSlot { agent, place })
    }

    /// Counts the trials of an agent as missing of which no record was found.
    pub fn looked_up(&mut self, agent: usize, missing: &[TrialPlace]) {
        self.agents[agent].looked_up = true;
        self.add_missing(agent, missing);
    }

    /// Whether it is known which trials of a batch have a record. Those of a batch that was taken over are looked up later.
    pub fn is_looked_up(&self, batch: &Sha256) -> bool {
        self.batches.get(batch).is_none_or(|open| self.agents[open.agent].looked_up)
    }

    /// Counts trials of an agent as missing.
    fn add_missing(&mut self, agent: usize, places: &[TrialPlace]) {
        for place in places {
            let slot = self.shape.slot(*place);
            self.missing += usize::from(set(&mut self.agents[agent].missing, slot, true));
        }
    }

    /// Whether a trial is missing.
    pub fn is_missing(&self, TrialSlot { agent, place }: TrialSlot) -> bool {
        get(&self.agents[agent].missing, self.shape.slot(place))
    }

    /// Counts a trial as no longer missing. Returns whether it was.
    pub fn found(&mut self, TrialSlot { agent, place }: TrialSlot) -> bool {
        let was = set(&mut self.agents[agent].missing, self.shape.slot(place), false);
        self.missing -= usize::from(was);
        self.judged += u64::from(was);
        was
    }

    /// The missing trials of an agent that are not in a batch.
    pub fn unpublished(&self, agent: usize) -> Vec<TrialPlace> {
        let AgentSlots { missing, out, .. } = &self.agents[agent];
        let open = (0..self.shape.slots()).filter(|slot| get(missing, *slot) && !get(out, *slot));
        open.map(|slot| self.shape.place(slot)).collect()
    }

    /// A batch of trials of an agent, for any worker. It counts as out from now on.
    pub fn open_batch(
        &mut self,
        agents: &[Agent],
        index: usize,
        trials: Vec<PlaceMessage>,
    ) -> BatchMessage {
        let batch = self.message(agents, index, trials, 0);
        self.open(&batch, index);
        batch
    }

    fn message(
        &self,
        agents: &[Agent],
        index: usize,
        trials: Vec<PlaceMessage>,
        generation: u32,
    ) -> BatchMessage {
        BatchMessage {
            wire: WIRE_VERSION,
            spec: self.spec.clone(),
            miner_id: agents[index].miner_id.clone(),
            agent_sha256: agents[index].sha256.clone(),
            trials,
            generation,
            number: rand::random(),
            only: None,
        }
    }

    /// Counts a batch as out that the server has already.
    pub fn adopt(&mut self, batch: &BatchMessage, agent: usize) {
        self.open(batch, agent);
        self.sent(&batch.key());
    }

    /// Notes that the server has a batch.
    pub fn sent(&mut self, batch: &Sha256) {
        if let Some(open) = self.batches.get_mut(batch) {
            open.sent = true;
        }
    }

    fn open(&mut self, batch: &BatchMessage, agent: usize) {
        let BatchMessage { trials, generation, .. } = batch;
        self.mark_out(agent, trials, true);
        let missing = trials.clone();
        let open = OpenBatch { agent, missing, generation: *generation, sent: false, fault: None };
        self.batches.insert(batch.key(), open);
    }

    /// Counts the end of a trial in its batch. A batch that lacks nothing more is no longer out.
    pub fn ended(&mut self, batch: &Sha256, place: TrialPlace, fault: Option<String>) {
        let Some(open) = self.batches.get_mut(batch) else { return };
        if fault.is_some() {
            open.fault = fault;
            return;
        }
        open.missing.retain(|missing| TrialPlace::from(*missing) != place);
        let agent = open.agent;
        if open.missing.is_empty() {
            self.batches.remove(batch);
            self.batches_done += 1;
        }
        self.mark_out(agent, &[place.into()], false);
    }

    fn mark_out(&mut self, agent: usize, places: &[PlaceMessage], is_out: bool) {
        for place in places {
            set(&mut self.agents[agent].out, self.shape.slot((*place).into()), is_out);
        }
    }

    /// Ends a batch that the server no longer has. `lost` is why, if it was delivered too often.
    pub fn end_batch(
        &mut self,
        agents: &[Agent],
        key: &Sha256,
        lost: Option<String>,
    ) -> Option<EndedBatch> {
        let OpenBatch { agent, missing, generation, fault, .. } = self.batches.remove(key)?;
        self.mark_out(agent, &missing, false);
        let is_missing = |place: &TrialPlace| self.is_missing(TrialSlot { agent, place: *place });
        let places: Vec<TrialPlace> =
            missing.into_iter().map(TrialPlace::from).filter(is_missing).collect();
        if places.is_empty() {
            return None;
        }
        let generations = generation + 1;
        if lost.is_none() && generations < MAX_DELIVERIES {
            let trials = places.iter().copied().map(PlaceMessage::from).collect();
            let again = self.message(agents, agent, trials, generations);
            self.open(&again, agent);
            return Some(EndedBatch::Again(again));
        }
        for place in &places {
            self.found(TrialSlot { agent, place: *place });
        }
        let why = lost.or(fault).unwrap_or_else(|| "its workers returned no record".to_owned());
        Some(EndedBatch::Faults { agent, places, generations, why })
    }

    /// The place of a worker.
    pub fn worker(&mut self, id: &WorkerId) -> WorkerIndex {
        if let Some(index) = self.places.get(id) {
            return *index;
        }
        let index = WorkerIndex::try_from(self.workers.len()).expect("workers are thousands");
        assert!(index < OWN, "more workers than a round can have");
        self.workers.push(KnownWorker { id: id.clone(), judged: 0, void: false });
        self.places.insert(id.clone(), index);
        index
    }

    /// Whether the records of a worker are void.
    pub fn is_void(&self, id: &WorkerId) -> bool {
        self.places.get(id).is_some_and(|index| self.workers[usize::from(*index)].void)
    }

    /// Notes who ran a trial, and whether another worker has confirmed it.
    pub fn credit(&mut self, slot: TrialSlot, worker: Option<&WorkerId>, audited: bool) {
        let index = worker.map_or(OWN, |id| self.worker(id));
        let (number, slots) = (self.shape.slot(slot.place), self.shape.slots());
        let agent = &mut self.agents[slot.agent];
        if agent.ran_by.is_empty() {
            agent.ran_by = vec![OWN; slots];
        }
        let before = std::mem::replace(&mut agent.ran_by[number], index);
        set(&mut agent.audited, number, audited);
        for (index, change) in [(before, -1), (index, 1)] {
            if let Some(worker) = self.workers.get_mut(usize::from(index)) {
                worker.judged = worker.judged.saturating_add_signed(change);
            }
        }
    }

    /// The worker that ran a trial; none if this machine did.
    pub fn ran_by(&self, slot: TrialSlot) -> Option<&WorkerId> {
        let index = *self.agents[slot.agent].ran_by.get(self.shape.slot(slot.place))?;
        self.workers.get(usize::from(index)).map(|worker| &worker.id)
    }

    /// The trials with a record of a worker's that no other worker has confirmed.
    pub fn unaudited(&self) -> Vec<TrialSlot> {
        let mut found = Vec::new();
        for (agent, slots) in self.agents.iter().enumerate() {
            let ran = slots.ran_by.iter().enumerate().filter(|(_, worker)| **worker != OWN);
            let open =
                ran.filter(|(slot, _)| !get(&slots.audited, *slot) && !get(&slots.missing, *slot));
            found.extend(open.map(|(slot, _)| TrialSlot { agent, place: self.shape.place(slot) }));
        }
        found
    }

    /// Marks the records of a worker void: its trials are missing again. Returns them.
    pub fn void(&mut self, id: &WorkerId) -> BTreeMap<usize, Vec<TrialPlace>> {
        let index = self.worker(id);
        self.workers[usize::from(index)].void = true;
        let mut trials = BTreeMap::<_, Vec<_>>::new();
        for agent in 0..self.agents.len() {
            for slot in 0..self.agents[agent].ran_by.len() {
                if self.agents[agent].ran_by[slot] == index {
                    self.agents[agent].ran_by[slot] = OWN;
                    trials.entry(agent).or_default().push(self.shape.place(slot));
                }
            }
        }
        for (agent, places) in &trials {
            self.add_missing(*agent, places);
        }
        trials
    }
}

/// Sets a bit. Returns whether that changed it.
fn set(bits: &mut Vec<u64>, at: usize, value: bool) -> bool {
    if bits.len() <= at / 64 {
        bits.resize(at / 64 + 1, 0);
    }
    let (word, bit) = (&mut bits[at / 64], 1 << (at % 64));
    let was = *word & bit != 0;
    if value {
        *word |= bit;
    } else {
        *word &= !bit;
    }
    was != value
}

fn get(bits: &[u64], at: usize) -> bool {
    bits.get(at / 64).is_some_and(|word| word & (1 << (at % 64)) != 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::Identity;

    const SHAPE: RoundShape = RoundShape { tasks: 3, repeat: 2 };

    fn place(task: usize, repetition: u32) -> TrialPlace {
        TrialPlace { task, repetition }
    }

    fn agents() -> Vec<Agent> {
        ["a", "b", "a"].map(|source| Agent::local("agent", source.to_owned())).into()
    }

    fn ledger(agents: &[Agent]) -> Ledger {
        let tasks = ["two_sum", "fizz_buzz", "caesar"].map(|id| id.parse().unwrap());
        let mut ledger = Ledger::new(SHAPE, Sha256::of(b"spec"), agents, &tasks);
        ledger.looked_up(0, &[place(0, 1), place(2, 2)]);
        ledger
    }

    #[test]
    fn counts_trials_once() {
        let agents = agents();
        let mut ledger = ledger(&agents);
        assert_eq!(ledger.missing(), 2);
        ledger.add_missing(0, &[place(0, 1)]);
        assert_eq!(ledger.missing(), 2);
        let slot = ledger.slot_of(&agents[2].sha256, &"caesar".parse().unwrap(), 2).unwrap();
        assert_eq!(slot, TrialSlot { agent: 0, place: place(2, 2) }, "the source is agent 0's");
        assert!(ledger.found(slot) && !ledger.found(slot));
        assert_eq!(ledger.missing(), 1);
        for (task, repetition) in [("caesar", 3), ("caesar", 0), ("unknown", 1)] {
            let task = task.parse().unwrap();
            assert_eq!(ledger.slot_of(&agents[0].sha256, &task, repetition), None);
        }
        assert_eq!(ledger.agents_with(&agents[0].sha256), [0, 2]);
    }

    /// What waits in front of a full stream is not lost, although the server does not have it.
    #[test]
    fn a_batch_is_sent_when_the_server_has_it() {
        let agents = agents();
        let mut ledger = ledger(&agents);
        let [first, second] = [place(0, 1), place(2, 2)].map(PlaceMessage::from);
        let waiting = ledger.open_batch(&agents, 0, vec![first]);
        assert_eq!((ledger.sent_batches().len(), ledger.batches().len()), (0, 1));
        ledger.sent(&waiting.key());
        assert_eq!(ledger.sent_batches(), HashSet::from([waiting.key()]));
        // What comes again waits as well.
        let Some(EndedBatch::Again(again)) = ledger.end_batch(&agents, &waiting.key(), None) else {
            panic!("it was published once");
        };
        assert_eq!((ledger.sent_batches().len(), ledger.batches().len()), (0, 1));
        assert_ne!(again.key(), waiting.key());
        assert!(ledger.is_looked_up(&again.key()));
        // What an earlier coordinator published is there.
        let adopted = BatchMessage { trials: vec![second], number: 7, ..again };
        ledger.adopt(&adopted, 1);
        assert_eq!(ledger.sent_batches(), HashSet::from([adopted.key()]));
        assert!(!ledger.is_looked_up(&adopted.key()));
        ledger.looked_up(1, &[place(2, 2)]);
        assert!(ledger.is_looked_up(&adopted.key()));
    }

    #[test]
    fn a_batch_comes_again_with_what_is_missing_and_becomes_faults_in_the_end() {
        let agents = agents();
        let mut ledger = ledger(&agents);
        let trials = ledger.unpublished(0).into_iter().map(PlaceMessage::from).collect();
        let mut key = ledger.open_batch(&agents, 0, trials).key();
        assert_eq!(ledger.unpublished(0), []);
        ledger.found(TrialSlot { agent: 0, place: place(0, 1) });
        ledger.ended(&key, place(0, 1), None);
        ledger.ended(&key, place(2, 2), Some("no daemon".to_owned()));
        for generation in 1..MAX_DELIVERIES {
            let Some(EndedBatch::Again(again)) = ledger.end_batch(&agents, &key, None) else {
                panic!("generation {generation}")
            };
            assert_eq!((again.generation, &*again.trials), (generation, &[PlaceMessage(2, 2)][..]));
            key = again.key();
        }
        ledger.ended(&key, place(2, 2), Some("no daemon".to_owned()));
        let Some(EndedBatch::Faults { places, generations, why, .. }) =
            ledger.end_batch(&agents, &key, None)
        else {
            panic!("it was published often enough")
        };
        assert_eq!((&*places, generations, &*why), (&[place(2, 2)][..], 4, "no daemon"));
        assert_eq!(ledger.missing(), 0);
        assert!(ledger.end_batch(&agents, &key, None).is_none());
    }

    #[test]
    fn a_batch_that_was_delivered_too_often_is_not_published_again() {
        let agents = agents();
        let mut ledger = ledger(&agents);
        let key = ledger.open_batch(&agents, 0, vec![PlaceMessage(0, 1), PlaceMessage(2, 2)]).key();
        let ended = ledger.end_batch(&agents, &key, Some("4 workers".to_owned()));
        assert!(matches!(ended, Some(EndedBatch::Faults { places, .. }) if places.len() == 2));
    }

    #[test]
    fn void_records_are_missing_again_and_confirmed_ones_are_not_audited_twice() {
        let agents = agents();
        let mut ledger = ledger(&agents);
        let (liar, honest) = (Identity::random(), Identity::random());
        let [first, second] = [place(0, 1), place(2, 2)].map(|place| TrialSlot { agent: 0, place });
        for (slot, worker) in [(first, liar.id()), (second, honest.id())] {
            ledger.found(slot);
            ledger.credit(slot, Some(worker), false);
        }
        assert_eq!(ledger.unaudited(), [first, second]);
        ledger.credit(second, Some(honest.id()), true);
        assert_eq!(ledger.unaudited(), [first]);
        assert_eq!(ledger.workers().iter().map(|w| w.judged).collect::<Vec<_>>(), [1, 1]);

        let void = ledger.void(liar.id());
        assert_eq!(void, BTreeMap::from([(0, vec![place(0, 1)])]));
        assert!(ledger.is_void(liar.id()) && !ledger.is_void(honest.id()));
        assert!(ledger.is_missing(first) && ledger.missing() == 1);
        assert_eq!(ledger.unaudited(), []);
        assert_eq!(ledger.unpublished(0), [place(0, 1)]);
    }
}
