//! One writer per id, across threads and processes, by locks that die with their owner.
//!
//! There are 256 lock files, shared out among the ids by digest, so that strangers' ids cannot fill a
//! folder. Before a writer changes what its copy should be, its file names the id, so that the next start, or whoever has the
//! lock next, knows where a crash may have left a copy to make. What cannot be made stays named: a copy
//! for people is no reason to fail somebody else, or not to start.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use tasks::Sha256;

use super::StoreError;
use crate::MinerId;

/// The right to write one id's files, until dropped.
#[derive(Debug)]
pub(super) struct Guard {
    file: File,
    path: PathBuf,
    miner_id: MinerId,
    /// Whether the file names the id already, because its own copy could not be made.
    is_named: bool,
    /// The length of what the file says of earlier owners, whose copies could not be made.
    left: u64,
}

impl Guard {
    /// Waits for the right to write this id's files. Calls `settle` for each id that earlier owners of this
    /// lock did not finish. Whoever is refused after this, and writes nothing, leaves no trace.
    pub(super) fn acquire(
        folder: &Path,
        miner_id: &MinerId,
        settle: impl FnMut(&MinerId) -> Result<(), StoreError>,
    ) -> Result<Self, StoreError> {
        let digest = Sha256::of(miner_id.as_str().as_bytes());
        let path = folder.join(&digest.as_str()[..2]);
        let lock = || {
            let mut file = open(&path)?;
            file.lock()?;
            let is_named = settle_named(&mut file, settle)?.contains(miner_id);
            let left = file.seek(SeekFrom::End(0))?;
            Ok((file, is_named, left))
        };
        let (file, is_named, left) = lock().map_err(StoreError::io("lock", &path))?;
        Ok(Self { file, path, miner_id: miner_id.clone(), is_named, left })
    }

    /// Says that this owner has begun what it may not come to finish.
    pub(super) fn begin(&mut self) -> Result<(), StoreError> {
        if self.is_named {
            return Ok(());
        }
        let line = format!("{}\n", self.miner_id);
        self.file.write_all(line.as_bytes()).map_err(StoreError::io("lock", &self.path))
    }

    /// Says that this owner has left nothing to finish.
    pub(super) fn finish(self) {
        // Were this to fail, the next start would look once more at files that are in order.
        let _ = self.file.set_len(self.left);
    }
}

/// Calls `settle` for each id whose writer died at work.
pub(super) fn interrupted(
    folder: &Path,
    mut settle: impl FnMut(&MinerId) -> Result<(), StoreError>,
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
        settle_named(&mut file, &mut settle).map_err(io())?;
    }
    Ok(())
}

/// Settles each id that the lock file names. They stay named, and are returned, while one of them could
/// not be settled.
fn settle_named(
    file: &mut File,
    mut settle: impl FnMut(&MinerId) -> Result<(), StoreError>,
) -> io::Result<Vec<MinerId>> {
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    // Bytes that are no id say nothing.
    let text = String::from_utf8_lossy(&bytes);
    let named: Vec<MinerId> = text.lines().filter_map(|line| line.parse().ok()).collect();
    let failed = named.iter().filter(|miner_id| settle(miner_id).is_err()).count();
    if failed > 0 {
        return Ok(named);
    }
    file.set_len(0)?;
    Ok(Vec::new())
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)
}
