//! Which worker ran which trial of a round: a file next to the store's records, and the place of void records.
//!
//! A line is on the disk before its record is. A record without a line was run by this machine.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use harness::Fault;
use platform::store::Store;
use serde::{Deserialize, Serialize};
use tasks::{Sha256, TaskId};

use crate::identity::WorkerId;

/// Who ran a trial.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProvenanceLine {
    /// The agent
    pub agent: Sha256,
    /// The task
    pub task: TaskId,
    /// The repetition, from 1
    pub repetition: u32,
    /// The worker; none if this machine ran it
    pub worker: Option<WorkerId>,
    /// The key of the batch that it ran in, which the signature covers
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<Sha256>,
    /// The worker's signature of the record
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub signature: String,
    /// Whether another worker has run the trial with the same outcome
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub audited: bool,
}

/// The file of a round.
pub struct Provenance {
    path: PathBuf,
    file: File,
    void: PathBuf,
}

impl Provenance {
    /// Opens the file of a round, and creates it if there is none.
    pub fn open(store: &Store, round: &str) -> Result<Self, Fault> {
        let directory = store.root().join("workers");
        create_private(&directory)?;
        let path = directory.join(format!("{round}.jsonl"));
        let file = OpenOptions::new().create(true).append(true).mode(0o600).open(&path);
        let file = file.map_err(|cause| failed("open", &path, cause))?;
        Ok(Self { path, file, void: store.root().join("void") })
    }

    /// Reads the lines. The last one of a trial counts; a line that a crash cut off is left out.
    pub fn read(&self) -> Result<Vec<ProvenanceLine>, Fault> {
        let file = File::open(&self.path).map_err(|cause| failed("read", &self.path, cause))?;
        let mut lines = Vec::new();
        for line in BufReader::new(file).lines() {
            let line = line.map_err(|cause| failed("read", &self.path, cause))?;
            lines.extend(serde_json::from_str(&line).ok());
        }
        Ok(lines)
    }

    /// Adds lines. When this returns, they are on the disk.
    pub fn add(&mut self, lines: &[ProvenanceLine]) -> Result<(), Fault> {
        // A line that a crash cut off must not swallow the next one.
        let mut text = String::from("\n");
        for line in lines {
            text.push_str(&serde_json::to_string(line).expect("a line is plain data"));
            text.push('\n');
        }
        let written = self.file.write_all(text.as_bytes()).and_then(|()| self.file.sync_data());
        written.map_err(|cause| failed("write", &self.path, cause))
    }

    /// Notes that the records of a worker are void in this round. When this returns, the note is on the disk: a
    /// coordinator that takes over must not trust the worker again.
    pub fn void_worker(&self, worker: &WorkerId) -> Result<(), Fault> {
        let path = self.path.with_extension(format!("{worker}.void"));
        let created = File::create(&path).and_then(|file| file.sync_all());
        let noted = created.and_then(|()| File::open(self.directory())?.sync_all());
        noted.map_err(|cause| failed("write", &path, cause))
    }

    fn directory(&self) -> &Path {
        self.path.parent().expect("it is in a directory")
    }

    /// The workers whose records are void in this round.
    pub fn void_workers(&self) -> Result<Vec<WorkerId>, Fault> {
        let directory = self.directory();
        let stem = self.path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let entries = std::fs::read_dir(directory).map_err(|c| failed("read", directory, c))?;
        let mut workers = Vec::new();
        for entry in entries {
            let name = entry.map_err(|cause| failed("read", directory, cause))?.file_name();
            let name = name.to_string_lossy();
            let worker =
                name.strip_prefix(&format!("{stem}.")).and_then(|n| n.strip_suffix(".void"));
            workers.extend(worker.and_then(|id| WorkerId::try_from(id.to_owned()).ok()));
        }
        Ok(workers)
    }

    /// Moves the record of a trial to the void ones of a worker. Returns where it is now; `None` if there is none.
    pub fn set_aside(
        &self,
        store: &Store,
        key: &Sha256,
        worker: &WorkerId,
    ) -> Result<Option<PathBuf>, Fault> {
        let directory = self.void.join(worker.as_str());
        create_private(&directory)?;
        let name = format!("{key}.json");
        let (from, to) = (store.results_dir().join(&name), directory.join(&name));
        match std::fs::rename(&from, &to) {
            Ok(()) => Ok(Some(to)),
            Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(cause) => Err(failed("set aside", &from, cause)),
        }
    }
}

/// Creates a directory that only its owner may read: records hold the round's seed.
fn create_private(directory: &Path) -> Result<(), Fault> {
    let created = DirBuilder::new().recursive(true).mode(0o700).create(directory);
    created.map_err(|cause| failed("create", directory, cause))
}

fn failed(action: &'static str, path: &Path, cause: std::io::Error) -> Fault {
    Fault::File { action, path: path.to_owned(), cause }
}
