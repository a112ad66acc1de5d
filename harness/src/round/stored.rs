//! The trials of a round as the store holds them: read without running or changing anything.

use platform::MinerId;
use platform::api::{FaultRecord, Rankings, RoundStatus};
use platform::store::{RoundDefinition, Store};
use tasks::{Sha256, TaskId};

use crate::Fault;
use crate::benchmark::file::Benchmark;
use crate::benchmark::tasks::{StoredTasks, TaskSourceError, stored as stored_tasks};
use crate::round::agent::{VersionLimit, stored_agents};
use crate::round::results::{Environment, Results};
use crate::trial::instance::RoundTask;
use crate::trial::record::{Disclose, DisclosedTrial};

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
    faults: Vec<FaultRecord>,
}

/// An agent of a stored round.
#[derive(Clone, Debug)]
pub struct StoredContestant {
    /// Who submitted it
    pub miner_id: MinerId,
    /// The version that was judged, by its source
    pub sha256: Sha256,
}

/// A trial of a stored round.
pub enum StoredTrial {
    /// It has a record.
    Judged(Box<DisclosedTrial>),
    /// It has none.
    NotJudged(FaultRecord),
}

impl StoredRound {
    /// Reads the round; `None` if no round was judged. `benchmark` is what it was judged on, if it was one.
    pub fn read(
        store: &Store,
        benchmark: Option<&Benchmark>,
    ) -> Result<Option<Self>, TaskSourceError> {
        let open = store.open_round().map_err(Fault::from)?;
        let status = if open.is_some() { RoundStatus::Open } else { RoundStatus::Closed };
        let latest = store.latest_round().map_err(Fault::from)?;
        let Some(definition) = latest.filter(|round| !round.image.is_empty()) else {
            return Ok(None);
        };
        let ranked = store.rankings().map_err(Fault::from)?;
        let ranked = ranked.filter(|ranked| ranked.round.id == definition.id);
        let mut round = Self::without_agents(store, benchmark, definition)?;
        round.status = status;
        round.faults = ranked.iter().flat_map(|ranked| ranked.round.faults.clone()).collect();
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
        let mut round = Self::without_agents(store, benchmark, definition)?;
        round.agents = round.contestants(store, Some(ranked))?;
        Ok(round)
    }

    /// A closed round, before its agents are known.
    fn without_agents(
        store: &Store,
        benchmark: Option<&Benchmark>,
        definition: RoundDefinition,
    ) -> Result<Self, TaskSourceError> {
        let tasks = stored_tasks(&StoredTasks {
            tasks: &definition.tasks,
            image: &definition.image,
            store,
            benchmark,
        })?;
        let tasks = tasks.into_iter().map(|task| RoundTask::new(task, definition.seed)).collect();
        Ok(Self {
            results: Results::of(store),
            faults: Vec::new(),
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
        let mut agents: Vec<_> = ranked
            .iter()
            .flat_map(|ranked| &ranked.rankings)
            .map(|ranking| StoredContestant {
                miner_id: ranking.miner_id.clone(),
                sha256: ranking.agent_sha256.clone(),
            })
            .collect();
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
        for task in &self.tasks {
            if self.results.read(&self.key(agent, task))?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Looks up a trial. Seed and key are left out while they are secret.
    pub fn trial(
        &self,
        agent: &StoredContestant,
        task: &RoundTask,
        disclose: Disclose,
    ) -> Result<StoredTrial, Fault> {
        let key = self.key(agent, task);
        let miner_id = agent.miner_id.clone();
        let Some(record) = self.results.read(&key)? else {
            let fault = self.reason(&miner_id, task.id());
            let task = task.id().clone();
            return Ok(StoredTrial::NotJudged(FaultRecord { miner_id, task, fault }));
        };
        let mut record = record.disclosed(disclose);
        let revealed = self.status == RoundStatus::Closed;
        record.seed = record.seed.filter(|_| revealed);
        let key = revealed.then_some(key);
        Ok(StoredTrial::Judged(Box::new(DisclosedTrial { miner_id, key, record })))
    }

    /// Why a trial has no record.
    fn reason(&self, miner_id: &MinerId, task: &TaskId) -> String {
        let fault = self.faults.iter().find(|f| f.miner_id == *miner_id && f.task == *task);
        let none = || "it has no trial record; run 'arena evaluate'".to_owned();
        fault.map_or_else(none, |fault| fault.fault.clone())
    }

    /// The key of a trial.
    pub fn key(&self, agent: &StoredContestant, task: &RoundTask) -> Sha256 {
        let RoundDefinition { image, model, .. } = &self.definition;
        Results::key(&agent.sha256, task, &Environment::new(image, model.as_deref()))
    }
}
