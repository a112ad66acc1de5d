//! What the validator publishes of one agent's trials in a round, and whether it agrees with the published ranking.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use tasks::{Sha256, Verdict};

use super::miner_id::MinerId;
use super::rankings::{
    FaultRecord, Ranking, Rankings, Round, RoundStatus, StoppedAgent, TaskScore,
};
use super::trials::{DisclosedRecord, DisclosedTrial};

/// The most bytes that are published of what a trial printed, and of what it wrote to stderr: the beginning of the answer,
/// and the end of stderr, which has the traceback.
pub const MAX_PUBLISHED_OUTPUT_BYTES: usize = 8 << 10;

/// The latest rounds whose trials a store keeps in published form. Stored trial records are kept, so they can be published
/// again.
pub const ROUNDS_WITH_TRIALS: usize = 5;

/// Scores are stated with two decimals, so the mean of several may be off by this much.
const ROUNDING: f64 = 0.011;

/// What is published of one agent's trials in a round: why it has its score.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "server", schema(examples(json!({
    "round": "20260101T120000Z-5eed0007", "miner_id": "me",
    "agent_sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "trials": [{
        "miner_id": "me", "task": "reverse_string", "verdict": "WA", "score": 50.0, "passed": 1, "total": 2,
        "agent_sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "cases": [
            {"name": "example_1", "passed": false, "verdict": "WA",
                "detail": "reverse_string('ab') returned 'ab', expected 'ba'"},
            {"name": "hidden_1", "passed": true, "detail": ""}
        ],
        "wall_ms": 50, "cpu_ms": 20, "peak_memory_bytes": 16_777_216, "stdout": "def reverse_string(s): return s",
        "stderr": "", "stdout_truncated": false, "stderr_truncated": false, "attempts": [{"fault": null}]
    }],
    "faults": []
}))))]
pub struct AgentResults {
    /// The id of the round.
    #[cfg_attr(feature = "server", schema(pattern = "^[0-9A-Za-z-]{1,64}$"))]
    pub round: String,
    /// The agent's owner.
    pub miner_id: MinerId,
    /// The digest of the version that ran.
    #[cfg_attr(feature = "server", schema(value_type = String, pattern = "^[0-9a-f]{64}$"))]
    pub agent_sha256: Sha256,
    /// Its trials that have a verdict, in the order of the round's tasks.
    pub trials: Vec<DisclosedTrial>,
    /// Its trials that the arena could not complete.
    pub faults: Vec<FaultRecord>,
}

/// What the ranking says about an agent.
enum RankedAs<'a> {
    Place(&'a Ranking),
    Stopped(&'a StoppedAgent),
    NotJudged,
}

impl AgentResults {
    /// Checks the results against the published ranking of their round. Returns the first contradiction as a sentence.
    pub fn check(&self, rankings: &Rankings) -> Result<(), String> {
        let Self { miner_id, .. } = self;
        let round = &rankings.round;
        if self.round != round.id {
            return Err(format!(
                "the results are of round {}, and the ranking is of {}",
                self.round, round.id
            ));
        }
        let ranked = self.ranked_in(rankings)?;
        let mut seen = BTreeSet::new();
        for trial in &self.trials {
            self.check_trial(trial, round)?;
            if !seen.insert((&trial.record.task, trial.record.repetition)) {
                return Err(format!(
                    "the trial of '{miner_id}' on {} is listed twice",
                    trial.record.name()
                ));
            }
        }
        let faults = round.faults.iter().filter(|fault| fault.miner_id == *miner_id);
        if !faults.eq(&self.faults) {
            return Err(format!("the faults of '{miner_id}' are not those of the ranking"));
        }
        match ranked {
            RankedAs::Place(place) => self.check_scores(place, round),
            RankedAs::Stopped(stopped) if stopped.trials != self.trials.len() as u64 => {
                Err(format!(
                    "'{miner_id}' was stopped after {} trials, and the results have {}",
                    stopped.trials,
                    self.trials.len()
                ))
            }
            _ => Ok(()),
        }
    }

    /// Finds the agent in the ranking.
    fn ranked_in<'a>(&self, rankings: &'a Rankings) -> Result<RankedAs<'a>, String> {
        let Self { round, miner_id, agent_sha256, .. } = self;
        let other = |sha256: &Sha256| {
            let (ours, theirs) = (agent_sha256.short(), sha256.short());
            Err(format!(
                "the results of '{miner_id}' are of the version {ours}, and the ranking is of {theirs}"
            ))
        };
        if let Some(place) = rankings.rankings.iter().find(|place| place.miner_id == *miner_id) {
            let same = place.agent_sha256 == *agent_sha256;
            return if same { Ok(RankedAs::Place(place)) } else { other(&place.agent_sha256) };
        }
        let round_of = &rankings.round;
        if let Some(stopped) = round_of.stopped.iter().find(|agent| agent.miner_id == *miner_id) {
            let same = stopped.agent_sha256 == *agent_sha256;
            return if same {
                Ok(RankedAs::Stopped(stopped))
            } else {
                other(&stopped.agent_sha256)
            };
        }
        if round_of.faults.iter().any(|fault| fault.miner_id == *miner_id) {
            return Ok(RankedAs::NotJudged);
        }
        Err(format!("'{miner_id}' is not in the ranking of round {round}"))
    }

    /// Checks that a trial is of this agent and round, and discloses nothing that has to stay secret.
    fn check_trial(&self, trial: &DisclosedTrial, round: &Round) -> Result<(), String> {
        let DisclosedTrial { miner_id, key, record } = trial;
        let name = record.name();
        if *miner_id != self.miner_id || record.agent_sha256 != self.agent_sha256 {
            return Err(format!("the trial on {name} is of another agent than the results"));
        }
        if !round.tasks.contains(&record.task) || !(1..=round.repeat).contains(&record.repetition) {
            return Err(format!("the round has no trial {name}"));
        }
        let reveals = key.is_some() || record.seed.is_some() || record.origin.is_some();
        if round.status == RoundStatus::Open && reveals {
            return Err(format!(
                "the trial on {name} states its key, seed or origin, and the round is open: a guess of the seed could \
                 be tested against them"
            ));
        }
        if record.seed.is_some() && record.seed != round.seed {
            return Err(format!("the trial on {name} states another seed than the round"));
        }
        if record.task.is_private() && !record.is_withheld() {
            return Err(format!(
                "the trial on {name} discloses more than may be known of a private task"
            ));
        }
        if record.stdout.len().max(record.stderr.len()) > MAX_PUBLISHED_OUTPUT_BYTES {
            return Err(format!(
                "the output of the trial on {name} is longer than {MAX_PUBLISHED_OUTPUT_BYTES} bytes"
            ));
        }
        Ok(())
    }

    /// Checks that the trials are exactly those that the agent's place rests on.
    fn check_scores(&self, place: &Ranking, round: &Round) -> Result<(), String> {
        let miner_id = &self.miner_id;
        let mut count = 0;
        for (task, score) in &place.tasks {
            let trials = self.trials.iter().map(|trial| &trial.record);
            let mut trials: Vec<_> = trials.filter(|record| record.task == *task).collect();
            trials.sort_by_key(|record| record.repetition);
            count += trials.len();
            if u32::try_from(trials.len()) != Ok(round.repeat) || !adds_up(&trials, score) {
                return Err(format!(
                    "the trials of '{miner_id}' on {task} are not those of the ranking"
                ));
            }
        }
        if count != self.trials.len() {
            return Err(format!("'{miner_id}' has trials on tasks that it has no score on"));
        }
        Ok(())
    }
}

/// Returns whether a score is that of these trials, in the order of their repetitions.
fn adds_up(trials: &[&DisclosedRecord], score: &TaskScore) -> bool {
    if let [only] = trials {
        return only.score() == *score;
    }
    let sum = |count: fn(&DisclosedRecord) -> u32| {
        trials.iter().fold(0_u64, |sum, record| sum + u64::from(count(record)))
    };
    let wrong = trials.iter().map(|record| record.verdict).find(|verdict| verdict.is_wrong());
    let mut costs = trials.iter().map(|record| record.model.map(|used| used.cost_micro_usd));
    let cost = costs.try_fold(0_u64, |sum, cost| Some(sum.saturating_add(cost?)));
    let repetitions = u32::try_from(trials.len()).map_or(f64::NAN, f64::from);
    let mean = trials.iter().map(|record| record.score).sum::<f64>() / repetitions;
    wrong.unwrap_or(Verdict::Accepted) == score.verdict
        && trials.iter().map(|record| &record.passed).eq(&score.repetitions)
        && sum(|record| record.passed) == u64::from(score.passed)
        && sum(|record| record.total) == u64::from(score.total)
        && cost == score.cost_micro_usd
        && (mean - score.score).abs() < ROUNDING
}

impl DisclosedRecord {
    /// Cuts what the trial printed to [`MAX_PUBLISHED_OUTPUT_BYTES`].
    #[must_use]
    pub fn shortened(mut self) -> Self {
        let most = MAX_PUBLISHED_OUTPUT_BYTES;
        if self.stdout.len() > most {
            self.stdout.truncate(self.stdout.floor_char_boundary(most));
            self.stdout_truncated = true;
        }
        if self.stderr.len() > most {
            let from = self.stderr.ceil_char_boundary(self.stderr.len() - most);
            self.stderr.drain(..from);
            self.stderr_truncated = true;
        }
        self
    }
}
