//! The end of a round, however its scores were obtained: rank, publish, report.

use std::path::PathBuf;

use platform::api::{FaultRecord, Rankings, Round};
use platform::store::Store;

use crate::Fault;
use crate::round::agent::Agent;
use crate::round::results::{Lookup, Results};
use crate::round::run::ScoresByAgent;
use crate::scoring::rank::{Contender, rank};
use crate::scoring::reward::RewardPolicy;
use crate::trial::instance::RoundTask;
use crate::trial::record::{Disclose, MinerTrial};

/// A round whose trials are over.
pub struct Standings<'a> {
    /// Where the trial records are
    pub store: &'a Store,
    /// The agents of the round
    pub agents: &'a [Agent],
    /// Its tasks
    pub tasks: &'a [RoundTask],
    /// The id of its image
    pub image: &'a str,
    /// The score of each agent, by its index, on each task
    pub scores: ScoresByAgent,
    /// The round itself
    pub round: Round,
    /// How much of failed cases is disclosed
    pub disclose: Disclose,
    /// Whether a complete ranking becomes the store's
    pub publication: Publication,
}

/// Whether a complete ranking becomes the store's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Publication {
    /// It replaces the store's rankings.
    Publish,
    /// The store's rankings are left unchanged.
    Unofficial,
}

/// A ranked round.
#[derive(Debug)]
pub struct FinishedRound {
    /// The rankings
    pub rankings: Rankings,
    /// Whether they were published
    pub status: RankingStatus,
}

/// Whether rankings were published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RankingStatus {
    /// They are in this file of the store.
    Published(PathBuf),
    /// The store's rankings are unchanged, as requested.
    Unofficial,
    /// The store's rankings are unchanged, because trials ended in faults.
    Incomplete {
        /// The number of these trials
        faults: usize,
        /// The file of the store's rankings
        published: PathBuf,
    },
}

impl Standings<'_> {
    /// Ranks the agents that have a verdict on every task, and publishes the rankings if no trial is missing. An agent
    /// with a trial that ended in a fault has no score and therefore no rank.
    pub fn finish_round(&self, reward: RewardPolicy) -> Result<FinishedRound, Fault> {
        let complete = self.scores.iter().filter(|(_, tasks)| tasks.len() == self.tasks.len());
        let contenders = complete
            .map(|(index, tasks)| Contender::new(&self.agents[*index], tasks.clone()))
            .collect();
        let rankings = rank(contenders, self.tasks, reward);
        let rankings = Rankings { round: self.round.clone(), rankings };
        let path = self.store.root().join("rankings.json");
        let status = match (self.round.faults.len(), self.publication) {
            (0, Publication::Publish) => {
                self.store.put_rankings(&rankings)?;
                RankingStatus::Published(path)
            }
            (0, Publication::Unofficial) => RankingStatus::Unofficial,
            (faults, _) => RankingStatus::Incomplete { faults, published: path },
        };
        Ok(FinishedRound { rankings, status })
    }

    /// Every trial that has a record, read from its file when it is needed.
    pub fn trials(&self) -> impl Iterator<Item = Result<MinerTrial, Fault>> {
        let results = Results::of(self.store);
        let pairs = self.agents.iter().flat_map(|agent| self.tasks.iter().map(move |t| (agent, t)));
        pairs.filter_map(move |(agent, task)| {
            let key = Results::key(&agent.sha256, task, self.image);
            match results.get(&key) {
                Ok(Lookup::Hit(record)) => {
                    let record = record.disclosed(self.disclose);
                    Some(Ok(MinerTrial { miner_id: agent.miner_id.clone(), record }))
                }
                Ok(Lookup::Miss | Lookup::Corrupt(_)) => None,
                Err(fault) => Some(Err(fault)),
            }
        })
    }
}

/// The scores of a round that was run before.
#[derive(Debug, Default)]
pub struct StoredScores {
    /// The score of each agent, by its index, on each task
    pub scores: ScoresByAgent,
    /// The trials that have no record
    pub faults: Vec<FaultRecord>,
}

impl StoredScores {
    /// Reads the records of all agents on all tasks in an image.
    pub fn read(
        results: &Results,
        agents: &[Agent],
        tasks: &[RoundTask],
        image: &str,
    ) -> Result<Self, Fault> {
        let mut stored = Self::default();
        for (index, agent) in agents.iter().enumerate() {
            for task in tasks {
                match results.get(&Results::key(&agent.sha256, task, image))? {
                    Lookup::Hit(record) => {
                        let scores = stored.scores.entry(index).or_default();
                        scores.insert(task.id().clone(), record.score());
                    }
                    Lookup::Miss | Lookup::Corrupt(_) => stored.faults.push(FaultRecord {
                        miner_id: agent.miner_id.clone(),
                        task: task.id().clone(),
                        fault: "it has no trial record; run 'arena evaluate'".to_owned(),
                    }),
                }
            }
        }
        Ok(stored)
    }
}
