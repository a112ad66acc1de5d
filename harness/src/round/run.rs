//! A round: every agent on every task, each trial once.
//!
//! Trials that have a result are looked up; the others run, an agent at a time in each of `jobs` workers.
//! Every worker has one container at work and starts the next while that one is judged. What happens is
//! told as [`Event`]s; nothing here prints.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use clap::ValueEnum;
use jiff::Timestamp;
use platform::MinerId;
use platform::api::{AgentHistory, AgentView};
use platform::client::Client;
use platform::rankings::{FaultRecord, TaskScore};
use platform::store::{AgentMeta, RoundFile, Store, Version};
use tasks::{Seed, Sha256, TaskId};
use tokio::sync::Mutex;
use tokio::task::JoinSet;

use crate::Fault;
use crate::round::partition::Partition;
use crate::round::results::{Found, Results};
use crate::round::runner::{Runner, Slot};
use crate::sandbox::Sandbox;
use crate::trial::instance::Prepared;
use crate::trial::record::TrialResult;

/// How agents are kept apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Isolation {
    /// One container per agent; inside it every trial starts clean.
    Agent,
    /// One container per trial.
    Trial,
}

impl std::fmt::Display for Isolation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Agent => "agent",
            Self::Trial => "trial",
        })
    }
}

/// An agent that takes part in a round.
#[derive(Clone, Debug)]
pub struct Agent {
    /// Who submitted it
    pub miner_id: MinerId,
    /// Its source's digest
    pub sha256: Sha256,
    /// When this version was accepted: the earlier one wins a tie
    pub uploaded_at: Timestamp,
    /// When this miner first submitted these bytes: the earliest one is the original
    pub first_submitted_at: Timestamp,
    /// Where its source is
    pub source: Source,
}

/// Where an agent's source is. What is not here is read when its turn comes, so that a round of thousands
/// needs no more memory than a round of ten; it is checked against its digest.
#[derive(Clone, Debug)]
pub enum Source {
    /// Here
    Text(String),
    /// In the store
    Stored(Store, Box<AgentMeta>),
    /// On a platform, which hands it to whoever has the validator token
    Served(Client, Box<AgentView>, Arc<str>),
}

impl Agent {
    /// An agent of nobody's, such as a control.
    pub fn local(name: &str, source: String) -> Self {
        Self {
            miner_id: name.parse().expect("the names of local agents are miner ids"),
            sha256: Sha256::of(source.as_bytes()),
            uploaded_at: Timestamp::UNIX_EPOCH,
            first_submitted_at: Timestamp::UNIX_EPOCH,
            source: Source::Text(source),
        }
    }

    /// An agent of the store.
    pub fn stored(store: &Store, meta: AgentMeta) -> Self {
        let view = AgentView::from(meta.clone());
        let first_submitted_at = first_submitted(&view, &meta.history);
        Self::new(&view, first_submitted_at, Source::Stored(store.clone(), Box::new(meta)))
    }

    /// An agent of a platform.
    pub fn served(client: &Client, agent: AgentHistory, token: &Arc<str>) -> Self {
        let view = agent.current;
        let first_submitted_at = first_submitted(&view, &agent.history);
        let source = Source::Served(client.clone(), Box::new(view.clone()), Arc::clone(token));
        Self::new(&view, first_submitted_at, source)
    }

    fn new(view: &AgentView, first_submitted_at: Timestamp, source: Source) -> Self {
        Self {
            miner_id: view.miner_id.clone(),
            sha256: view.sha256.clone(),
            uploaded_at: view.uploaded_at,
            first_submitted_at,
            source,
        }
    }

    /// Its source.
    pub async fn read(&self) -> Result<String, Fault> {
        match &self.source {
            Source::Text(text) => Ok(text.clone()),
            Source::Stored(store, meta) => Ok(store.source(meta)?),
            Source::Served(client, view, token) => Ok(client.source(view, token).await?),
        }
    }
}

fn first_submitted(current: &AgentView, history: &[Version]) -> Timestamp {
    let same = history.iter().filter(|version| version.sha256 == current.sha256);
    same.map(|version| version.uploaded_at).fold(current.uploaded_at, Timestamp::min)
}

/// What happens in a round.
#[derive(Clone, Debug)]
pub enum Event {
    /// The round begins.
    Started {
        /// How many trials it has, those that were run before included
        trials: usize,
    },
    /// A trial has a verdict, by running it or by looking it up.
    Finished {
        /// Whose trial
        miner_id: MinerId,
        /// On which task
        task: TaskId,
        /// What it got
        score: TaskScore,
        /// Whether it was looked up
        cached: bool,
    },
    /// An attempt at a trial ended in a fault, and there will be another.
    Retrying {
        /// Whose trial
        miner_id: MinerId,
        /// On which task
        task: TaskId,
        /// What went wrong
        fault: String,
    },
    /// The arena could not carry a trial out.
    Faulted {
        /// Whose trial
        miner_id: MinerId,
        /// On which task
        task: TaskId,
        /// What went wrong
        fault: String,
    },
    /// Something is not as it should be, and the round goes on.
    Warning(String),
}

/// Who is told of events.
pub type Listener = Arc<dyn Fn(Event) + Send + Sync>;

/// What a round is to do.
pub struct Plan {
    /// The agents
    pub agents: Vec<Agent>,
    /// The tasks under the round's seed
    pub tasks: Arc<[Prepared]>,
    /// Where results are looked up and kept; nowhere if none
    pub results: Option<Results>,
    /// How many containers are at work at the same time
    pub jobs: usize,
    /// How agents are kept apart
    pub isolation: Isolation,
    /// Which of the trials are to be run; all if none
    pub partition: Option<Partition>,
    /// How long a trial's counterexample may be searched for; zero for none
    pub shrinking: Duration,
}

impl Plan {
    fn has(&self, runner: &Runner, agent: &Agent, task: &Prepared) -> bool {
        self.partition.is_none_or(|part| part.has(&runner.key(agent, task)))
    }
}

/// What a round came to.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// For each agent, by its index in the plan, what it got on each task. Trials that ended in a fault
    /// are missing.
    pub scores: BTreeMap<usize, BTreeMap<TaskId, TaskScore>>,
    /// How many trials were looked up
    pub cached: u64,
    /// The trials that the arena could not carry out
    pub faults: Vec<FaultRecord>,
    /// The full results, if nothing else keeps them
    pub results: Vec<(MinerId, TrialResult)>,
}

/// Runs a round. That some trials end in faults is part of the outcome and no error.
pub async fn run(sandbox: &Sandbox, plan: Plan, on_event: Listener) -> Result<Outcome, Fault> {
    let runner = Runner::new(sandbox.clone(), plan.results.clone(), plan.shrinking);
    let mut trials = plan.agents.len() * plan.tasks.len();
    if plan.partition.is_some() {
        let pairs = plan.agents.iter().flat_map(|agent| plan.tasks.iter().map(move |t| (agent, t)));
        trials = pairs.filter(|(agent, task)| plan.has(&runner, agent, task)).count();
    }
    on_event(Event::Started { trials });
    let jobs = plan.jobs.max(1);
    let shared = Arc::new(Shared {
        runner,
        plan,
        on_event,
        queue: Mutex::default(),
        outcome: Mutex::default(),
    });
    let mut workers = JoinSet::new();
    for _ in 0..jobs {
        workers.spawn(work(shared.clone()));
    }
    while let Some(ended) = workers.join_next().await {
        ended.expect("a worker does not panic")?;
    }
    let outcome = std::mem::take(&mut *shared.outcome.lock().await);
    Ok(outcome)
}

/// The seed of the store's round. A store that has none gets one: drawn, so that nobody knew it before,
/// and written down, so that whoever comes next asks the same.
pub fn seed_of_store(store: &Store) -> Result<Seed, Fault> {
    if let Some(round) = store.round()? {
        return Ok(round.seed);
    }
    let seed = drawn_seed();
    store.put_round(&RoundFile { seed, salt: None, image: String::new(), tasks: Vec::new() })?;
    Ok(seed)
}

/// What can be published before a round: it binds to the seed and does not give it away. The report
/// reveals seed and salt.
pub fn commitment(seed: Seed, salt: &str) -> Sha256 {
    Sha256::of(format!("{seed}:{salt}").as_bytes())
}

/// A seed that nobody could have known before. Below 2^53, so that every reader of JSON keeps it whole.
pub fn drawn_seed() -> Seed {
    Seed(rand::random_range(0..1 << 53))
}

struct Shared {
    runner: Runner,
    plan: Plan,
    on_event: Listener,
    queue: Mutex<Queue>,
    outcome: Mutex<Outcome>,
}

/// How far the round's agents have been handed out.
#[derive(Default)]
struct Queue {
    next_agent: usize,
    ready: std::collections::VecDeque<Batch>,
}

/// Trials of one agent that share a container.
struct Batch {
    agent: usize,
    source: Arc<str>,
    tasks: Vec<usize>,
}

async fn work(shared: Arc<Shared>) -> Result<(), Fault> {
    let mut batch = shared.next_batch().await?;
    let mut ahead = None;
    while let Some(present) = batch {
        let container = ahead.take().unwrap_or_else(|| Slot::start(shared.runner.sandbox()));
        batch = shared.next_batch().await?;
        if batch.is_some() {
            ahead = Some(Slot::start(shared.runner.sandbox()));
        }
        shared.run_batch(&present, container).await?;
    }
    Ok(())
}

impl Shared {
    /// The next trials to run. Whatever has a result is counted on the way and skipped.
    async fn next_batch(&self) -> Result<Option<Batch>, Fault> {
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
            let source: Arc<str> = match agent.read().await {
                Ok(source) => source.into(),
                Err(fault) => {
                    for task in missing {
                        self.faulted(agent, &self.plan.tasks[task], &fault).await;
                    }
                    continue;
                }
            };
            let batch = |tasks| Batch { agent: index, source: source.clone(), tasks };
            match self.plan.isolation {
                Isolation::Agent => queue.ready.push_back(batch(missing)),
                Isolation::Trial => {
                    queue.ready.extend(missing.into_iter().map(|task| batch(vec![task])));
                }
            }
        }
    }

    /// The tasks of this part on which this agent has no result yet.
    async fn look_up(&self, index: usize, agent: &Agent) -> Result<Vec<usize>, Fault> {
        let mut missing = Vec::new();
        for (task, prepared) in self.plan.tasks.iter().enumerate() {
            if !self.plan.has(&self.runner, agent, prepared) {
                continue;
            }
            match self.runner.look_up(agent, prepared)? {
                Found::Result(result) => self.finished(index, &result, true).await,
                Found::Nothing => missing.push(task),
                Found::Corrupt(aside) => {
                    let aside = aside.display();
                    (self.on_event)(Event::Warning(format!(
                        "a result file of {} on {} was corrupt; it is now {aside}, and the trial is \
                         run again",
                        agent.miner_id,
                        prepared.id()
                    )));
                    missing.push(task);
                }
            }
        }
        Ok(missing)
    }

    async fn run_batch(&self, batch: &Batch, mut slot: Slot) -> Result<(), Fault> {
        let agent = &self.plan.agents[batch.agent];
        for task in &batch.tasks {
            let prepared = &self.plan.tasks[*task];
            let on_retry = |fault: &Fault| {
                (self.on_event)(Event::Retrying {
                    miner_id: agent.miner_id.clone(),
                    task: prepared.id().clone(),
                    fault: fault.to_string(),
                });
            };
            let trial = (agent, &*batch.source, prepared);
            match self.runner.run(trial, &mut slot, &on_retry).await {
                Ok(result) => self.finished(batch.agent, &result, false).await,
                // A result that cannot be kept would be lost again and again: that ends the round.
                Err(fault @ (Fault::Store(_) | Fault::File { .. })) => return Err(fault),
                Err(fault) => self.faulted(agent, prepared, &fault).await,
            }
        }
        self.runner.discard(slot).await;
        Ok(())
    }

    async fn finished(&self, agent: usize, result: &TrialResult, cached: bool) {
        let miner_id = self.plan.agents[agent].miner_id.clone();
        let (task, score) = (result.task.clone(), result.score());
        let mut outcome = self.outcome.lock().await;
        outcome.scores.entry(agent).or_default().insert(task.clone(), score.clone());
        outcome.cached += u64::from(cached);
        if self.plan.results.is_none() {
            outcome.results.push((miner_id.clone(), result.clone()));
        }
        drop(outcome);
        (self.on_event)(Event::Finished { miner_id, task, score, cached });
    }

    async fn faulted(&self, agent: &Agent, prepared: &Prepared, fault: &Fault) {
        let (miner_id, task) = (agent.miner_id.clone(), prepared.id().clone());
        let fault = fault.to_string();
        let record =
            FaultRecord { miner_id: miner_id.clone(), task: task.clone(), fault: fault.clone() };
        self.outcome.lock().await.faults.push(record);
        (self.on_event)(Event::Faulted { miner_id, task, fault });
    }
}
