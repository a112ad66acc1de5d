//! Results are files: one per trial, under a key of everything that decided it.
//!
//! So a killed evaluation resumes where it was, an unchanged agent costs a look-up, and a changed rule of
//! scoring needs no rerun. A fault writes nothing here.

use std::path::PathBuf;

use platform::store::Store;
use tasks::Sha256;

use crate::Fault;
use crate::sandbox::PROTOCOL_VERSION;
use crate::trial::instance::Prepared;
use crate::trial::record::TrialResult;

/// The results of a store.
#[derive(Clone, Debug)]
pub struct Results {
    store: Store,
}

/// What a look-up found.
#[derive(Debug)]
pub enum Found {
    /// The trial was run before.
    Result(Box<TrialResult>),
    /// It was not.
    Nothing,
    /// There is a file that holds no result. It was put aside under this name, and the trial is to be
    /// run again.
    Corrupt(PathBuf),
}

impl Results {
    /// The results that lie in this store.
    pub fn of(store: &Store) -> Self {
        Self { store: store.clone() }
    }

    /// The key of a trial.
    pub fn key(agent: &Sha256, prepared: &Prepared, image: &str) -> Sha256 {
        let digest = &prepared.digest;
        Sha256::of(format!("{agent}\n{digest}\n{image}\n{PROTOCOL_VERSION}\n").as_bytes())
    }

    /// Looks a trial up.
    pub fn get(&self, key: &Sha256) -> Result<Found, Fault> {
        let path = self.store.results_dir().join(name(key));
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Found::Nothing);
            }
            Err(cause) => return Err(Fault::File { action: "read", path, cause }),
        };
        if let Ok(result) = serde_json::from_slice(&bytes) {
            return Ok(Found::Result(result));
        }
        let aside = path.with_extension("json.corrupt");
        match std::fs::rename(&path, &aside) {
            Ok(()) => Ok(Found::Corrupt(aside)),
            Err(cause) => Err(Fault::File { action: "put aside", path, cause }),
        }
    }

    /// Keeps what came of a trial. When this returns, it is on the disk.
    pub fn put(&self, key: &Sha256, result: &TrialResult) -> Result<(), Fault> {
        let bytes = serde_json::to_vec_pretty(result).expect("a result is plain data");
        Ok(self.store.put_result(&name(key), &bytes)?)
    }
}

/// The name of a trial's file.
fn name(key: &Sha256) -> String {
    format!("{key}.json")
}
