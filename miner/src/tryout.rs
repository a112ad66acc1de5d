//! Trying an agent the way a validator does: the same sandbox, the same judge, all cases, under a seed of
//! the miner's own. A round's seed is another, so what passes here has not been fitted to what will be asked.

use harness::Fault;
use harness::round::check::{self, Checked};
use harness::round::run::Listener;
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
        on_event: Listener,
    ) -> Result<Checked, Fault> {
        let known: Vec<_> = views.iter().filter_map(known).collect();
        check::check(&self.sandbox, source, known, self.seed, Disclose::Public, on_event).await
    }
}

/// The task behind a platform's view of it. A platform may be newer than this program and have others.
pub fn known(view: &TaskView) -> Option<Task> {
    tasks::find(view.id.as_str()).filter(|task| task.kind == view.kind)
}
