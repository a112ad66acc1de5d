//! Trying an agent the way a validator does: the same sandbox, the same judge, all cases, under a seed of
//! the miner's own. A round's seed is another, so what passes here has not been fitted to what will be asked.

use harness::Fault;
use harness::round::check::{CheckOutcome, CheckRequest, check};
use harness::round::events::RoundListener;
use harness::sandbox::Sandbox;
use harness::trial::record::Disclose;
use tasks::{Seed, Task, TaskView};

/// A sandbox and a seed.
#[derive(Clone)]
pub struct Tryout {
    /// Where agents run.
    pub sandbox: Sandbox,
    /// What the generated cases are drawn from.
    pub seed: Seed,
}

impl Tryout {
    /// Runs an agent on those of the tasks that this program knows.
    pub async fn run(
        &self,
        source: &str,
        views: &[TaskView],
        on_event: RoundListener,
    ) -> Result<CheckOutcome, Fault> {
        let tasks = views.iter().filter_map(known).collect();
        let (seed, disclose) = (self.seed, Disclose::Public);
        check(&self.sandbox, CheckRequest { source, tasks, seed, disclose }, on_event).await
    }
}

/// The task behind a platform's view of it. A platform may be newer than this program and have others.
pub fn known(view: &TaskView) -> Option<Task> {
    tasks::find(view.id.as_str()).filter(|task| task.kind == view.kind)
}
