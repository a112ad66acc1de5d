//! The stored trial records as a whole: their number, which of them the present round uses, what can be removed, and
//! how those of several machines are merged.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use platform::store::{RoundDefinition, Store, write_atomically, write_private_atomically};
use serde::Serialize;
use tasks::{Seed, Sha256};

use crate::Fault;
use crate::round::agent::Agent;
use crate::round::controls::controls;
use crate::round::results::{Environment, TrialIdentity, trials_of};
use crate::trial::instance::RoundTask;
use crate::trial::record::TrialRecord;

/// The trial records of a store.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CacheContents {
    /// Number of records
    pub results: u64,
    /// Their size in bytes
    pub bytes: u64,
    /// Records that the present round uses
    pub hits: u64,
    /// The size of the others, in bytes
    pub stale_bytes: u64,
    /// Whether the others were removed
    pub pruned: bool,
}

/// What happens to records that the present round does not use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StaleRecords {
    /// They stay.
    Keep,
    /// They are removed.
    Remove,
}

/// Returns the keys of all trials of a round: those of the agents, and those of the controls, which have no model.
pub fn keys_of_round(
    agents: &[Agent],
    tasks: &[RoundTask],
    round: &RoundDefinition,
) -> BTreeSet<Sha256> {
    let mut all = BTreeSet::new();
    let mut add = |agents: &[Agent], repeat, model: Option<&str>| {
        let environment = &Environment::new(&round.image, model);
        for agent in agents {
            for (task, repetition) in trials_of(tasks, repeat) {
                let agent = &agent.sha256;
                all.insert(TrialIdentity { agent, task, repetition, environment }.key());
            }
        }
    };
    add(agents, round.repeat, round.model.as_deref());
    add(&controls(tasks), 1, None);
    all
}

/// Counts the records of a store. The round uses those with these keys.
pub fn contents(
    store: &Store,
    keys: &BTreeSet<Sha256>,
    stale: StaleRecords,
) -> Result<CacheContents, Fault> {
    let pruned = stale == StaleRecords::Remove;
    let mut contents = CacheContents { pruned, ..CacheContents::default() };
    for (path, key) in files(&store.results_dir())? {
        let bytes = path.metadata().map_err(|cause| file("read", &path, cause))?.len();
        contents.results += 1;
        contents.bytes += bytes;
        if keys.contains(&key) {
            contents.hits += 1;
            continue;
        }
        contents.stale_bytes += bytes;
        if pruned {
            std::fs::remove_file(&path).map_err(|cause| file("remove", &path, cause))?;
        }
    }
    Ok(contents)
}

/// The outcome of a merge.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MergeOutcome {
    /// Records that are new here
    pub taken: u64,
    /// Records that were here already
    pub known: u64,
    /// One sentence for each file that is not a record or differs from the record here, which stays
    pub refused: Vec<String>,
}

/// Why a store cannot be merged into another.
#[derive(Debug, thiserror::Error)]
pub enum MergeError {
    /// The directory holds no round.
    #[error("cannot read {}: {cause}; name the store of a part of the round", .path.display())]
    NoRound {
        /// The round's file
        path: PathBuf,
        /// What is wrong with it
        cause: String,
    },
    /// The other part was run on other tasks.
    #[error(
        "the part in {} was run on other tasks than the one in {}; run it again with the same \
         --task and --benchmark",
        .from.display(),
        .store.display()
    )]
    OtherTasks {
        /// The other store
        from: PathBuf,
        /// This store
        store: PathBuf,
    },
    /// The other store has another round.
    #[error(
        "{} holds another round (seed {}, image {}) than {} (seed {}, image {}); only parts of \
         one round can be merged",
        .from.display(), .theirs.seed, .theirs.image, .store.display(), .ours.seed, .ours.image
    )]
    OtherRound {
        /// The other store
        from: PathBuf,
        /// Its round
        theirs: Box<RoundDefinition>,
        /// This store
        store: PathBuf,
        /// Its round
        ours: Box<RoundDefinition>,
    },
    /// Everyone knows the seed of the other store's round.
    #[error("{} holds a round with seed {seed}, which {} has revealed; run its parts in a new round", .from.display(), .store.display())]
    Revealed {
        /// The other store
        from: PathBuf,
        /// This store
        store: PathBuf,
        /// The seed
        seed: Seed,
    },
    /// A file failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// Copies the trial records of another store, the expected values of benchmarks, and its round if there is none here.
/// Both stores must have the same round.
pub fn merge(store: &Store, from: &Path) -> Result<MergeOutcome, MergeError> {
    merge_round(store, from)?;
    let mut outcome = MergeOutcome::default();
    for (path, key) in files(&from.join("results"))? {
        let bytes = read(&path)?;
        let Ok(theirs) = serde_json::from_slice::<TrialRecord>(&bytes) else {
            outcome.refused.push(format!("{} is not a trial record", path.display()));
            continue;
        };
        let here = store.results_dir().join(format!("{key}.json"));
        let ours = std::fs::read(&here).ok();
        match ours.and_then(|bytes| serde_json::from_slice::<TrialRecord>(&bytes).ok()) {
            None => {
                write_private_atomically(&here, &bytes).map_err(Fault::from)?;
                outcome.taken += 1;
            }
            Some(ours) if ours.score() == theirs.score() => outcome.known += 1,
            Some(ours) => outcome.refused.push(difference(&path, &theirs, &ours)),
        }
    }
    merge_expected(store, from)?;
    Ok(outcome)
}

fn difference(path: &Path, theirs: &TrialRecord, ours: &TrialRecord) -> String {
    format!(
        "{} has {} with {} of {} cases, and the record here has {} with {} of {}",
        path.display(),
        theirs.verdict,
        theirs.passed,
        theirs.total,
        ours.verdict,
        ours.passed,
        ours.total
    )
}

fn merge_round(store: &Store, from: &Path) -> Result<(), MergeError> {
    let path = from.join("round.json");
    let no_round = |cause: String| MergeError::NoRound { path: path.clone(), cause };
    let bytes = std::fs::read(&path).map_err(|cause| no_round(cause.to_string()))?;
    let theirs: RoundDefinition =
        serde_json::from_slice(&bytes).map_err(|cause| no_round(cause.to_string()))?;
    let (from, here) = (from.to_owned(), store.root().to_owned());
    match store.open_round().map_err(Fault::from)? {
        None if store.revealed_seeds().map_err(Fault::from)?.contains(&theirs.seed) => {
            Err(MergeError::Revealed { from, store: here, seed: theirs.seed })
        }
        None => Ok(store.put_open_round(&theirs).map_err(Fault::from)?),
        Some(ours) if ours.seed != theirs.seed || ours.image != theirs.image => {
            let (theirs, ours) = (Box::new(theirs), Box::new(ours));
            Err(MergeError::OtherRound { from, theirs, store: here, ours })
        }
        Some(ours) if ours.tasks != theirs.tasks => {
            Err(MergeError::OtherTasks { from, store: here })
        }
        Some(_) => Ok(()),
    }
}

/// Copies the expected values of benchmarks: ranking needs them as well.
fn merge_expected(store: &Store, from: &Path) -> Result<(), Fault> {
    let (theirs, ours) = (from.join("expected"), store.expected_dir());
    if !theirs.is_dir() {
        return Ok(());
    }
    for (path, key) in files(&theirs)? {
        let here = ours.join(format!("{key}.json"));
        if !here.exists() {
            write_atomically(&here, &read(&path)?)?;
        }
    }
    Ok(())
}

/// The files of a directory that are named like records, in order.
fn files(directory: &Path) -> Result<Vec<(PathBuf, Sha256)>, Fault> {
    let entries = std::fs::read_dir(directory).map_err(|cause| file("read", directory, cause))?;
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(|cause| file("read", directory, cause))?.path();
        let key =
            path.file_name().and_then(|name| name.to_str()?.strip_suffix(".json")?.parse().ok());
        found.extend(key.map(|key| (path, key)));
    }
    found.sort();
    Ok(found)
}

fn read(path: &Path) -> Result<Vec<u8>, Fault> {
    std::fs::read(path).map_err(|cause| file("read", path, cause))
}

fn file(action: &'static str, path: &Path, cause: std::io::Error) -> Fault {
    Fault::File { action, path: path.to_owned(), cause }
}
