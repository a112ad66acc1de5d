//! One writer per id, across threads and processes, through file locks that end with their owner.
//!
//! 256 lock files are shared among the ids by digest, so that the number of ids does not grow the
//! directory. A writer notes its id in the lock file before it changes the metadata and clears the note
//! after it has written the copy for people. A note that outlives its writer shows the next owner of the
//! lock, or the next start, which copy a crash left behind.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use tasks::Sha256;

use super::error::StoreError;
use crate::api::MinerId;

/// The exclusive right to write one id's files, until dropped.
#[derive(Debug)]
pub(super) struct WriteLock {
    file: File,
    path: PathBuf,
}

impl WriteLock {
    /// Waits for the right to write this id's files. Also returns the id of an earlier owner that died
    /// before its copy was written.
    pub(super) fn acquire(
        directory: &Path,
        miner_id: &MinerId,
    ) -> Result<(Self, Option<MinerId>), StoreError> {
        let digest = Sha256::of(miner_id.as_str().as_bytes());
        let path = directory.join(&digest.as_str()[..2]);
        let lock = || {
            let mut file = open(&path)?;
            file.lock()?;
            let interrupted = noted(&mut file)?;
            Ok((file, interrupted))
        };
        let (file, interrupted) = lock().map_err(StoreError::io("lock", &path))?;
        Ok((Self { file, path }, interrupted))
    }

    /// Notes that this id's copy has to be written. A failure fails the upload, before it changes anything.
    pub(super) fn note(&mut self, miner_id: &MinerId) -> Result<(), StoreError> {
        let mut write = || {
            self.file.set_len(0)?;
            self.file.rewind()?;
            self.file.write_all(miner_id.as_str().as_bytes())
        };
        write().map_err(StoreError::io("lock", &self.path))
    }

    /// Clears the note. If this fails, the next start compares files that are in order.
    pub(super) fn clear_note(&self) {
        let _ = self.file.set_len(0);
    }
}

/// Waits for the right to publish a ranking, until the file is dropped. Checking that a closed round follows the latest
/// one and storing it have to be one step, or two publications at once would fork the chain.
pub(super) fn publication(directory: &Path) -> Result<File, StoreError> {
    let path = directory.join("rankings");
    let lock = || {
        let file = open(&path)?;
        file.lock()?;
        Ok(file)
    };
    lock().map_err(StoreError::io("lock", &path))
}

/// The locks that writers left with a note when they died, with the ids that they note. A lock of a living
/// writer is not among them.
pub(super) fn interrupted(directory: &Path) -> Result<Vec<(WriteLock, MinerId)>, StoreError> {
    let mut interrupted = Vec::new();
    for entry in fs::read_dir(directory).map_err(StoreError::io("read", directory))? {
        let path = entry.map_err(StoreError::io("read", directory))?.path();
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
        if let Some(miner_id) = noted(&mut file).map_err(io())? {
            interrupted.push((WriteLock { file, path }, miner_id));
        }
    }
    Ok(interrupted)
}

/// Opens a lock file, creating it if necessary. A user who may only read the store can lock existing files.
fn open(path: &Path) -> io::Result<File> {
    match OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path) {
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem
            ) =>
        {
            File::open(path)
        }
        opened => opened,
    }
}

/// The id that the file notes. Bytes that are not an id note nothing.
fn noted(file: &mut File) -> io::Result<Option<MinerId>> {
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(std::str::from_utf8(&bytes).ok().and_then(|text| text.trim().parse().ok()))
}
