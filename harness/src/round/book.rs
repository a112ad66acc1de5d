//! The account of a round: which trials are missing, the scores of the others, and who was stopped.
//!
//! Wherever trials run, here or on another machine, one account takes their ends and decides when the round is over.

use std::collections::BTreeMap;

use platform::api::{FaultRecord, StoppedAgent};
use tasks::Sha256;
use tokio::sync::Mutex;

use crate::Fault;
use crate::round::agent::Agent;
use crate::round::events::{RoundEvent, RoundListener};
use crate::round::plan::RoundPlan;
use crate::round::results::Lookup;
use crate::round::runner::TrialRunner;
use crate::round::stopping::Stopping;
use crate::scoring::rank::ScoredTask;
use crate::scoring::score::TrialScores;
use crate::trial::place::{TrialPlace, TrialSlot};
use crate::trial::record::{MinerTrial, TrialRecord};

/// The scores of agents, by their index.
pub type ScoresByAgent = BTreeMap<usize, TrialScores>;

/// The outcome of a round.
#[derive(Clone, Debug, Default)]
pub struct RoundOutcome {
    /// For each agent, by its index in the plan, the scores of its trials. Trials that ended in a fault are missing.
    pub scores: ScoresByAgent,
    /// Number of trials that were looked up
    pub cached: u64,
    /// The trials that ended in a fault
    pub faults: Vec<FaultRecord>,
    /// The agents that were stopped before all their trials
    pub stopped: Vec<StoppedAgent>,
    /// The records, if the plan does not keep them elsewhere
    pub trials: Vec<MinerTrial>,
}

/// Where a trial's record comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordOrigin {
    /// It was looked up.
    Cache,
    /// The trial was run.
    Run,
}

/// The account of a round.
pub struct RoundBook {
    /// What the round is to do
    pub plan: RoundPlan,
    /// Where trials run here, and what decides their keys
    pub runner: TrialRunner,
    on_event: RoundListener,
    outcome: Mutex<RoundOutcome>,
    stopping: Stopping,
}

impl RoundBook {
    /// The account of a round that begins.
    pub fn new(runner: TrialRunner, plan: RoundPlan, on_event: RoundListener) -> Self {
        let tasks = plan.tasks.iter().map(|task| ScoredTask::from(&task.task)).collect();
        let stopping = Stopping::new(plan.stop.clone(), tasks);
        Self { plan, runner, on_event, outcome: Mutex::default(), stopping }
    }

    /// Reports an event.
    pub fn emit(&self, event: RoundEvent) {
        (self.on_event)(event);
    }

    /// Takes the outcome out.
    pub async fn close(&self) -> RoundOutcome {
        let mut outcome = std::mem::take(&mut *self.outcome.lock().await);
        outcome.stopped = self.stopping.stopped();
        outcome
    }

    /// The number of trials in this round's part.
    pub fn trials(&self) -> usize {
        let RoundPlan { agents, partition, .. } = &self.plan;
        if partition.is_none() {
            return agents.len() * self.places().count();
        }
        let keys =
            agents.iter().flat_map(|agent| self.places().map(|place| self.key(agent, place)));
        keys.filter(|key| self.has(key)).count()
    }

    /// The trials of each agent, those of a screening first. Repetitions of a task are far apart, so that a slow hour does
    /// not meet all of them.
    fn places(&self) -> impl Iterator<Item = TrialPlace> {
        let tasks = 0..self.plan.tasks.len();
        let is_screened = |task: &usize| self.stopping.is_screened(self.plan.tasks[*task].id());
        let (first, then): (Vec<_>, Vec<_>) = tasks.partition(is_screened);
        let repeated = |tasks: Vec<usize>| {
            (1..=self.plan.repeat).flat_map(move |repetition| {
                tasks.clone().into_iter().map(move |task| TrialPlace { task, repetition })
            })
        };
        repeated(first).chain(repeated(then))
    }

    /// The key of a trial's record.
    pub fn key(&self, agent: &Agent, TrialPlace { task, repetition }: TrialPlace) -> Sha256 {
        self.runner.key(agent, &self.plan.tasks[task], repetition)
    }

    /// Whether a trial belongs to this round's part.
    fn has(&self, key: &Sha256) -> bool {
        self.plan.partition.is_none_or(|part| part.has(key))
    }

    /// Counts the trials of this part of which the agent has a record, and returns the others.
    pub async fn look_up(&self, index: usize) -> Result<Vec<TrialPlace>, Fault> {
        let agent = &self.plan.agents[index];
        let mut missing = Vec::new();
        for place in self.places() {
            let key = self.key(agent, place);
            if !self.has(&key) {
                continue;
            }
            match self.runner.look_up(&key)? {
                Lookup::Hit(record) => {
                    self.judged(TrialSlot { agent: index, place }, *record, RecordOrigin::Cache)
                        .await;
                }
                Lookup::Miss => missing.push(place),
                Lookup::Corrupt(moved) => {
                    self.emit(RoundEvent::Warning(format!(
                        "the trial record of {} on {} was corrupt; it was moved to {}, and the trial is run again",
                        agent.miner_id,
                        self.plan.tasks[place.task].id(),
                        moved.display()
                    )));
                    missing.push(place);
                }
            }
        }
        Ok(missing)
    }

    /// Returns whether an agent needs no more trials.
    pub async fn stops(&self, agent: usize) -> bool {
        let outcome = self.outcome.lock().await;
        let none = TrialScores::new(self.plan.shape());
        let scores = outcome.scores.get(&agent).unwrap_or(&none);
        self.stopping.stops(agent, &self.plan.agents[agent], scores)
    }

    /// Reports trials that are not run, because their agent was stopped.
    pub fn skipped(&self, agent: usize, trials: usize) {
        let miner_id = self.plan.agents[agent].miner_id.clone();
        self.emit(RoundEvent::Skipped { miner_id, trials });
    }

    /// Counts a trial that has a verdict.
    pub async fn judged(&self, slot: TrialSlot, record: TrialRecord, origin: RecordOrigin) {
        let TrialSlot { agent, place } = slot;
        let miner_id = self.plan.agents[agent].miner_id.clone();
        let (task, score) = (record.task.clone(), record.score());
        let cached = origin == RecordOrigin::Cache;
        let mut outcome = self.outcome.lock().await;
        let none = || TrialScores::new(self.plan.shape());
        let scores = outcome.scores.entry(agent).or_insert_with(none);
        scores.insert(place, score.clone());
        self.stopping.judged(agent, scores);
        outcome.cached += u64::from(cached);
        if self.plan.results.is_none() {
            let key = self.key(&self.plan.agents[agent], place);
            outcome.trials.push(MinerTrial { miner_id: miner_id.clone(), key, record });
        }
        drop(outcome);
        self.emit(RoundEvent::Finished { miner_id, task, score, cached });
    }

    /// Takes the score of a trial back, because its record does not count.
    pub async fn withdraw(&self, TrialSlot { agent, place }: TrialSlot) {
        if let Some(scores) = self.outcome.lock().await.scores.get_mut(&agent) {
            scores.remove(place);
        }
    }

    /// The scores so far.
    pub async fn scores(&self) -> ScoresByAgent {
        self.outcome.lock().await.scores.clone()
    }

    /// Counts a trial that ended in a fault. Its agent waits for it, and is not stopped.
    pub async fn faulted(&self, TrialSlot { agent, place }: TrialSlot, fault: &Fault) {
        self.stopping.faulted(agent);
        let TrialPlace { task, repetition } = place;
        let miner_id = self.plan.agents[agent].miner_id.clone();
        let task = self.plan.tasks[task].id().clone();
        let fault = fault.to_string();
        let record = FaultRecord {
            miner_id: miner_id.clone(),
            task: task.clone(),
            repetition,
            fault: fault.clone(),
        };
        self.outcome.lock().await.faults.push(record);
        self.emit(RoundEvent::Faulted { miner_id, task, fault });
    }
}
