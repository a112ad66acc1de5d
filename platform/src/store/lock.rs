//! One writer per id, across threads and processes, by locks that die with their owner.
//!
//! There are 256 lock files, shared out among the ids by digest, so that strangers' ids cannot fill a
//! folder.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;

use tasks::Sha256;

use super::StoreError;
use crate::MinerId;

/// The right to write one id's files, until dropped.
#[derive(Debug)]
pub(super) struct Guard {
    _file: File,
}

impl Guard {
    /// Waits for the right to write this id's files.
    pub(super) fn acquire(folder: &Path, miner_id: &MinerId) -> Result<Self, StoreError> {
        let digest = Sha256::of(miner_id.as_str().as_bytes());
        let path = folder.join(&digest.as_str()[..2]);
        Ok(Self { _file: file(&path).map_err(StoreError::io("lock", &path))? })
    }
}

/// Makes the file if it is not there, and waits until nobody else has it locked. It is locked as long as
/// it is open. Whoever may only read the store can lock what is there.
pub(super) fn file(path: &Path) -> io::Result<File> {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            OpenOptions::new().write(true).create(true).truncate(false).open(path)?
        }
        opened => opened?,
    };
    file.lock()?;
    Ok(file)
}
