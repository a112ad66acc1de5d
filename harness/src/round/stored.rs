//! The trials of a round as the store holds them: read without running or changing anything.

use platform::MinerId;
use platform::api::{DisclosedTrial, FaultRecord, Rankings, Round, RoundStatus};
use platform::store::{RoundDefinition, Store};
use tasks::Sha256;

use crate::Fault;
use crate::benchmark::file::Benchmark;
use crate::benchmark::private_tasks::PrivateBenchmark;
use crate::benchmark::tasks::{StoredTasks, TaskSourceError, stored as stored_tasks};
use crate::round::agent::{VersionLimit, stored_agents};
use crate::round::results::{Environment, Results, TrialIdentity, trials_of};
use crate::trial::instance::RoundTask;
use crate::trial::record::Disclose;

/// The open round of a store or, if none is open, the latest one.
pub struct StoredRound {
    /// What decides its trials
    pub definition: RoundDefinition,
    /// Whether it may still be judged
    pub status: RoundStatus,
    /// Its tasks
    pub tasks: Vec<RoundTask>,
    /// Its agents
    pub agents: Vec<StoredContestant>,
    results: Results,
    /// The round as it was ranked
    ranked: Option<Round>,
}

/// An agent of a stored round.
#[derive(Clone, Debug)]
pub struct StoredContestant {
    /// Who submitted it
    pub miner_id: MinerId,
    /// The version that was judged, by its source
    pub sha256: Sha256,
}

/// Which trial of a stored round.
#[derive(Clone, Copy)]
pub struct TrialChoice<'a> {
    /// The agent
    pub agent: &'a StoredContestant,
    /// The task
    pub task: &'a RoundTask,
    /// Which of the agent's trials on the task, from 1
    pub repetition: u32,
}

/// A trial of a stored round.
pub enum StoredTrial {
    /// It has a record.
    Judged(Box<DisclosedTrial>),
    /// It has none.
    NotJudged(FaultRecord),
}

/// The files that a round's tasks come from, if they are not built in.
#[derive(Clone, Copy)]
struct BenchmarkFiles<'a> {
    benchmark: Option<&'a Benchmark>,
    private: Option<&'a PrivateBenchmark>,
}

impl StoredRound {
    /// Reads the round; `None` if no round was judged. `benchmark` is what it was judged on, if it was one, and
    /// `private` holds its private tasks.
    pub fn read(
        store: &Store,
        benchmark: Option<&Benchmark>,
        private: Option<&PrivateBenchmark>,
    ) -> Result<Option<Self>, TaskSourceError> {
        let open = store.open_round().map_err(Fault::from)?;
        let status = if open.is_some() { RoundStatus::Open } else { RoundStatus::Closed };
        let latest = store.latest_round().map_err(Fault::from)?;
        let Some(definition) = latest.filter(|round| !round.image.is_empty()) else {
            return Ok(None);
        };
        let ranked = store.rankings().map_err(Fault::from)?;
        let ranked = ranked.filter(|ranked| ranked.round.id == definition.id);
        let files = BenchmarkFiles { benchmark, private };
        let mut round = Self::without_agents(store, files, definition)?;
        round.status = status;
        round.ranked = ranked.as_ref().map(|ranked| ranked.round.clone());
        round.agents = round.contestants(store, ranked.as_ref())?;
        Ok(Some(round))
    }

    /// Reads a closed round, which need not be the latest one. `benchmark` is what it was judged on, if it was one.
    pub fn closed(
        store: &Store,
        ranked: &Rankings,
        benchmark: Option<&Benchmark>,
    ) -> Result<Self, TaskSourceError> {
        let definition = RoundDefinition::of_closed(&ranked.round);
        let definition = definition.expect("a closed round reveals its seed and salt");
        let files = BenchmarkFiles { benchmark, private: None };
        let mut round = Self::without_agents(store, files, definition)?;
        round.ranked = Some(ranked.round.clone());
        round.agents = round.contestants(store, Some(ranked))?;
        Ok(round)
    }

    /// A closed round, before its agents are known.
    fn without_agents(
        store: &Store,
        BenchmarkFiles { benchmark, private }: BenchmarkFiles<'_>,
        definition: RoundDefinition,
    ) -> Result<Self, TaskSourceError> {
        let tasks = stored_tasks(&StoredTasks {
            tasks: &definition.tasks,
            image: &definition.image,
            store,
            benchmark,
            private: definition.private.as_ref(),
            private_file: private,
        })?;
        let tasks = tasks.into_iter().map(|task| RoundTask::new(task, definition.seed)).collect();
        Ok(Self {
            results: Results::of(store),
            ranked: None,
            agents: Vec::new(),
            definition,
            status: RoundStatus::Closed,
            tasks,
        })
    }

    /// The agents in the order of their ranks, then the others. Of an agent that was changed since the ranking, the
    /// current version counts once it has a record.
    fn contestants(
        &self,
        store: &Store,
        ranked: Option<&Rankings>,
    ) -> Result<Vec<StoredContestant>, Fault> {
        let contestant = |(miner_id, sha256): (&MinerId, &Sha256)| StoredContestant {
            miner_id: miner_id.clone(),
            sha256: sha256.clone(),
        };
        let placed = ranked.iter().flat_map(|ranked| &ranked.rankings);
        let placed = placed.map(|ranking| (&ranking.miner_id, &ranking.agent_sha256));
        let stopped = ranked.iter().flat_map(|ranked| &ranked.round.stopped);
        let stopped = stopped.map(|stopped| (&stopped.miner_id, &stopped.agent_sha256));
        let mut agents: Vec<_> = placed.chain(stopped).map(contestant).collect();
        if self.status == RoundStatus::Closed {
            return Ok(agents);
        }
        for agent in stored_agents(store, VersionLimit::of(&self.definition))?.agents {
            let current = StoredContestant { miner_id: agent.miner_id, sha256: agent.sha256 };
            match agents.iter_mut().find(|known| known.miner_id == current.miner_id) {
                None => agents.push(current),
                Some(ranked) if self.has_record(&current)? => *ranked = current,
                Some(_) => {}
            }
        }
        Ok(agents)
    }

    fn has_record(&self, agent: &StoredContestant) -> Result<bool, Fault> {
        for (task, repetition) in trials_of(&self.tasks, self.definition.repeat) {
            let key = self.key(TrialChoice { agent, task, repetition });
            if self.results.read(&key)?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Looks up a trial, for the validator who holds the store. Seed and key are left out while they are secret.
    pub fn trial(&self, choice: TrialChoice<'_>, disclose: Disclose) -> Result<StoredTrial, Fault> {
        let TrialChoice { agent, task, repetition } = choice;
        let key = self.key(choice);
        let miner_id = agent.miner_id.clone();
        let Some(record) = self.results.read(&key)? else {
            let fault = self.reason(choice);
            let task = task.id().clone();
            return Ok(StoredTrial::NotJudged(FaultRecord { miner_id, task, repetition, fault }));
        };
        let mut record = record.for_validator(disclose);
        let revealed = self.status == RoundStatus::Closed;
        record.seed = record.seed.filter(|_| revealed);
        record.origin = record.origin.filter(|_| revealed);
        let key = revealed.then_some(key);
        Ok(StoredTrial::Judged(Box::new(DisclosedTrial { miner_id, key, record })))
    }

    /// Why a trial has no record.
    fn reason(&self, choice: TrialChoice<'_>) -> String {
        let TrialChoice { agent: StoredContestant { miner_id, .. }, task, repetition } = choice;
        let of_round = |round: &Round| {
            let stopped = round.stopped.iter().find(|stopped| stopped.miner_id == *miner_id);
            let fault = round.faults.iter().find(|fault| {
                let trial = (&fault.miner_id, &fault.task, fault.repetition);
                trial == (miner_id, task.id(), repetition)
            });
            let stopped = stopped.map(|stopped| stopped.explanation(round));
            stopped.or_else(|| fault.map(|fault| fault.fault.clone()))
        };
        let none = || "it has no trial record; run 'arena evaluate'".to_owned();
        self.ranked.as_ref().and_then(of_round).unwrap_or_else(none)
    }

    /// The key of a trial.
    pub fn key(&self, choice: TrialChoice<'_>) -> Sha256 {
        let TrialChoice { agent: StoredContestant { sha256: agent, .. }, task, repetition } =
            choice;
        let RoundDefinition { image, model, .. } = &self.definition;
        let environment = &Environment::new(image, model.as_deref());
        TrialIdentity { agent, task, repetition, environment }.key()
    }
}
