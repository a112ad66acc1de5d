//! A task as one round asks it: everything that the seed decides, computed once.

use tasks::{Case, Seed, Sha256, Task, TaskId};

/// A task together with its cases under a seed.
#[derive(Clone)]
pub struct RoundTask {
    /// The task
    pub task: Task,
    /// The round's seed
    pub seed: Seed,
    /// The prompt that the agent gets
    pub prompt: String,
    /// The cases, expected values included
    pub cases: Vec<Case>,
    /// Digest of everything in here that decides a verdict
    pub digest: Sha256,
}

impl RoundTask {
    /// Draws the prompt and the cases of `task` under `seed`.
    pub fn new(task: Task, seed: Seed) -> Self {
        let (prompt, cases) = (task.prompt(seed), task.cases(seed));
        let digest = task.digest_of(&prompt, &cases);
        Self { task, seed, prompt, cases, digest }
    }

    /// The task's id.
    pub fn id(&self) -> &TaskId {
        &self.task.id
    }
}
