//! The tasks that a command asks for: built-in ones, or the problems of a benchmark.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use platform::store::{RoundDefinition, Store};
use tasks::Task;

use crate::Fault;
use crate::benchmark::file::{Benchmark, BenchmarkError};
use crate::benchmark::reference_outputs::{
    LeftOutProblem, ReferenceOutput, ReferenceOutputs, ReferenceResults, ReferenceRun,
};
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

/// The tasks that a benchmark provides.
pub struct BenchmarkTasks {
    /// The tasks, in the order of the benchmark
    pub tasks: Vec<Task>,
    /// Problems that were asked for and cannot be judged
    pub left_out: Vec<LeftOutProblem>,
}

/// Returns the problems of a benchmark with these ids, or all without ids. Expected values that the store does
/// not have are computed.
pub async fn of_benchmark(
    benchmark: &Arc<Benchmark>,
    ids: &[String],
    store: &Store,
    run: ReferenceRun,
) -> Result<BenchmarkTasks, TaskSourceError> {
    let chosen = places(benchmark, ids)?;
    let outputs = ReferenceOutputs::in_directory(store.expected_dir());
    let ReferenceResults { outputs, left_out } = outputs.of(benchmark, chosen, run).await?;
    Ok(BenchmarkTasks { tasks: problems(benchmark, outputs), left_out })
}

/// A round that was run before.
pub struct StoredRound<'a> {
    /// The round's definition
    pub definition: &'a RoundDefinition,
    /// The store
    pub store: &'a Store,
    /// The round's benchmark, if it had one
    pub benchmark: Option<&'a Benchmark>,
}

/// Returns the tasks of a round that was run before, without running anything.
pub fn stored(round: &StoredRound<'_>) -> Result<Vec<Task>, TaskSourceError> {
    let StoredRound { definition, store, benchmark } = round;
    let ids: Vec<_> = definition.tasks.iter().map(ToString::to_string).collect();
    let Some(benchmark) = benchmark else { return built_in(&ids) };
    let outputs = ReferenceOutputs::in_directory(store.expected_dir());
    let known = |index| {
        let output = outputs.look_up(benchmark, index, image_id(&definition.image));
        let output = output.ok_or_else(|| {
            let problem = benchmark.entries[index].name.clone();
            TaskSourceError::NoExpectedValues { problem, store: store.root().to_owned() }
        })?;
        Ok((index, output))
    };
    let outputs = places(benchmark, &ids)?.into_iter().map(known);
    Ok(problems(benchmark, outputs.collect::<Result<_, TaskSourceError>>()?))
}

fn problems(benchmark: &Benchmark, outputs: BTreeMap<usize, ReferenceOutput>) -> Vec<Task> {
    let task = |(index, output): (usize, ReferenceOutput)| {
        output.task(benchmark, &benchmark.problem(index))
    };
    outputs.into_iter().map(task).collect()
}

/// The places of the problems with these ids, or of all without ids.
fn places(benchmark: &Benchmark, ids: &[String]) -> Result<Vec<usize>, TaskSourceError> {
    let entries = &benchmark.entries;
    let place = |id: &String| {
        let found = entries.iter().position(|entry| entry.id.as_str() == *id);
        found.ok_or_else(|| TaskSourceError::UnknownTask(id.clone()))
    };
    if ids.is_empty() { Ok((0..entries.len()).collect()) } else { ids.iter().map(place).collect() }
}

fn choose(mut tasks: Vec<Task>, ids: &[String]) -> Result<Vec<Task>, TaskSourceError> {
    let known = |id: &String| tasks.iter().any(|task| task.id.as_str() == *id);
    if let Some(unknown) = ids.iter().find(|id| !known(id)) {
        return Err(TaskSourceError::UnknownTask(unknown.clone()));
    }
    tasks.retain(|task| ids.is_empty() || ids.iter().any(|id| id == task.id.as_str()));
    Ok(tasks)
}
