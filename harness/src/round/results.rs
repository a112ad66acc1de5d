//! Trial records are files: one per trial, under a key of everything that decided it.
//!
//! A killed evaluation therefore resumes where it was, an unchanged agent costs a look-up, and a changed scoring
//! rule needs no rerun. A fault writes nothing here.

use std::path::PathBuf;

use platform::store::{FileStamp, Store};
use tasks::Sha256;

use crate::Fault;
use crate::sandbox::PROTOCOL_VERSION;
use crate::trial::instance::RoundTask;
use crate::trial::record::TrialRecord;

/// The trial records of a store.
#[derive(Clone, Debug)]
pub struct Results {
    store: Store,
}

/// The result of a look-up.
#[derive(Debug)]
pub enum Lookup {
    /// The trial has a record.
    Hit(Box<TrialRecord>),
    /// It has none.
    Miss,
    /// Its file did not hold a record. The file was moved to this path, and the trial is to be run again.
    Corrupt(PathBuf),
}

impl Results {
    /// The trial records of this store.
    pub fn of(store: &Store) -> Self {
        Self { store: store.clone() }
    }

    /// Looks up a trial.
    pub fn get(&self, key: &Sha256) -> Result<Lookup, Fault> {
        let path = self.store.results_dir().join(file_name(key));
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Lookup::Miss);
            }
            Err(cause) => return Err(Fault::File { action: "read", path, cause }),
        };
        if let Ok(record) = serde_json::from_slice(&bytes) {
            return Ok(Lookup::Hit(record));
        }
        let moved = path.with_extension("json.corrupt");
        match std::fs::rename(&path, &moved) {
            Ok(()) => Ok(Lookup::Corrupt(moved)),
            Err(cause) => Err(Fault::File { action: "rename", path, cause }),
        }
    }

    /// Reads a record and changes nothing. Returns `None` if there is none, or a file that does not hold one.
    pub fn read(&self, key: &Sha256) -> Result<Option<TrialRecord>, Fault> {
        let path = self.store.results_dir().join(file_name(key));
        match std::fs::read(&path) {
            Ok(bytes) => Ok(serde_json::from_slice(&bytes).ok()),
            Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(cause) => Err(Fault::File { action: "read", path, cause }),
        }
    }

    /// Returns a stamp that changes with a record, without reading it; `None` if there is none.
    pub fn stamp(&self, key: &Sha256) -> Result<Option<FileStamp>, Fault> {
        let path = self.store.results_dir().join(file_name(key));
        match std::fs::metadata(&path) {
            Ok(metadata) => Ok(Some(FileStamp::of(&metadata))),
            Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(cause) => Err(Fault::File { action: "read", path, cause }),
        }
    }

    /// Calls `each` with every record and its key. Files that hold none are left out.
    pub fn for_each(&self, mut each: impl FnMut(Sha256, TrialRecord)) -> Result<(), Fault> {
        let directory = self.store.results_dir();
        let unreadable = |cause| Fault::File { action: "read", path: directory.clone(), cause };
        for entry in std::fs::read_dir(&directory).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            let key = path.file_stem().and_then(|stem| stem.to_str()?.parse::<Sha256>().ok());
            if let Some(key) = key.filter(|_| path.extension().is_some_and(|name| name == "json"))
                && let Some(record) = self.read(&key)?
            {
                each(key, record);
            }
        }
        Ok(())
    }

    /// Keeps the record of a trial. When this returns, it is on the disk.
    pub fn put(&self, key: &Sha256, record: &TrialRecord) -> Result<(), Fault> {
        let bytes = serde_json::to_vec_pretty(record).expect("a record is plain data");
        Ok(self.store.put_result(&file_name(key), &bytes)?)
    }
}

/// The trials of an agent: every task with the number of each repetition, from 1.
pub fn trials_of(tasks: &[RoundTask], repeat: u32) -> impl Iterator<Item = (&RoundTask, u32)> {
    (1..=repeat).flat_map(move |repetition| tasks.iter().map(move |task| (task, repetition)))
}

/// Everything that decides the outcome of a trial.
#[derive(Clone, Copy)]
pub struct TrialIdentity<'a> {
    /// The agent, by its source
    pub agent: &'a Sha256,
    /// The task under the round's seed
    pub task: &'a RoundTask,
    /// Which of its repetitions, from 1
    pub repetition: u32,
    /// What it runs with
    pub environment: &'a Environment,
}

impl TrialIdentity<'_> {
    /// The key of the trial's record.
    pub fn key(&self) -> Sha256 {
        let Self { agent, task, repetition, environment: Environment(environment) } = self;
        let digest = &task.digest;
        Sha256::of(
            format!("{agent}\n{digest}\n{repetition}\n{environment}\n{PROTOCOL_VERSION}\n")
                .as_bytes(),
        )
    }
}

/// What a round's agents run with: the image, and the model if there is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Environment(String);

impl Environment {
    /// The environment of an image and a model that are pinned as `NAME@DIGEST`.
    pub fn new(image: &str, model: Option<&str>) -> Self {
        let image = image_id(image);
        Self(
            model.map_or_else(|| image.to_owned(), |model| format!("{image}\n{}", image_id(model))),
        )
    }
}

impl Environment {
    /// The digest of the environment.
    pub fn digest(&self) -> Sha256 {
        Sha256::of(self.0.as_bytes())
    }
}

/// A round ran in another image than the present one, which may give other verdicts.
#[derive(Debug, thiserror::Error)]
#[error("the round ran in image {round}, and this is {here}; name the round's image with --image")]
pub struct OtherImageError {
    /// The key of the round's image
    pub round: String,
    /// The key of the image here
    pub here: String,
}

/// Checks that a round ran in the image with this key.
pub fn check_image(pinned: &str, here: String) -> Result<(), OtherImageError> {
    let round = image_id(pinned);
    if round == here {
        return Ok(());
    }
    Err(OtherImageError { round: round.to_owned(), here })
}

/// Returns the key of an image that is pinned as `REFERENCE@KEY`.
pub fn image_id(pinned: &str) -> &str {
    pinned.rsplit('@').next().unwrap_or_default()
}

/// The name of a trial's file.
fn file_name(key: &Sha256) -> String {
    format!("{key}.json")
}
