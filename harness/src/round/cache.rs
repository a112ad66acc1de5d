//! Stored results as a whole: how many there are, which of them a round still wants, what can go, and how
//! those of several machines come together.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use platform::store::{Store, write_atomically};
use serde::Serialize;
use tasks::Sha256;

use crate::Fault;
use crate::trial::record::TrialResult;

/// What lies among the results.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Contents {
    /// Results in all
    pub results: u64,
    /// Their size in bytes
    pub bytes: u64,
    /// Results that the present round finds again
    pub hits: u64,
    /// The size of the others, in bytes
    pub stale_bytes: u64,
    /// Whether the others were removed
    pub pruned: bool,
}

/// Counts the results of a store. Those whose key is not `wanted` are removed if `prune`.
pub fn contents(store: &Store, wanted: &BTreeSet<Sha256>, prune: bool) -> Result<Contents, Fault> {
    let mut contents = Contents { pruned: prune, ..Contents::default() };
    for (path, key) in files(&store.results_dir())? {
        let bytes = path.metadata().map_err(|cause| file("read", &path, cause))?.len();
        contents.results += 1;
        contents.bytes += bytes;
        if wanted.contains(&key) {
            contents.hits += 1;
            continue;
        }
        contents.stale_bytes += bytes;
        if prune {
            std::fs::remove_file(&path).map_err(|cause| file("remove", &path, cause))?;
        }
    }
    Ok(contents)
}

/// What came of a merge.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Merged {
    /// Results that are new here
    pub taken: u64,
    /// Results that were here already
    pub known: u64,
    /// Files that hold no result, and results that differ from those that are here: what stands here stays
    pub refused: Vec<String>,
}

/// Takes over the results that lie in another store, and the expected values of benchmarks.
pub fn merge(store: &Store, from: &Path) -> Result<Merged, Fault> {
    let mut merged = Merged::default();
    for (path, key) in files(&from.join("results"))? {
        let bytes = std::fs::read(&path).map_err(|cause| file("read", &path, cause))?;
        let Ok(theirs) = serde_json::from_slice::<TrialResult>(&bytes) else {
            merged.refused.push(format!("{} holds no result", path.display()));
            continue;
        };
        let here = store.results_dir().join(format!("{key}.json"));
        let ours = std::fs::read(&here).ok();
        match ours.and_then(|bytes| serde_json::from_slice::<TrialResult>(&bytes).ok()) {
            None => {
                write_atomically(&here, &bytes)?;
                merged.taken += 1;
            }
            Some(ours) if ours.score() == theirs.score() => merged.known += 1,
            Some(ours) => merged.refused.push(format!(
                "{} says {} with {} of {} cases, and here it is {} with {} of {}",
                path.display(),
                theirs.verdict,
                theirs.passed,
                theirs.total,
                ours.verdict,
                ours.passed,
                ours.total
            )),
        }
    }
    // What a benchmark's canonical solutions returned: whoever ranks needs it as well.
    let (theirs, ours) = (from.join("expected"), store.expected_dir());
    if theirs.is_dir() {
        for (path, key) in files(&theirs)? {
            let here = ours.join(format!("{key}.json"));
            if !here.exists() {
                let bytes = std::fs::read(&path).map_err(|cause| file("read", &path, cause))?;
                write_atomically(&here, &bytes)?;
            }
        }
    }
    Ok(merged)
}

/// The files of a folder that are named like results, in order.
fn files(folder: &Path) -> Result<Vec<(PathBuf, Sha256)>, Fault> {
    let entries = std::fs::read_dir(folder).map_err(|cause| file("read", folder, cause))?;
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(|cause| file("read", folder, cause))?.path();
        let key =
            path.file_name().and_then(|name| name.to_str()?.strip_suffix(".json")?.parse().ok());
        found.extend(key.map(|key| (path, key)));
    }
    found.sort();
    Ok(found)
}

fn file(action: &'static str, path: &Path, cause: std::io::Error) -> Fault {
    Fault::File { action, path: path.to_owned(), cause }
}
