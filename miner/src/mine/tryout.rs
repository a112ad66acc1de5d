//! Tries agents as a validator does: the same sandbox, judge and cases, under a seed of the miner's own. A round has
//! another seed, so an answer that passes here is not fitted to the cases of a round.

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
    /// Seed of the generated cases.
    pub seed: Seed,
}

impl Tryout {
    /// Runs an agent on the given tasks, without those that are not built in.
    pub async fn run(
        &self,
        source: &str,
        views: &[TaskView],
        on_event: RoundListener,
    ) -> Result<CheckOutcome, Fault> {
        let tasks = views.iter().filter_map(known).collect();
        let (seed, disclose) = (self.seed, Disclose::Public);
        let request = CheckRequest { source, tasks, seed, disclose, jobs: 1, model: None };
        check(&self.sandbox, request, on_event).await
    }
}

/// The built-in task behind a platform's view of it. A newer platform may have other tasks.
pub fn known(view: &TaskView) -> Option<Task> {
    tasks::find(view.id.as_str()).filter(|task| task.kind == view.kind)
}
