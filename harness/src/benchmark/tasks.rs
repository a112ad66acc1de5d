//! The tasks that a command asks for: built-in ones, or the problems of a benchmark.

use std::path::PathBuf;
use std::sync::Arc;

use platform::store::{RoundDefinition, Store};
use tasks::Task;

use crate::Fault;
use crate::benchmark::file::{Benchmark, BenchmarkError, BenchmarkFile};
use crate::benchmark::reference_outputs::{ReferenceOutput, ReferenceOutputs, ReferenceRun};
use crate::round::results::image_id;

/// Why tasks cannot be provided.
#[derive(Debug, thiserror::Error)]
pub enum TaskSourceError {
    /// No task has the id.
    #[error(
        "no task '{}' exists; 'arena tasks' lists the built-in ones, and --benchmark names the file of a \
         benchmark's",
        .0.escape_debug()
    )]
    UnknownTask(String),
    /// The benchmark's file cannot be used.
    #[error(transparent)]
    Benchmark(#[from] BenchmarkError),
    /// An expected value was never computed.
    #[error(
        "the expected values of {problem} are not in {}; run 'arena evaluate' with the same benchmark first",
        .store.display()
    )]
    NoExpectedValues {
        /// The problem's name
        problem: String,
        /// The store's directory
        store: PathBuf,
    },
    /// A canonical solution could not be run.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// Returns the built-in tasks with these ids, or all without ids.
pub fn built_in(ids: &[String]) -> Result<Vec<Task>, TaskSourceError> {
    choose(tasks::all(), ids)
}

/// Returns the problems of a benchmark with these ids, or all without ids. Expected values that the store does
/// not have are computed.
pub async fn of_benchmark(
    benchmark: &Arc<Benchmark>,
    ids: &[String],
    store: &Store,
    run: ReferenceRun,
) -> Result<Vec<Task>, TaskSourceError> {
    let outputs = ReferenceOutputs::in_directory(store.expected_dir()).of(benchmark, run).await?;
    choose(problems(benchmark, outputs), ids)
}

/// Returns the tasks of a round that was run before, without running anything.
pub fn stored(
    file: Option<&BenchmarkFile>,
    store: &Store,
    round: &RoundDefinition,
) -> Result<Vec<Task>, TaskSourceError> {
    let ids: Vec<_> = round.tasks.iter().map(ToString::to_string).collect();
    match file {
        None => built_in(&ids),
        Some(file) => choose(all_stored(file, store, image_id(&round.image))?, &ids),
    }
}

/// Returns all problems of a benchmark with the expected values that the store has for this image, without running
/// anything.
pub fn all_stored(
    file: &BenchmarkFile,
    store: &Store,
    image: &str,
) -> Result<Vec<Task>, TaskSourceError> {
    let benchmark = Benchmark::read(file)?;
    let outputs = ReferenceOutputs::in_directory(store.expected_dir());
    let known = |index| {
        outputs.look_up(&benchmark, index, image).ok_or_else(|| {
            let problem = benchmark.entries[index].name.clone();
            TaskSourceError::NoExpectedValues { problem, store: store.root().to_owned() }
        })
    };
    let outputs = (0..benchmark.entries.len()).map(known).collect::<Result<_, _>>()?;
    Ok(problems(&benchmark, outputs))
}

fn problems(benchmark: &Benchmark, outputs: Vec<ReferenceOutput>) -> Vec<Task> {
    let task =
        |(index, output): (usize, ReferenceOutput)| benchmark.problem(index).task(output.expected);
    outputs.into_iter().enumerate().map(task).collect()
}

fn choose(mut tasks: Vec<Task>, ids: &[String]) -> Result<Vec<Task>, TaskSourceError> {
    let known = |id: &String| tasks.iter().any(|task| task.id.as_str() == *id);
    if let Some(unknown) = ids.iter().find(|id| !known(id)) {
        return Err(TaskSourceError::UnknownTask(unknown.clone()));
    }
    tasks.retain(|task| ids.is_empty() || ids.iter().any(|id| id == task.id.as_str()));
    Ok(tasks)
}
