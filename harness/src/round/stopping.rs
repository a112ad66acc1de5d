//! Stopping agents early: those that fail a screening, and those that cannot reach the ranks that count any more.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use platform::MinerId;
use platform::api::{Round, Screening, StopReason, StoppedAgent};
use tasks::{Sha256, TaskId};

use crate::round::agent::Agent;
use crate::scoring::bounds::{bounds, screen_score, screened};
use crate::scoring::rank::ScoredTask;
use crate::scoring::score::{TrialScores, hundredths};

/// When agents are stopped.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StopRules {
    /// Stop agents that score too little on some tasks
    pub screening: Option<DrawnScreening>,
    /// Stop agents that cannot reach this rank
    pub top: Option<u32>,
    /// The holder of the first place, who is never stopped
    pub incumbent: Option<MinerId>,
}

/// A screening, and the commitment that its tasks are drawn from.
#[derive(Clone, Debug, PartialEq)]
pub struct DrawnScreening {
    /// The rule
    pub screening: Screening,
    /// The round's commitment
    pub commitment: Sha256,
}

impl StopRules {
    /// The rules that a round was judged by.
    pub fn of_round(round: &Round) -> Self {
        let drawn = |screening| DrawnScreening { screening, commitment: round.commitment.clone() };
        Self { screening: round.screening.map(drawn), top: round.top, incumbent: None }
    }
}

/// What `--screen` takes: `N:SCORE`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScreenRule(pub Screening);

/// The text is not such a rule.
#[derive(Debug, thiserror::Error)]
#[error(
    "'{}' is not a screening; expected 'N:SCORE', such as 10:30 to stop agents that score less than 30 on 10 tasks",
    .0.escape_debug()
)]
pub struct ParseScreenRuleError(String);

impl FromStr for ScreenRule {
    type Err = ParseScreenRuleError;

    fn from_str(text: &str) -> Result<Self, ParseScreenRuleError> {
        let parsed = text.split_once(':').and_then(|(tasks, score)| {
            Some(Screening { tasks: tasks.parse().ok()?, score: score.parse().ok()? })
        });
        let usable = |rule: &Screening| rule.tasks > 0 && rule.score > 0.0 && rule.score <= 100.0;
        let rule = parsed.filter(usable).ok_or_else(|| ParseScreenRuleError(text.to_owned()))?;
        Ok(Self(rule))
    }
}

/// The rules of a round, and how far its agents are.
pub(crate) struct Stopping {
    rules: StopRules,
    tasks: Vec<ScoredTask>,
    screened: BTreeSet<TaskId>,
    state: Mutex<StopState>,
}

#[derive(Default)]
struct StopState {
    /// The agents with the highest lower bounds, in hundredths of a point; at most as many as the rank that counts
    best: BTreeSet<(i64, usize)>,
    /// Agents with a fault, which wait for a trial and are not stopped
    faulted: BTreeSet<usize>,
    stopped: BTreeMap<usize, StoppedAgent>,
}

impl Stopping {
    /// The rules of a round with these tasks.
    pub fn new(rules: StopRules, tasks: Vec<ScoredTask>) -> Self {
        let ids: Vec<_> = tasks.iter().map(|task| task.id.clone()).collect();
        let screened = rules
            .screening
            .as_ref()
            .map(|rule| screened(&rule.commitment, &ids, rule.screening.tasks as usize));
        let screened = screened.unwrap_or_default();
        Self { rules, tasks, screened, state: Mutex::default() }
    }

    /// Returns whether a task belongs to the screening, so that its trials come first.
    pub fn is_screened(&self, id: &TaskId) -> bool {
        self.screened.contains(id)
    }

    /// Counts what an agent has so far.
    pub fn judged(&self, agent: usize, trials: &TrialScores) {
        let Some(top) = self.rules.top else { return };
        let low = hundredths(bounds(trials, &self.tasks).low);
        let mut state = self.state();
        state.best.retain(|(_, known)| *known != agent);
        state.best.insert((low, agent));
        if state.best.len() > top as usize {
            state.best.pop_first();
        }
    }

    /// Counts a trial that ended in a fault.
    pub fn faulted(&self, agent: usize) {
        self.state().faulted.insert(agent);
    }

    /// Returns whether an agent with missing trials needs no more of them, and remembers why.
    pub fn stops(&self, index: usize, agent: &Agent, trials: &TrialScores) -> bool {
        if self.rules.screening.is_none() && self.rules.top.is_none() {
            return false;
        }
        let mut state = self.state();
        if state.stopped.contains_key(&index) {
            return true;
        }
        if self.rules.incumbent.as_ref() == Some(&agent.miner_id) || state.faulted.contains(&index)
        {
            return false;
        }
        let high = bounds(trials, &self.tasks).high;
        let failed = self.rules.screening.as_ref().filter(|rule| {
            screen_score(trials, &self.tasks, &self.screened)
                .is_some_and(|score| score < rule.screening.score)
        });
        let out_of_reach = self.rules.top.filter(|top| {
            let full = state.best.len() == *top as usize;
            let last = state.best.first().copied().filter(|_| full);
            last.is_some_and(|(low, _)| hundredths(high) < low)
        });
        let reason = match (failed, out_of_reach) {
            (Some(_), _) => StopReason::Screening,
            (None, Some(_)) => StopReason::OutOfReach,
            (None, None) => return false,
        };
        let stopped = StoppedAgent {
            miner_id: agent.miner_id.clone(),
            agent_sha256: agent.sha256.clone(),
            reason,
            bound: high,
            trials: trials.count() as u64,
        };
        state.stopped.insert(index, stopped);
        true
    }

    /// The agents that were stopped, in the order of the plan.
    pub fn stopped(&self) -> Vec<StoppedAgent> {
        self.state().stopped.values().cloned().collect()
    }

    fn state(&self) -> MutexGuard<'_, StopState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_screening() {
        let rule = |text: &str| text.parse::<ScreenRule>().map(|rule| rule.0);
        assert_eq!(rule("10:30").unwrap(), Screening { tasks: 10, score: 30.0 });
        assert_eq!(rule("1:0.5").unwrap(), Screening { tasks: 1, score: 0.5 });
        for text in ["", "10", "0:30", "10:0", "10:101", "10:nan", "-1:30", "10:30:1", "a:b"] {
            let error = rule(text).unwrap_err().to_string();
            assert!(error.contains("expected 'N:SCORE'"), "{text}: {error}");
        }
    }
}
