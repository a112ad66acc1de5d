//! The tasks of a command: the built-in ones, or the problems of a benchmark file. The canonical solutions
//! of a benchmark run in the sandbox first, unless the store knows what they return.

use std::sync::Arc;

use harness::benchmark::file::{ADVISORY, Benchmark};
use harness::benchmark::reference_outputs::{LeftOutProblem, ReferenceRun};
use harness::benchmark::tasks::{BenchmarkTasks, TaskFilter, built_in, of_benchmark};
use harness::sandbox::{Sandbox, SandboxSettings};
use tasks::Task;

use crate::args::{JobsArgs, StoreArgs, TaskArgs};
use crate::console::Console;
use crate::exit::Result;
use crate::sandbox::with_sandbox;

/// What decides the tasks of a command.
pub struct TaskSource<'a> {
    /// Which of the tasks
    pub tasks: &'a TaskArgs,
    /// The benchmark, if there is one
    pub benchmark: Option<Arc<Benchmark>>,
    /// Where the results of canonical solutions are kept
    pub store: &'a StoreArgs,
    /// Where canonical solutions run
    pub settings: &'a SandboxSettings,
    /// How many containers run them at a time
    pub jobs: &'a JobsArgs,
}

/// The tasks of a command.
pub struct LoadedTasks {
    /// The tasks
    pub tasks: Vec<Task>,
    /// Problems of the benchmark that cannot be judged; printed already
    pub left_out: Vec<LeftOutProblem>,
}

impl TaskSource<'_> {
    /// Loads the tasks.
    pub async fn load(&self, console: &Console) -> Result<LoadedTasks> {
        let filter = &self.tasks.filter();
        match &self.benchmark {
            None => Ok(LoadedTasks { tasks: built_in(filter)?, left_out: Vec::new() }),
            Some(benchmark) => self.problems(benchmark, filter, console).await,
        }
    }

    /// Loads all private tasks.
    pub async fn load_private(
        &self,
        benchmark: &Arc<Benchmark>,
        console: &Console,
    ) -> Result<LoadedTasks> {
        self.problems(benchmark, &TaskFilter::default(), console).await
    }

    /// Loads the chosen problems of a benchmark.
    async fn problems(
        &self,
        benchmark: &Arc<Benchmark>,
        filter: &TaskFilter,
        console: &Console,
    ) -> Result<LoadedTasks> {
        if benchmark.is_advisory() {
            console.print_line(ADVISORY);
        }
        let store = &self.store.open_or_create()?;
        let jobs = self.jobs.count();
        let work = |sandbox: Sandbox| async move {
            let on_run = console.reference_listener();
            let run = ReferenceRun { sandbox, jobs, on_run };
            Ok(of_benchmark(benchmark, filter, store, run).await?)
        };
        let BenchmarkTasks { tasks, left_out } = with_sandbox(self.settings, console, work).await?;
        for problem in &left_out {
            console.print_line(&problem.to_string());
        }
        Ok(LoadedTasks { tasks, left_out })
    }
}
