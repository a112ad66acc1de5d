//! Reading an export: everything in it is compared with what it follows from, and what does not follow is named.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use platform::api::Rankings;
use tasks::{Sha256, Task};

use super::manifest::{
    EXPECTED, ExportManifest, ExportedBenchmark, MANIFEST, PROBLEMS, RANKING, REPORT, SUMS,
    files_below, parse_sums, source_name, task_name,
};
use super::write::{signature_files, task_file};
use crate::Fault;
use crate::scoring::verify::RoundReport;
use crate::trial::instance::RoundTask;

/// An export on disk.
#[derive(Clone, Debug)]
pub struct ExportedRound {
    root: PathBuf,
    /// What it was made with
    pub manifest: ExportManifest,
}

/// Why a directory cannot be read as an export.
#[derive(Debug, thiserror::Error)]
pub enum ReadExportError {
    /// A file cannot be read.
    #[error("{} is not an export of 'arena export': cannot read {name}: {cause}", .directory.display())]
    File {
        /// The directory
        directory: PathBuf,
        /// The file
        name: String,
        /// The system's error
        cause: std::io::Error,
    },
    /// A file holds something else.
    #[error("{} is damaged: {reason}", .path.display())]
    Damaged {
        /// The file
        path: PathBuf,
        /// What is wrong with it
        reason: String,
    },
}

impl ExportedRound {
    /// Reads what the export was made with.
    pub fn open(root: &Path) -> Result<Self, ReadExportError> {
        let text = read(root, MANIFEST)?;
        let manifest = serde_json::from_slice(&text).map_err(|error| ReadExportError::Damaged {
            path: root.join(MANIFEST),
            reason: error.to_string(),
        })?;
        Ok(Self { root: root.to_owned(), manifest })
    }

    /// The path of its report.
    pub fn report(&self) -> PathBuf {
        self.root.join(REPORT)
    }

    /// How its benchmark is read, and the file; none if the tasks are built in.
    pub fn benchmark(&self) -> Option<(&ExportedBenchmark, PathBuf)> {
        Some((self.manifest.benchmark.as_ref()?, self.root.join(PROBLEMS)))
    }

    /// The directory of the expected values of its benchmark.
    pub fn expected_dir(&self) -> PathBuf {
        self.root.join(EXPECTED)
    }

    /// Returns the source of an agent, which must have this digest.
    pub fn source(&self, sha256: &Sha256) -> Result<String, Fault> {
        let path = self.root.join(source_name(sha256));
        let bytes = fs::read(&path);
        let source = bytes.and_then(|bytes| match String::from_utf8(bytes) {
            Ok(source) if Sha256::of(source.as_bytes()) == *sha256 => Ok(source),
            _ => Err(std::io::Error::other("its content does not match the digest in its name")),
        });
        source.map_err(|cause| Fault::File { action: "read", path, cause })
    }

    /// Returns one sentence for each file that is not as it was exported: changed, missing, or added.
    pub fn check_sums(&self) -> Result<Vec<String>, ReadExportError> {
        let text = String::from_utf8_lossy(&read(&self.root, SUMS)?).into_owned();
        let sums = match parse_sums(&text) {
            Ok(sums) => sums,
            Err(line) => {
                return Ok(vec![format!(
                    "{SUMS}, line {line}: it is not as 'arena export' writes it"
                )]);
            }
        };
        let failed = |cause| ReadExportError::File {
            directory: self.root.clone(),
            name: ".".to_owned(),
            cause,
        };
        let mut problems = Vec::new();
        let mut found = files_below(&self.root).map_err(failed)?;
        found.remove(SUMS);
        for (name, sha256) in sums {
            match found.remove(&name) {
                None => problems.push(format!("{name} is missing, and {SUMS} lists it")),
                Some(path) => match fs::read(&path) {
                    Ok(bytes) if Sha256::of(&bytes) == sha256 => {}
                    Ok(_) => problems.push(format!("{name} is not the file that {SUMS} lists")),
                    Err(error) => problems.push(format!("cannot read {name}: {error}")),
                },
            }
        }
        problems.extend(found.keys().map(|name| format!("{name} is not listed in {SUMS}")));
        Ok(problems)
    }

    /// Returns one sentence for each file that does not follow from the report, the definitions of the tasks and the seed.
    /// The report itself is verified on its own.
    pub fn check_files(&self, report: &RoundReport, definitions: &[Task]) -> Vec<String> {
        let mut problems = Vec::new();
        let ranked = report.ranked();
        if self.manifest.round != ranked.round.id {
            problems.push(format!(
                "{MANIFEST} is of round {}, but {REPORT} of {}",
                self.manifest.round.escape_debug(),
                ranked.round.id
            ));
        }
        let ranking = fs::read(self.root.join(RANKING)).ok();
        let ranking: Option<Rankings> =
            ranking.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        if ranking.as_ref() != Some(&ranked) {
            problems.push(format!("{RANKING} is not the ranking of {REPORT}"));
        }
        for (name, text) in ranked.signature.iter().flat_map(signature_files) {
            if !self.holds(name, text.as_bytes()) {
                problems.push(format!("{name} is not that of the signature in {REPORT}"));
            }
        }
        let sources: BTreeSet<_> =
            ranked.rankings.iter().map(|place| &place.agent_sha256).collect();
        for sha256 in sources {
            if self.source(sha256).is_err() {
                problems.push(format!("{} is not the ranked source", source_name(sha256)));
            }
        }
        if let (Some(seed), None) = (ranked.round.seed, &self.manifest.benchmark) {
            for id in &ranked.round.tasks {
                let task = definitions.iter().find(|task| task.id == *id);
                let file = task.map(|task| task_file(&RoundTask::new(task.clone(), seed)));
                if !file.is_some_and(|file| self.holds(&task_name(id), &file)) {
                    problems.push(format!(
                        "{} is not the task of arena {} under the seed of the round",
                        task_name(id),
                        env!("CARGO_PKG_VERSION")
                    ));
                }
            }
        }
        problems
    }

    fn holds(&self, name: &str, bytes: &[u8]) -> bool {
        fs::read(self.root.join(name)).is_ok_and(|found| found == bytes)
    }
}

fn read(root: &Path, name: &str) -> Result<Vec<u8>, ReadExportError> {
    fs::read(root.join(name)).map_err(|cause| ReadExportError::File {
        directory: root.to_owned(),
        name: name.to_owned(),
        cause,
    })
}
