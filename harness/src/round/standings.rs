//! The end of a round, however its scores were obtained: rank, publish, report.

use std::collections::HashMap;

use jiff::Timestamp;
use platform::MinerId;
use platform::api::{
    DisclosedTrial, FaultRecord, PrivateTasks, RANKING_NAMESPACE, Rankings, Round, RoundStatus,
    StoppedAgent,
};
use platform::signing::SigningKey;
use platform::store::{RoundDefinition, Store};

use crate::Fault;
use crate::round::agent::Agent;
use crate::round::book::ScoresByAgent;
use crate::round::results::{Environment, Lookup, Results, TrialIdentity, trials_of};
use crate::round::stopping::StopRules;
use crate::scoring::digest::TrialsDigest;
use crate::scoring::gate::GateHistory;
use crate::scoring::rank::{Contender, RankRules, RankedRound, ScoredTask, rank};
use crate::scoring::reward::{Payout, RewardPolicy};
use crate::scoring::score::TrialScores;
use crate::trial::instance::RoundTask;
use crate::trial::place::RoundShape;
use crate::trial::record::Disclose;

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
    /// The scores of each agent's trials, by its index
    pub scores: ScoresByAgent,
    /// The trials that are not judged
    pub faults: Vec<FaultRecord>,
    /// The rules by which agents were stopped, and the agents
    pub stop: StopRules,
    /// The agents that were stopped
    pub stopped: Vec<StoppedAgent>,
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
        let ids = || self.tasks.iter().map(RoundTask::id);
        let scores = self.scores.iter().map(|(index, trials)| (*index, trials.by_task(ids())));
        let complete = scores.filter(|(_, tasks)| tasks.len() == self.tasks.len());
        let contenders =
            complete.map(|(index, tasks)| Contender::new(&self.agents[index], tasks)).collect();
        let Self { agents, tasks, definition: round, .. } = self;
        let records = RecordsOfRound { agents, tasks, round };
        let ranked = rank(
            contenders,
            &RankRules {
                tasks: &self
                    .tasks
                    .iter()
                    .map(|task| ScoredTask::from(&task.task))
                    .collect::<Vec<_>>(),
                repeat: self.definition.repeat,
                commitment: &self.definition.commitment(),
                reward,
                history: &gate_history(self.store, records, reward.payout)?,
            },
        );
        let RankedRound { rankings, resolution, gate } = ranked;
        let round = Round { resolution, gate, ..self.round(reward) };
        let mut rankings = Rankings { round, rankings, signature: None };
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
        let RoundDefinition {
            id,
            seed,
            salt,
            opened_at,
            frozen,
            image,
            isolation,
            repeat,
            model,
            private,
            ..
        } = self.definition;
        // Private tasks that their controls did not prove are not in the round.
        let count = self.tasks.iter().filter(|task| task.id().is_private()).count();
        let private = private.clone().zip(u32::try_from(count).ok().filter(|count| *count > 0));
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
            private: private.map(|(private, tasks)| PrivateTasks { tasks, ..private }),
            image: image.clone(),
            isolation: isolation.clone(),
            repeat: *repeat,
            model: model.clone(),
            pool_tao: reward.pool.to_string(),
            payout: reward.payout.to_string(),
            alpha: reward.alpha.value(),
            resolution: None,
            gate: None,
            screening: self.stop.screening.as_ref().map(|rule| rule.screening),
            top: self.stop.top,
            stopped: self.stopped.clone(),
            trials: self.trial_count(),
            faults: self.faults.iter().cloned().map(FaultRecord::published).collect(),
            trials_sha256: None,
            previous,
        }
    }

    /// Every trial of the agents that were not stopped, and those that the others have.
    fn trial_count(&self) -> u64 {
        let whole = (self.agents.len() - self.stopped.len()) * self.tasks.len();
        let part: u64 = self.stopped.iter().map(|agent| agent.trials).sum();
        whole as u64 * u64::from(self.definition.repeat) + part
    }

    /// Every trial that has a record, read from its file when it is needed. The seed is left out while it is secret.
    pub fn trials(
        &self,
        status: RoundStatus,
    ) -> impl Iterator<Item = Result<DisclosedTrial, Fault>> {
        let shown = TrialsShown { status, disclose: self.disclose };
        self.agents.iter().flat_map(move |agent| self.trials_of(agent, shown))
    }

    /// The trials of one agent that have a record, like [`Standings::trials`].
    pub fn trials_of<'b>(
        &'b self,
        agent: &'b Agent,
        TrialsShown { status, disclose }: TrialsShown,
    ) -> impl Iterator<Item = Result<DisclosedTrial, Fault>> + 'b {
        let results = Results::of(self.store);
        let RoundDefinition { image, model, repeat, .. } = self.definition;
        let environment = Environment::new(image, model.as_deref());
        trials_of(self.tasks, *repeat).filter_map(move |(task, repetition)| {
            let environment = &environment;
            let identity = TrialIdentity { agent: &agent.sha256, task, repetition, environment };
            let key = identity.key();
            match results.get(&key) {
                Ok(Lookup::Hit(record)) => {
                    let mut record = record.disclosed(disclose);
                    let secret = status == RoundStatus::Open;
                    record.seed = record.seed.filter(|_| !secret);
                    record.origin = record.origin.filter(|_| !secret);
                    let key = Some(key).filter(|_| !secret);
                    Some(Ok(DisclosedTrial { miner_id: agent.miner_id.clone(), key, record }))
                }
                Ok(Lookup::Miss | Lookup::Corrupt(_)) => None,
                Err(fault) => Some(Err(fault)),
            }
        })
    }
}

/// What is shown of trials.
#[derive(Clone, Copy, Debug)]
pub struct TrialsShown {
    /// While the round is open, whatever depends on its seed is left out
    pub status: RoundStatus,
    /// How much of failed cases is disclosed
    pub disclose: Disclose,
}

/// What earlier rounds of the store say about the holder of the first place. Only the payout `gated` asks.
pub fn gate_history(
    store: &Store,
    RecordsOfRound { agents, tasks, round }: RecordsOfRound<'_>,
    payout: Payout,
) -> Result<GateHistory, Fault> {
    if payout != Payout::Gated {
        return Ok(GateHistory::default());
    }
    let mut rounds = store.rounds(usize::MAX)?;
    rounds.retain(|rankings| rankings.round.opened_at < round.opened_at);
    let tasks: Vec<_> = tasks.iter().map(|task| task.id().clone()).collect();
    let versions: HashMap<_, _> =
        agents.iter().map(|agent| (&agent.miner_id, &agent.sha256)).collect();
    let version = |miner_id: &MinerId| versions.get(miner_id).map(|sha256| (*sha256).clone());
    Ok(GateHistory::collect(&rounds, &tasks, version))
}

/// Whose records make a round.
#[derive(Clone, Copy)]
pub struct RecordsOfRound<'a> {
    /// Its agents
    pub agents: &'a [Agent],
    /// Its tasks
    pub tasks: &'a [RoundTask],
    /// What decides its trials
    pub round: &'a RoundDefinition,
}

/// The scores of a round that was run before.
#[derive(Debug, Default)]
pub struct StoredScores {
    /// The scores of each agent's trials, by its index
    pub scores: ScoresByAgent,
    /// The trials that have no record, but for those of agents that were stopped
    pub faults: Vec<FaultRecord>,
    /// The agents that were stopped
    pub stopped: Vec<StoppedAgent>,
}

impl StoredScores {
    /// Reads the records of all agents on all tasks of a round, some of whose agents may have been stopped.
    pub fn read(
        results: &Results,
        RecordsOfRound { agents, tasks, round }: RecordsOfRound<'_>,
        stopped: &[StoppedAgent],
    ) -> Result<Self, Fault> {
        let mut stored = Self::default();
        let was_stopped = |agent: &Agent| {
            let same = |s: &&StoppedAgent| {
                (&s.miner_id, &s.agent_sha256) == (&agent.miner_id, &agent.sha256)
            };
            stopped.iter().find(same)
        };
        let environment = &Environment::new(&round.image, round.model.as_deref());
        let shape = RoundShape { tasks: tasks.len(), repeat: round.repeat };
        for (index, agent) in agents.iter().enumerate() {
            let mut missing = Vec::new();
            let mut scores = TrialScores::new(shape);
            for place in shape.places() {
                let (task, repetition) = (&tasks[place.task], place.repetition);
                let identity =
                    TrialIdentity { agent: &agent.sha256, task, repetition, environment };
                match results.get(&identity.key())? {
                    Lookup::Hit(record) => scores.insert(place, record.score()),
                    Lookup::Miss | Lookup::Corrupt(_) => missing.push(FaultRecord {
                        miner_id: agent.miner_id.clone(),
                        task: task.id().clone(),
                        repetition,
                        fault: "it has no trial record; run 'arena evaluate'".to_owned(),
                    }),
                }
            }
            if scores.count() > 0 {
                stored.scores.insert(index, scores);
            }
            match was_stopped(agent) {
                Some(stopped) if !missing.is_empty() => stored.stopped.push(stopped.clone()),
                _ => stored.faults.extend(missing),
            }
        }
        Ok(stored)
    }
}
