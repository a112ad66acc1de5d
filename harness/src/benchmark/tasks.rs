//! The tasks that a command asks for: built-in ones, or the problems of a benchmark.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use platform::api::PrivateTasks;
use platform::store::Store;
use tasks::{Family, Task, TaskId};
use wildmatch::WildMatch;

use crate::Fault;
use crate::benchmark::file::{Benchmark, BenchmarkError};
use crate::benchmark::private_tasks::{self, PrivateBenchmark, PrivateFileError};
use crate::benchmark::reference_outputs::{
    LeftOutProblem, ReferenceOutput, ReferenceOutputs, ReferenceResults, ReferenceRun,
};
use crate::choice::did_you_mean;
use crate::round::results::image_id;

/// Why tasks cannot be provided.
#[derive(Debug, thiserror::Error)]
pub enum TaskSourceError {
    /// No task has the id.
    #[error(transparent)]
    UnknownTask(#[from] UnknownTaskError),
    /// The benchmark's file cannot be used.
    #[error(transparent)]
    Benchmark(#[from] BenchmarkError),
    /// An expected value was never computed.
    #[error(
        "the expected values of {problem} are not in {}; run 'arena evaluate' with the same benchmark first",
        .directory.display()
    )]
    NoExpectedValues {
        /// The problem's name
        problem: String,
        /// The directory of expected values
        directory: PathBuf,
    },
    /// The file of private tasks is missing, or another one.
    #[error(transparent)]
    Private(#[from] PrivateFileError),
    /// A canonical solution could not be run.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// No task has the name.
#[derive(Debug, thiserror::Error)]
#[error(
    "no task '{}' exists{suggestion}; 'arena tasks' lists the built-in ones, and --benchmark names the file of a \
     benchmark's",
    .pattern.escape_debug()
)]
pub struct UnknownTaskError {
    /// The id or pattern
    pub pattern: String,
    /// A task that may be meant, as the end of a sentence
    pub suggestion: String,
}

/// The tasks that a benchmark provides.
pub struct BenchmarkTasks {
    /// The tasks, in the order of the benchmark
    pub tasks: Vec<Task>,
    /// Problems that were asked for and cannot be judged
    pub left_out: Vec<LeftOutProblem>,
}

/// Chooses tasks: those that match a pattern or belong to a family, or all without either.
#[derive(Clone, Debug, Default)]
pub struct TaskFilter {
    /// Ids, in which `*` stands for any text and `?` for any character
    pub patterns: Vec<String>,
    /// Families
    pub families: Vec<Family>,
}

impl TaskFilter {
    /// Chooses the tasks with these ids, or all without ids.
    pub fn ids(ids: &[TaskId]) -> Self {
        Self { patterns: ids.iter().map(ToString::to_string).collect(), families: Vec::new() }
    }

    /// Returns whether all tasks are chosen.
    pub fn is_all(&self) -> bool {
        self.patterns.is_empty() && self.families.is_empty()
    }

    /// Returns the chosen ones of these tasks, in their order. Every pattern must match one.
    pub fn choose<T>(
        &self,
        tasks: Vec<T>,
        name: impl for<'a> Fn(&'a T) -> (&'a TaskId, Family),
    ) -> Result<Vec<T>, UnknownTaskError> {
        let patterns: Vec<_> = self.patterns.iter().map(|text| WildMatch::new(text)).collect();
        let matches = |pattern: &WildMatch, task: &T| pattern.matches(name(task).0.as_str());
        let unmatched =
            |(_, pattern): &(&String, &WildMatch)| !tasks.iter().any(|task| matches(pattern, task));
        if let Some((text, _)) = self.patterns.iter().zip(&patterns).find(unmatched) {
            let names = tasks.iter().map(|task| name(task).0.as_str());
            let suggestion = did_you_mean(text, names);
            return Err(UnknownTaskError { pattern: text.clone(), suggestion });
        }
        let chosen = |task: &T| {
            self.is_all()
                || self.families.contains(&name(task).1)
                || patterns.iter().any(|pattern| matches(pattern, task))
        };
        Ok(tasks.into_iter().filter(chosen).collect())
    }
}

/// Returns the chosen built-in tasks.
pub fn built_in(filter: &TaskFilter) -> Result<Vec<Task>, TaskSourceError> {
    choose(tasks::all(), filter)
}

/// Returns the chosen problems of a benchmark. Expected values that the store does
/// not have are computed.
pub async fn of_benchmark(
    benchmark: &Arc<Benchmark>,
    filter: &TaskFilter,
    store: &Store,
    run: ReferenceRun,
) -> Result<BenchmarkTasks, TaskSourceError> {
    let chosen = places(benchmark, filter)?;
    let outputs = ReferenceOutputs::in_directory(store.expected_dir());
    let ReferenceResults { outputs, left_out } = outputs.of(benchmark, chosen, run).await?;
    Ok(BenchmarkTasks { tasks: problems(benchmark, outputs), left_out })
}

/// Where the tasks of a round that was run before come from.
pub struct StoredTasks<'a> {
    /// The round's tasks
    pub tasks: &'a [TaskId],
    /// The image that the round ran in
    pub image: &'a str,
    /// The store
    pub store: &'a Store,
    /// The round's benchmark, if it had one
    pub benchmark: Option<&'a Benchmark>,
    /// Its private tasks, if it had some
    pub private: Option<&'a PrivateTasks>,
    /// The benchmark of these
    pub private_file: Option<&'a PrivateBenchmark>,
}

/// Returns the tasks of a round that was run before, without running anything.
pub fn stored(round: &StoredTasks<'_>) -> Result<Vec<Task>, TaskSourceError> {
    let (private, public): (Vec<_>, Vec<_>) =
        round.tasks.iter().cloned().partition(TaskId::is_private);
    let mut tasks = match round.benchmark {
        _ if public.is_empty() && !private.is_empty() => Vec::new(),
        Some(benchmark) => of_stored(round, benchmark, &public)?,
        None => built_in(&TaskFilter::ids(&public))?,
    };
    if let Some(file) = private_tasks::matching(round.private, round.private_file)? {
        tasks.extend(of_stored(round, file, &private)?);
    }
    Ok(tasks)
}

/// Returns the chosen problems of a benchmark of a round that was run before.
fn of_stored(
    StoredTasks { image, store, .. }: &StoredTasks<'_>,
    benchmark: &Benchmark,
    tasks: &[TaskId],
) -> Result<Vec<Task>, TaskSourceError> {
    exported(&ExportedTasks { tasks, image, benchmark, expected: store.expected_dir() })
}

/// Where the tasks of a benchmark round come from.
pub struct ExportedTasks<'a> {
    /// The round's tasks
    pub tasks: &'a [TaskId],
    /// The image that the round ran in
    pub image: &'a str,
    /// The round's benchmark
    pub benchmark: &'a Benchmark,
    /// The directory of its expected values
    pub expected: PathBuf,
}

/// Returns the tasks of a benchmark round, without running anything.
pub fn exported(round: &ExportedTasks<'_>) -> Result<Vec<Task>, TaskSourceError> {
    let ExportedTasks { tasks, image, benchmark, expected } = round;
    let filter = &TaskFilter::ids(tasks);
    let outputs = ReferenceOutputs::in_directory(expected.clone());
    let known = |index| {
        let output = outputs.look_up(benchmark, index, image_id(image));
        let output = output.ok_or_else(|| {
            let problem = benchmark.entries[index].name.clone();
            TaskSourceError::NoExpectedValues { problem, directory: expected.clone() }
        })?;
        Ok((index, output))
    };
    let outputs = places(benchmark, filter)?.into_iter().map(known);
    Ok(problems(benchmark, outputs.collect::<Result<_, TaskSourceError>>()?))
}

fn problems(benchmark: &Benchmark, outputs: BTreeMap<usize, ReferenceOutput>) -> Vec<Task> {
    let task = |(index, output): (usize, ReferenceOutput)| {
        output.task(benchmark, &benchmark.problem(index))
    };
    outputs.into_iter().map(task).collect()
}

/// The places of the chosen problems.
fn places(benchmark: &Benchmark, filter: &TaskFilter) -> Result<Vec<usize>, TaskSourceError> {
    let entries = &benchmark.entries;
    let named: Vec<_> = (0..entries.len()).map(|place| (place, &entries[place].id)).collect();
    let chosen = filter.choose(named, |(_, id)| (*id, Family::Benchmarks))?;
    Ok(chosen.into_iter().map(|(place, _)| place).collect())
}

fn choose(tasks: Vec<Task>, filter: &TaskFilter) -> Result<Vec<Task>, TaskSourceError> {
    Ok(filter.choose(tasks, |task| (&task.id, task.family))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(patterns: &[&str], families: &[Family]) -> Vec<String> {
        let patterns = patterns.iter().map(ToString::to_string).collect();
        let filter = TaskFilter { patterns, families: families.to_vec() };
        let tasks = built_in(&filter).expect("every pattern matches a task");
        tasks.into_iter().map(|task| task.id.to_string()).collect()
    }

    #[test]
    fn chooses_by_pattern_or_family_in_the_order_of_rounds() {
        let all = tasks::all();
        assert_eq!(chosen(&[], &[]).len(), all.len());
        assert_eq!(chosen(&["two_sum", "reverse_string"], &[]), ["reverse_string", "two_sum"]);
        let parse = chosen(&["parse_*"], &[]);
        assert!(parse.len() > 1 && parse.iter().all(|id| id.starts_with("parse_")), "{parse:?}");
        let errors = all.iter().filter(|task| task.family == Family::Errors).count();
        assert_eq!(chosen(&["reverse_strin?"], &[Family::Errors]).len(), errors + 1);
    }

    #[test]
    fn suggests_a_task_for_an_unknown_one() {
        for (pattern, suggestion) in [("two_sums", "did you mean 'two_sum'?"), ("zzz_*", "exists;")]
        {
            let filter = TaskFilter { patterns: vec![pattern.to_owned()], families: Vec::new() };
            let error = built_in(&filter).err().expect("no task matches").to_string();
            assert!(error.contains(suggestion), "{error}");
        }
    }
}
