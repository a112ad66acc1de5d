//! Checking the whole store: does every file hold what was written there? What can be fixed without losing
//! or exposing anything is fixed on request; the rest is only reported.
//!
//! Damaged metadata stays in place: without it the id would be free, and another miner could take it. Files that
//! do not belong to the store, or that can be created again, move to `quarantine/`.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::Value;
use tasks::Sha256;

use super::error::StoreError;
use super::files::{Store, read_json};
use super::lock::WriteLock;
use super::meta::{AgentMeta, MAX_HISTORY, RoundDefinition};
use crate::api::{AgentResults, MinerId, Rankings};

/// A file of the store that is not in order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Issue {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub what: String,
    /// What was done about it, or what to do.
    pub repair: Repair,
}

/// What was done about an [`Issue`], or what to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Repair {
    /// This was done.
    Done(String),
    /// This is done if a repair is requested.
    WithRepair(String),
    /// This is for the operator to do.
    ByHand(String),
}

impl fmt::Display for Issue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; {}", self.path.display(), self.what, self.repair)
    }
}

impl fmt::Display for Repair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done(action) => write!(f, "done: {action}"),
            Self::WithRepair(action) => write!(f, "with --repair: {action}"),
            Self::ByHand(action) => f.write_str(action),
        }
    }
}

/// What is done with a file that does not belong in its place.
const MOVE: &str = "move it to quarantine/";

impl Store {
    /// Checks every file and changes nothing. Returns the issues sorted by path.
    pub fn fsck(&self) -> Result<Vec<Issue>, StoreError> {
        Fsck::new(self, FsckMode::Report).run()
    }

    /// Checks every file and fixes what is safe to fix. Returns the issues sorted by path.
    pub fn fsck_and_repair(&self) -> Result<Vec<Issue>, StoreError> {
        Fsck::new(self, FsckMode::Repair).run()
    }
}

#[derive(Clone, Copy, PartialEq)]
enum FsckMode {
    Report,
    Repair,
}

struct Fsck<'a> {
    store: &'a Store,
    mode: FsckMode,
    issues: Vec<Issue>,
    /// The versions that some metadata names.
    known: HashSet<Sha256>,
}

impl<'a> Fsck<'a> {
    fn new(store: &'a Store, mode: FsckMode) -> Self {
        Self { store, mode, issues: Vec::new(), known: HashSet::new() }
    }

    fn run(mut self) -> Result<Vec<Issue>, StoreError> {
        let agents = self.metadata()?;
        self.versions(&agents)?;
        #[cfg(feature = "validation")]
        self.programs(&agents);
        self.copies(&agents)?;
        self.foreign_agents(&agents)?;
        self.foreign_versions()?;
        self.rounds()?;
        self.rankings()?;
        self.results()?;
        self.trials()?;
        self.issues.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(self.issues)
    }

    /// Reads all metadata.
    fn metadata(&mut self) -> Result<Vec<AgentMeta>, StoreError> {
        let mut agents = Vec::new();
        for miner_id in self.store.agent_ids()?.iter() {
            match self.store.agent(miner_id) {
                Ok(Some(meta)) => {
                    self.check_history(&meta);
                    self.known.extend(meta.history.iter().map(|version| version.sha256.clone()));
                    self.known.insert(meta.sha256.clone());
                    agents.push(meta);
                }
                Ok(None) => {}
                Err(error) => {
                    let (path, what) = match error {
                        StoreError::Damaged { path, reason } => {
                            (path, format!("it is damaged: {reason}"))
                        }
                        StoreError::Io { path, source, .. } => {
                            (path, format!("it cannot be read: {source}"))
                        }
                        other => return Err(other),
                    };
                    let how = format!(
                        "restore it from a backup; if you remove it, another miner can take the id '{miner_id}'"
                    );
                    self.by_hand(&path, what, how);
                }
            }
        }
        Ok(agents)
    }

    fn check_history(&mut self, meta: &AgentMeta) {
        let numbers = meta.history.iter().map(|earlier| earlier.version);
        let first = if meta.history.len() < MAX_HISTORY {
            1
        } else {
            meta.history.first().map_or(1, |first| first.version)
        };
        if !numbers.chain([meta.version]).eq(first..=meta.version) {
            let path = self.store.meta_path(&meta.miner_id);
            self.by_hand(
                &path,
                "its version numbers have a gap".into(),
                "restore it from a backup".into(),
            );
        }
    }

    /// Every version that metadata names exists and matches its digest.
    fn versions(&mut self, agents: &[AgentMeta]) -> Result<(), StoreError> {
        // A copy for people can replace a lost version.
        let copies: HashMap<&Sha256, PathBuf> = agents
            .iter()
            .map(|meta| (&meta.sha256, self.store.source_path(&meta.miner_id)))
            .collect();
        for sha256 in self.known.clone() {
            let path = self.store.version_path(&sha256);
            let Some(actual) = self.readable(digest(&path))? else { continue };
            let what = match actual {
                Some(actual) if actual == sha256 => continue,
                Some(_) => "its content does not match the digest in its name",
                None => "it is missing",
            };
            let copy = copies.get(&sha256).and_then(|copy| fs::read(copy).ok());
            match copy.filter(|bytes| Sha256::of(bytes) == sha256) {
                Some(bytes) => {
                    let action = "restore it from the copy in agents/";
                    self.fix(&path, what, action, |store| store.write(&path, &bytes));
                }
                None => self.by_hand(&path, what.into(), "restore it from a backup".into()),
            }
        }
        Ok(())
    }

    /// Every digest of a program is that of its version.
    #[cfg(feature = "validation")]
    fn programs(&mut self, agents: &[AgentMeta]) {
        for meta in agents {
            // A version that cannot be read is reported already.
            let Ok(right) = self.store.with_programs(meta) else { continue };
            if right != *meta {
                let path = self.store.meta_path(&meta.miner_id);
                let what = "the digest of the program of a version is missing or wrong";
                let action = "compute it from versions/";
                self.fix(&path, what, action, |store| store.repair_programs(&meta.miner_id));
            }
        }
    }

    /// Every copy for people holds the current version.
    fn copies(&mut self, agents: &[AgentMeta]) -> Result<(), StoreError> {
        for meta in agents {
            let copy = self.store.source_path(&meta.miner_id);
            let Some(actual) = self.readable(digest(&copy))? else { continue };
            if actual.as_ref() == Some(&meta.sha256) {
                continue;
            }
            // An upload may be between its metadata and its copy. The lock excludes that.
            let _lock = WriteLock::acquire(&self.store.locks_dir(), &meta.miner_id)?;
            let meta = self.store.agent(&meta.miner_id)?.unwrap_or_else(|| meta.clone());
            let actual = digest(&copy)?;
            // Without the version there is nothing to copy, and that is reported already.
            if actual.as_ref() != Some(&meta.sha256) && self.store.source(&meta).is_ok() {
                let what = if actual.is_some() {
                    "it is not the current version"
                } else {
                    "it is missing"
                };
                let action = "restore it from versions/";
                self.fix(&copy, what, action, |store| store.restore_copy(&meta.miner_id));
            }
        }
        Ok(())
    }

    /// Reports files in `agents/` that belong to no agent.
    fn foreign_agents(&mut self, agents: &[AgentMeta]) -> Result<(), StoreError> {
        let agents: HashSet<_> = agents.iter().map(|meta| meta.miner_id.as_str()).collect();
        for path in files(&self.store.agents_dir())? {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let is_metadata =
                name.strip_suffix(".json").is_some_and(|id| id.parse::<MinerId>().is_ok());
            // A copy whose metadata is damaged is all that is left of its agent.
            let is_copy = name.strip_suffix(".py").is_some_and(|id| {
                agents.contains(id) || path.with_file_name(format!("{id}.json")).exists()
            });
            if !is_metadata && !is_copy {
                self.quarantine(&path, "it was never accepted as an agent");
            }
        }
        Ok(())
    }

    /// Reports files in `versions/` that are not versions.
    fn foreign_versions(&mut self) -> Result<(), StoreError> {
        for path in files(&self.store.versions_dir())? {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let sha256 = name.strip_suffix(".py").and_then(|digits| digits.parse::<Sha256>().ok());
            match sha256 {
                // A version that no metadata names may belong to an upload in progress, or to an agent whose
                // metadata is restored from a backup later.
                Some(sha256) if self.known.contains(&sha256) => {}
                Some(sha256) => {
                    let Some(actual) = self.readable(digest(&path))? else { continue };
                    if actual.is_some_and(|actual| actual != sha256) {
                        self.quarantine_version(&path, &sha256);
                    }
                }
                None => self.quarantine(&path, "it is not a version of an agent"),
            }
        }
        Ok(())
    }

    fn rounds(&mut self) -> Result<(), StoreError> {
        for path in files(&self.store.rounds_dir())? {
            self.check_json::<Rankings>(&path)?;
        }
        self.check_json::<RoundDefinition>(&self.store.round_path())
    }

    fn rankings(&mut self) -> Result<(), StoreError> {
        let path = self.store.rankings_path();
        let what = match self.store.rankings() {
            Err(StoreError::Damaged { reason, .. }) => format!("it is damaged: {reason}"),
            other => return self.readable(other).map(drop),
        };
        match self.store.rounds(1)?.pop() {
            Some(latest) => {
                let action = "restore it from the latest file in rounds/";
                self.fix(&path, &what, action, |store| store.put_rankings(&latest));
            }
            None => self.quarantine(&path, &what),
        }
        Ok(())
    }

    fn results(&mut self) -> Result<(), StoreError> {
        for directory in [self.store.results_dir(), self.store.expected_dir()] {
            for path in files(&directory)? {
                self.check_json::<Value>(&path)?;
            }
        }
        Ok(())
    }

    fn trials(&mut self) -> Result<(), StoreError> {
        for round in self.store.rounds_with_trials()? {
            for path in files(&self.store.trials_of_round(&round)?)? {
                self.check_json::<AgentResults>(&path)?;
            }
        }
        Ok(())
    }

    fn check_json<T: serde::de::DeserializeOwned>(
        &mut self,
        path: &Path,
    ) -> Result<(), StoreError> {
        match read_json::<T>(path) {
            Err(StoreError::Damaged { reason, .. }) => {
                self.quarantine(path, &format!("it is damaged: {reason}"));
                Ok(())
            }
            other => self.readable(other).map(drop),
        }
    }

    /// Returns what was read. A file that cannot be read is reported, and hides no other.
    fn readable<T>(&mut self, read: Result<T, StoreError>) -> Result<Option<T>, StoreError> {
        match read {
            Ok(value) => Ok(Some(value)),
            Err(StoreError::Io { path, source, .. }) => {
                let how = "move it away if it is not a file of the store, or check that disk";
                self.by_hand(&path, format!("it cannot be read: {source}"), how.into());
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    fn quarantine(&mut self, path: &Path, what: &str) {
        self.fix(path, what, MOVE, |store| store.quarantine(path).map(drop));
    }

    /// Quarantines a version that no metadata names. Its upload may be in progress and replace it meanwhile.
    fn quarantine_version(&mut self, path: &Path, sha256: &Sha256) {
        self.fix(path, "its content does not match the digest in its name", MOVE, |store| {
            let moved = store.quarantine(path)?;
            if digest(&moved)?.as_ref() == Some(sha256) {
                store.disk().rename(&moved, path).map_err(StoreError::io("move", &moved))?;
            }
            Ok(())
        });
    }

    fn fix(
        &mut self,
        path: &Path,
        what: &str,
        action: &str,
        act: impl FnOnce(&Store) -> Result<(), StoreError>,
    ) {
        let repair = match self.mode {
            FsckMode::Report => Repair::WithRepair(action.to_owned()),
            FsckMode::Repair => match act(self.store) {
                Ok(()) => Repair::Done(action.to_owned()),
                // One failed repair does not prevent the others.
                Err(error) => Repair::ByHand(format!("the repair failed: {error}")),
            },
        };
        self.issues.push(Issue { path: path.to_owned(), what: what.to_owned(), repair });
    }

    fn by_hand(&mut self, path: &Path, what: String, how: String) {
        self.issues.push(Issue { path: path.to_owned(), what, repair: Repair::ByHand(how) });
    }
}

/// Returns the digest of the file, or `None` if the file does not exist.
fn digest(path: &Path) -> Result<Option<Sha256>, StoreError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(Sha256::of(&bytes))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(StoreError::io("read", path)(error)),
    }
}

/// Lists the files in the directory, without unfinished ones, which the next start removes.
fn files(directory: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).map_err(StoreError::io("read", directory))? {
        let entry = entry.map_err(StoreError::io("read", directory))?;
        if !entry.file_name().to_string_lossy().starts_with('.') {
            files.push(entry.path());
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests;
