//! Benchmarks whose problems only the validator knows, and whether a file is the one of a round.

use std::path::PathBuf;
use std::sync::Arc;

use platform::api::PrivateTasks;
use tasks::Sha256;

use crate::benchmark::file::Benchmark;

/// A benchmark whose problems are private tasks.
#[derive(Clone, Debug)]
pub struct PrivateBenchmark {
    /// What the validator calls it in public
    pub name: String,
    /// The file it was read from
    pub path: PathBuf,
    /// Its problems, with ids that reveal nothing of them
    pub benchmark: Arc<Benchmark>,
}

/// Why private tasks are not available.
#[derive(Debug, thiserror::Error)]
pub enum PrivateFileError {
    /// No file was named.
    #[error("the round has {} private tasks ('{}'): name their file with --private", .0.tasks, .0.name)]
    Missing(PrivateTasks),
    /// The round has no private tasks.
    #[error("the round has no private tasks: leave out --private {}", .0.display())]
    NotPrivate(PathBuf),
    /// The file is not that of the round.
    #[error(
        "{} is not the file of the round's private tasks: its sha256 is {found}, and the round states {stated}",
        .path.display()
    )]
    OtherFile {
        /// The file that was named
        path: PathBuf,
        /// Its digest
        found: Sha256,
        /// The digest that the round states
        stated: Sha256,
    },
}

impl PrivateBenchmark {
    /// Describes those of the round's private tasks that are in a round, if there are any.
    pub fn described(&self, tasks: usize) -> Option<PrivateTasks> {
        let tasks = u32::try_from(tasks).ok().filter(|tasks| *tasks > 0)?;
        Some(PrivateTasks { name: self.name.clone(), tasks, sha256: self.benchmark.sha256.clone() })
    }
}

/// Returns the benchmark of a round's private tasks; `None` if the round has none. The file must be the one that the
/// round states.
pub fn matching<'a>(
    stated: Option<&PrivateTasks>,
    file: Option<&'a PrivateBenchmark>,
) -> Result<Option<&'a Benchmark>, PrivateFileError> {
    match (stated, file) {
        (None, None) => Ok(None),
        (None, Some(file)) => Err(PrivateFileError::NotPrivate(file.path.clone())),
        (Some(stated), None) => Err(PrivateFileError::Missing(stated.clone())),
        (Some(stated), Some(PrivateBenchmark { path, benchmark, .. })) => {
            let (found, stated) = (benchmark.sha256.clone(), stated.sha256.clone());
            if found != stated {
                return Err(PrivateFileError::OtherFile { path: path.clone(), found, stated });
            }
            Ok(Some(benchmark))
        }
    }
}
