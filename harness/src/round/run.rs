//! The round engine: every agent on every task, each trial once.
//!
//! Trials that have a record are looked up; the others run, an agent at a time in each of `jobs` workers.
//! Every worker has one container at work and starts the next one during its trials. What happens is
//! emitted as [`RoundEvent`]s; nothing here prints.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use platform::api::{FaultRecord, StoppedAgent};
use tasks::Sha256;
use tokio::sync::Mutex;

use crate::Fault;
use crate::round::agent::Agent;
use crate::round::events::{RoundEvent, RoundListener};
use crate::round::lease::ContainerLease;
use crate::round::plan::{Isolation, RoundPlan};
use crate::round::pool::run_workers;
use crate::round::results::Lookup;
use crate::round::runner::{AgentTrial, TrialRunner};
use crate::round::stopping::Stopping;
use crate::sandbox::Sandbox;
use crate::scoring::rank::ScoredTask;
use crate::scoring::score::TrialScores;
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

/// Runs a round. Trials that end in faults are part of the outcome and not an error.
pub async fn run(
    sandbox: &Sandbox,
    plan: RoundPlan,
    on_event: RoundListener,
) -> Result<RoundOutcome, Fault> {
    let runner = TrialRunner::new(sandbox.clone(), plan.results.clone(), plan.shrinking)
        .with_model(plan.model.clone());
    let jobs = plan.jobs;
    let (queue, outcome) = (Mutex::default(), Mutex::default());
    let tasks = plan.tasks.iter().map(|task| ScoredTask::from(&task.task)).collect();
    let stopping = Stopping::new(plan.stop.clone(), tasks, plan.repeat);
    let round = Arc::new(RoundState { runner, plan, on_event, queue, outcome, stopping });
    let trials = round.trials();
    (round.on_event)(RoundEvent::Started { trials });
    run_workers(jobs, || work(Arc::clone(&round))).await?;
    let mut outcome = std::mem::take(&mut *round.outcome.lock().await);
    outcome.stopped = round.stopping.stopped();
    Ok(outcome)
}

/// What the workers share.
struct RoundState {
    runner: TrialRunner,
    plan: RoundPlan,
    on_event: RoundListener,
    queue: Mutex<BatchQueue>,
    outcome: Mutex<RoundOutcome>,
    stopping: Stopping,
}

/// How far the round's agents have been handed out.
#[derive(Default)]
struct BatchQueue {
    next_agent: usize,
    ready: VecDeque<TrialBatch>,
}

/// Trials of one agent that share a container.
struct TrialBatch {
    agent: usize,
    source: Arc<str>,
    trials: Vec<TrialPlace>,
}

/// A trial of an agent: the place of its task in the plan, and the number of the repetition, from 1.
#[derive(Clone, Copy)]
struct TrialPlace {
    task: usize,
    repetition: u32,
}

async fn work(round: Arc<RoundState>) -> Result<(), Fault> {
    let mut batch = round.next_batch().await?;
    let mut ahead = None;
    while let Some(present) = batch {
        let lease = ahead.take().unwrap_or_else(|| ContainerLease::start(round.runner.sandbox()));
        batch = round.next_batch().await?;
        if batch.is_some() {
            ahead = Some(ContainerLease::start(round.runner.sandbox()));
        }
        round.run_batch(&present, lease).await?;
    }
    Ok(())
}

impl RoundState {
    /// The number of trials in this round's part.
    fn trials(&self) -> usize {
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

    fn key(&self, agent: &Agent, TrialPlace { task, repetition }: TrialPlace) -> Sha256 {
        self.runner.key(agent, &self.plan.tasks[task], repetition)
    }

    /// Whether a trial belongs to this round's part.
    fn has(&self, key: &Sha256) -> bool {
        self.plan.partition.is_none_or(|part| part.has(key))
    }

    /// Returns the next trials to run. Trials with a record are counted on the way and skipped.
    async fn next_batch(&self) -> Result<Option<TrialBatch>, Fault> {
        let mut queue = self.queue.lock().await;
        loop {
            if let Some(batch) = queue.ready.pop_front() {
                return Ok(Some(batch));
            }
            let index = queue.next_agent;
            let Some(agent) = self.plan.agents.get(index) else { return Ok(None) };
            queue.next_agent += 1;
            let missing = self.look_up(index, agent).await?;
            if missing.is_empty() {
                continue;
            }
            if self.stops(index).await {
                self.skipped(index, missing.len());
                continue;
            }
            let source: Arc<str> = match agent.read().await {
                Ok(source) => source.into(),
                Err(fault) => {
                    for place in missing {
                        self.faulted(agent, place, &fault).await;
                    }
                    continue;
                }
            };
            let batch = |trials| TrialBatch { agent: index, source: source.clone(), trials };
            match self.plan.isolation {
                Isolation::Agent => {
                    let size = missing.len().div_ceil(self.plan.jobs_per_agent.max(1));
                    queue.ready.extend(missing.chunks(size).map(|part| batch(part.to_vec())));
                }
                Isolation::Trial => {
                    queue.ready.extend(missing.into_iter().map(|place| batch(vec![place])));
                }
            }
        }
    }

    /// Returns the trials of this part of which the agent has no record yet.
    async fn look_up(&self, index: usize, agent: &Agent) -> Result<Vec<TrialPlace>, Fault> {
        let mut missing = Vec::new();
        for place in self.places() {
            let key = self.key(agent, place);
            if !self.has(&key) {
                continue;
            }
            match self.runner.look_up(&key)? {
                Lookup::Hit(record) => self.finished(index, *record, RecordOrigin::Cache).await,
                Lookup::Miss => missing.push(place),
                Lookup::Corrupt(moved) => {
                    (self.on_event)(RoundEvent::Warning(format!(
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

    async fn run_batch(&self, batch: &TrialBatch, mut lease: ContainerLease) -> Result<(), Fault> {
        let agent = &self.plan.agents[batch.agent];
        for (done, place) in batch.trials.iter().enumerate() {
            if self.stops(batch.agent).await {
                self.skipped(batch.agent, batch.trials.len() - done);
                break;
            }
            let task = &self.plan.tasks[place.task];
            let on_retry = |fault: &Fault| {
                (self.on_event)(RoundEvent::Retrying {
                    miner_id: agent.miner_id.clone(),
                    task: task.id().clone(),
                    fault: fault.to_string(),
                });
            };
            let repetition = place.repetition;
            let trial = AgentTrial { agent, source: &batch.source, task, repetition };
            match self.runner.run(trial, &mut lease, &on_retry).await {
                Ok(record) => self.finished(batch.agent, record, RecordOrigin::Run).await,
                // A record that cannot be kept would be lost again and again: that ends the round.
                Err(fault @ (Fault::Store(_) | Fault::File { .. })) => return Err(fault),
                Err(fault) => {
                    self.stopping.faulted(batch.agent);
                    self.faulted(agent, *place, &fault).await;
                }
            }
        }
        lease.discard().await;
        Ok(())
    }

    /// Returns whether an agent needs no more trials.
    async fn stops(&self, agent: usize) -> bool {
        let outcome = self.outcome.lock().await;
        let none = TrialScores::new();
        let scores = outcome.scores.get(&agent).unwrap_or(&none);
        self.stopping.stops(agent, &self.plan.agents[agent], scores)
    }

    /// Reports trials that are not run, because their agent was stopped.
    fn skipped(&self, agent: usize, trials: usize) {
        let miner_id = self.plan.agents[agent].miner_id.clone();
        (self.on_event)(RoundEvent::Skipped { miner_id, trials });
    }

    async fn finished(&self, agent: usize, record: TrialRecord, origin: RecordOrigin) {
        let miner_id = self.plan.agents[agent].miner_id.clone();
        let (task, repetition, score) = (record.task.clone(), record.repetition, record.score());
        let cached = origin == RecordOrigin::Cache;
        let mut outcome = self.outcome.lock().await;
        let scores = outcome.scores.entry(agent).or_default();
        scores.insert((task.clone(), repetition), score.clone());
        self.stopping.judged(agent, scores);
        outcome.cached += u64::from(cached);
        if self.plan.results.is_none()
            && let Some(round_task) = self.plan.tasks.iter().find(|known| *known.id() == task)
        {
            let key = self.runner.key(&self.plan.agents[agent], round_task, repetition);
            outcome.trials.push(MinerTrial { miner_id: miner_id.clone(), key, record });
        }
        drop(outcome);
        (self.on_event)(RoundEvent::Finished { miner_id, task, score, cached });
    }

    async fn faulted(&self, agent: &Agent, place: TrialPlace, fault: &Fault) {
        let TrialPlace { task, repetition } = place;
        let (miner_id, task) = (agent.miner_id.clone(), self.plan.tasks[task].id().clone());
        let fault = fault.to_string();
        let record = FaultRecord {
            miner_id: miner_id.clone(),
            task: task.clone(),
            repetition,
            fault: fault.clone(),
        };
        self.outcome.lock().await.faults.push(record);
        (self.on_event)(RoundEvent::Faulted { miner_id, task, fault });
    }
}

/// Where a trial's record comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum RecordOrigin {
    Cache,
    Run,
}
