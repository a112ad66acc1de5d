//! One writer per id, across threads and processes, by locks that die with their owner.
//!
//! There are 256 lock files, shared out among the ids by digest, so that strangers' ids cannot fill a
//! folder. While a writer is at work its file names the id, so that the next start knows where a
//! crash may have left something to finish.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::Path;

use tasks::Sha256;

use super::StoreError;
use crate::MinerId;

/// The right to write one id's files, until dropped.
#[derive(Debug)]
pub(super) struct Guard(File);

impl Guard {
    /// Waits for the right to write this id's files. Comes with the id that the last owner of this lock
    /// did not finish, if any.
    pub(super) fn acquire(
        folder: &Path,
        miner_id: &MinerId,
    ) -> Result<(Self, Option<MinerId>), StoreError> {
        let digest = Sha256::of(miner_id.as_str().as_bytes());
        let path = folder.join(&digest.as_str()[..2]);
        let lock = || {
            let mut file = open(&path)?;
            file.lock()?;
            let left = named(&mut file);
            file.set_len(0)?;
            file.rewind()?;
            file.write_all(miner_id.as_str().as_bytes())?;
            Ok((Self(file), left))
        };
        lock().map_err(StoreError::io("lock", &path))
    }

    /// Says that nothing is left to finish.
    pub(super) fn finish(self) {
        // Were this to fail, the next start would look once more at files that are in order.
        let _ = self.0.set_len(0);
    }
}

/// Calls `mend` for each id whose writer died at work.
pub(super) fn interrupted(
    folder: &Path,
    mut mend: impl FnMut(&MinerId) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    for entry in fs::read_dir(folder).map_err(StoreError::io("read", folder))? {
        let path = entry.map_err(StoreError::io("read", folder))?.path();
        let io = || StoreError::io("lock", &path);
        if fs::metadata(&path).map_err(io())?.len() == 0 {
            continue;
        }
        let mut file = open(&path).map_err(io())?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => continue,
            Err(TryLockError::Error(error)) => return Err(io()(error)),
        }
        if let Some(miner_id) = named(&mut file) {
            mend(&miner_id)?;
        }
        file.set_len(0).map_err(io())?;
    }
    Ok(())
}

/// The id in a lock file. Bytes that are none say nothing.
fn named(file: &mut File) -> Option<MinerId> {
    let mut text = String::new();
    file.read_to_string(&mut text).ok()?;
    text.parse().ok()
}

fn open(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)
}
