//! What a mining run does, and within which limits.

use tasks::TaskView;

use super::answers::KeptAnswer;
use super::tryout::{self, Tryout};
use harness::gateway::price::Price;

use crate::budget::Budget;

/// The limits of a mining run.
#[derive(Clone, Copy, Debug)]
pub struct MiningSettings {
    /// Most questions about one task.
    pub attempts: u32,
    /// Budget of the whole run.
    pub budget: Budget,
    /// Budget of one task.
    pub task_budget: Budget,
    /// Price of tokens, if the miner states it.
    pub price: Option<Price>,
    /// Longest reply, in tokens.
    pub max_output_tokens: u64,
    /// Number of tasks that are worked on at the same time, at least 1.
    pub jobs: usize,
}

/// What a mining run does.
pub struct MiningPlan<'a> {
    /// The tasks, as the platform lists them.
    pub tasks: &'a [TaskView],
    /// Where answers are tried. Without it the first answer of the right form is kept.
    pub tryout: Option<&'a Tryout>,
    /// Its limits.
    pub settings: MiningSettings,
}

impl<'a> MiningPlan<'a> {
    /// Where answers to a task are tried, if they can be.
    pub(super) fn tryout_for(&self, task: &TaskView) -> Option<&'a Tryout> {
        self.tryout.filter(|_| tryout::known(task).is_some())
    }

    /// Returns whether no further question can improve an answer.
    pub(super) fn is_done(&self, task: &TaskView, best: &KeptAnswer) -> bool {
        best.passes() || self.tryout_for(task).is_none()
    }
}
