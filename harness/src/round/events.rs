//! What happens in a round, as the engine reports it.

use std::sync::Arc;

use platform::MinerId;
use platform::api::TaskScore;
use tasks::TaskId;

/// What happens in a round.
#[derive(Clone, Debug)]
pub enum RoundEvent {
    /// The round begins.
    Started {
        /// Number of trials, those with a stored record included
        trials: usize,
    },
    /// The controls have run: the next round of trials is that of the agents.
    Proven,
    /// A trial has a verdict, because it was run or looked up.
    Finished {
        /// The agent's miner
        miner_id: MinerId,
        /// The task
        task: TaskId,
        /// The score
        score: TaskScore,
        /// Whether it was looked up
        cached: bool,
    },
    /// An attempt at a trial ended in a fault, and there will be another.
    Retrying {
        /// The agent's miner
        miner_id: MinerId,
        /// The task
        task: TaskId,
        /// What failed
        fault: String,
    },
    /// A trial ended in a fault.
    Faulted {
        /// The agent's miner
        miner_id: MinerId,
        /// The task
        task: TaskId,
        /// What failed
        fault: String,
    },
    /// Trials of an agent are not run, because it was stopped.
    Skipped {
        /// The agent's miner
        miner_id: MinerId,
        /// How many trials
        trials: usize,
    },
    /// The controls show that a task judges wrongly, so it is left out.
    UnsoundTask {
        /// The task
        task: TaskId,
        /// What is wrong with it
        reason: String,
    },
    /// Something is wrong that does not stop the round.
    Warning(String),
}

/// Receives events.
pub type RoundListener = Arc<dyn Fn(RoundEvent) + Send + Sync>;
