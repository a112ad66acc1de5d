//! The end of a round, however its scores were obtained: rank, publish, report.

use jiff::Timestamp;
use platform::api::{FaultRecord, RANKING_NAMESPACE, Rankings, Round, RoundStatus};
use platform::signing::SigningKey;
use platform::store::{RoundDefinition, Store};

use crate::Fault;
use crate::round::agent::Agent;
use crate::round::results::{Environment, Lookup, Results};
use crate::round::run::ScoresByAgent;
use crate::scoring::digest::TrialsDigest;
use crate::scoring::rank::{Contender, rank};
use crate::scoring::reward::RewardPolicy;
use crate::trial::instance::RoundTask;
use crate::trial::record::{Disclose, DisclosedTrial};

/// A round whose trials are over.
pub struct Standings<'a> {
    /// Where the trial records are
    pub store: &'a Store,
    /// What decides its trials
    pub definition: &'a RoundDefinition,
    /// Its agents
    pub agents: &'a [Agent],
    /// When the agents were listed
    pub listed_at: Timestamp,
    /// Its tasks
    pub tasks: &'a [RoundTask],
    /// The score of each agent, by its index, on each task
    pub scores: ScoresByAgent,
    /// The trials that are not judged
    pub faults: Vec<FaultRecord>,
    /// Whether these are all agents and tasks
    pub coverage: Coverage,
    /// How the ranking is published
    pub publication: Publication,
    /// How much of failed cases is disclosed
    pub disclose: Disclose,
    /// What the ranking is signed with when the round closes
    pub sign_key: Option<&'a SigningKey>,
}

/// Whether a round has all agents and tasks that there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coverage {
    /// It has all of them.
    Whole,
    /// Some are left out.
    Partial,
}

/// How a ranking is published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Publication {
    /// As standings of the open round; they replace the store's rankings.
    Standings,
    /// As the final ranking, which reveals the seed and closes the round. With faults the round stays open.
    Final,
    /// Not at all: the store's rankings are left unchanged.
    Unofficial,
    /// Not at all, and the round was closed before, so its seed is known.
    Recomputed,
}

impl Standings<'_> {
    /// Ranks the agents that have a verdict on every task, and publishes the rankings. An agent with a trial that ended
    /// in a fault has no score and therefore no rank; it does not keep the others from being ranked.
    pub fn finish_round(&self, reward: RewardPolicy) -> Result<Rankings, Fault> {
        let complete = self.scores.iter().filter(|(_, tasks)| tasks.len() == self.tasks.len());
        let contenders = complete
            .map(|(index, tasks)| Contender::new(&self.agents[*index], tasks.clone()))
            .collect();
        let rankings = rank(contenders, self.tasks, reward);
        let mut rankings = Rankings { round: self.round(reward), rankings, signature: None };
        let status = rankings.round.status;
        if status == RoundStatus::Closed {
            let mut digest = TrialsDigest::default();
            for trial in self.trials(status) {
                digest.add(&serde_json::to_value(trial?).expect("a trial is plain data"));
            }
            rankings.round.trials_sha256 = Some(digest.value());
        }
        if self.is_published(&rankings) {
            match status {
                RoundStatus::Closed => {
                    let sign = |key: &SigningKey| key.sign(RANKING_NAMESPACE, rankings.statement());
                    rankings.signature = self.sign_key.map(sign);
                    self.store.close_round(&rankings)?;
                }
                RoundStatus::Open => self.store.put_rankings(&rankings)?,
            }
        }
        Ok(rankings)
    }

    /// Returns whether the ranking replaces the published one. Faults that left no agent to rank, such as those of an
    /// absent daemon, do not replace anything.
    pub fn is_published(&self, rankings: &Rankings) -> bool {
        let official = matches!(self.publication, Publication::Standings | Publication::Final);
        official && (!rankings.rankings.is_empty() || rankings.round.faults.is_empty())
    }

    /// Describes the round. Seed and salt are revealed when it closes, or if it was closed before.
    fn round(&self, reward: RewardPolicy) -> Round {
        let RoundDefinition { id, seed, salt, opened_at, frozen, image, isolation, model, .. } =
            self.definition;
        let previous = self.definition.previous.clone();
        let closes = self.publication == Publication::Final && self.faults.is_empty();
        let revealed = closes || self.publication == Publication::Recomputed;
        let status = if revealed { RoundStatus::Closed } else { RoundStatus::Open };
        Round {
            id: id.clone(),
            status,
            commitment: self.definition.commitment(),
            seed: revealed.then_some(*seed),
            salt: revealed.then(|| salt.clone()),
            opened_at: *opened_at,
            listed_at: self.listed_at,
            finished_at: Timestamp::now(),
            frozen: *frozen,
            partial: self.coverage == Coverage::Partial,
            tasks: self.tasks.iter().map(|task| task.id().clone()).collect(),
            image: image.clone(),
            isolation: isolation.clone(),
            model: model.clone(),
            pool_tao: reward.pool.to_string(),
            payout: reward.payout.to_string(),
            trials: (self.agents.len() * self.tasks.len()) as u64,
            faults: self.faults.clone(),
            trials_sha256: None,
            previous,
        }
    }

    /// Every trial that has a record, read from its file when it is needed. The seed is left out while it is secret.
    pub fn trials(
        &self,
        status: RoundStatus,
    ) -> impl Iterator<Item = Result<DisclosedTrial, Fault>> {
        let results = Results::of(self.store);
        let RoundDefinition { image, model, .. } = self.definition;
        let environment = Environment::new(image, model.as_deref());
        let pairs = self.agents.iter().flat_map(|agent| self.tasks.iter().map(move |t| (agent, t)));
        pairs.filter_map(move |(agent, task)| {
            let key = Results::key(&agent.sha256, task, &environment);
            match results.get(&key) {
                Ok(Lookup::Hit(record)) => {
                    let mut record = record.disclosed(self.disclose);
                    let secret = status == RoundStatus::Open;
                    record.seed = record.seed.filter(|_| !secret);
                    let key = Some(key).filter(|_| !secret);
                    Some(Ok(DisclosedTrial { miner_id: agent.miner_id.clone(), key, record }))
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
    /// Reads the records of all agents on all tasks in an environment.
    pub fn read(
        results: &Results,
        agents: &[Agent],
        tasks: &[RoundTask],
        environment: &Environment,
    ) -> Result<Self, Fault> {
        let mut stored = Self::default();
        for (index, agent) in agents.iter().enumerate() {
            for task in tasks {
                match results.get(&Results::key(&agent.sha256, task, environment))? {
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
