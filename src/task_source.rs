//! The tasks of a command: the built-in ones, or the problems of a benchmark file. The canonical solutions
//! of a benchmark run in the sandbox first, unless the store knows what they return.

use std::sync::Arc;

use harness::benchmark::file::{ADVISORY, Benchmark};
use harness::benchmark::reference_outputs::ReferenceRun;
use harness::benchmark::tasks::{built_in, of_benchmark};
use harness::sandbox::Sandbox;
use tasks::Task;

use crate::args::{BenchmarkArgs, JobsArgs, SandboxArgs, StoreArgs, TaskArgs};
use crate::console::Console;
use crate::exit::{CommandError, Result};
use crate::sandbox::with_sandbox;

/// What decides the tasks of a command.
pub struct TaskSource<'a> {
    /// Which of the tasks
    pub tasks: &'a TaskArgs,
    /// The benchmark, if there is one
    pub benchmark: &'a BenchmarkArgs,
    /// Where the results of canonical solutions are kept
    pub store: &'a StoreArgs,
    /// Where canonical solutions run
    pub sandbox: &'a SandboxArgs,
    /// How many containers run them at a time
    pub jobs: &'a JobsArgs,
}

impl TaskSource<'_> {
    /// Loads the tasks.
    pub async fn load(&self, console: &Console) -> Result<Vec<Task>> {
        let filter = &self.tasks.filter();
        let Some(file) = &self.benchmark.file else { return Ok(built_in(filter)?) };
        if file.is_advisory() {
            console.print_line(ADVISORY);
        }
        let benchmark = Arc::new(Benchmark::read(file).map_err(CommandError::input)?);
        let store = self.store.open_or_create()?;
        let (benchmark, store) = (&benchmark, &store);
        let jobs = self.jobs.count();
        let work = |sandbox: Sandbox| async move {
            let on_run = console.reference_listener();
            let run = ReferenceRun { sandbox, jobs, on_run };
            Ok(of_benchmark(benchmark, filter, store, run).await?)
        };
        with_sandbox(self.sandbox, console, work).await
    }
}
