//! The few operations on which the store's promise of durability rests, behind one trait.
//!
//! The trait is there so that tests can make any single one of them fail, with the real code above
//! it and the real file system below. A write is whole or it is not there: a new file in the same
//! folder, fsync, rename, fsync of the folder. What the journal holds is written without the fsyncs.

use std::fmt::Debug;
use std::fs::{self, File, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use tempfile::NamedTempFile;

use super::StoreError;

/// What an unfinished file's name starts with. [`sweep`] finds the ones that a crash left behind.
const UNFINISHED: &str = ".unfinished-";

/// The operations that can fail for reasons of the disk.
pub trait Disk: Debug + Send + Sync {
    /// Appends `bytes` to `file`.
    fn write(&self, file: &mut File, bytes: &[u8]) -> io::Result<()> {
        file.write_all(bytes)
    }

    /// Returns when the file's content would survive a power loss.
    fn sync(&self, file: &File) -> io::Result<()> {
        file.sync_all()
    }

    /// Puts `from` in the place of `to`, in one step.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    /// Returns when the names in the folder would survive a power loss.
    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        File::open(folder)?.sync_all()
    }

    /// Returns when everything that was written to the file system of `folder` would survive a power loss.
    /// An error is that of any file since `folder` was opened; Linux tells it since 5.8.
    fn sync_file_system(&self, folder: &File) -> io::Result<()> {
        Ok(rustix::fs::syncfs(folder)?)
    }
}

/// The disk as it is.
#[derive(Debug)]
pub struct RealDisk;

impl Disk for RealDisk {}

/// Puts a whole file of `bytes` at `path`, replacing what is there. When this returns `Ok`, the file
/// survives kill -9 and power loss; at no time does a reader see anything but the old or the new.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    replace(&RealDisk, path, bytes)?;
    sync_folder(&RealDisk, folder_of(path))
}

/// Like [`write_atomically`], but without the last step, so that several files can share it.
pub(super) fn replace(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let mut unfinished = Unfinished::write(disk, path, bytes)?;
    unfinished.sync()?;
    unfinished.put_in_place()
}

/// Puts a whole file at `path`, which a power loss may take away again or leave there empty: for what can be
/// made anew.
pub(super) fn replace_unsynced(
    disk: &dyn Disk,
    path: &Path,
    bytes: &[u8],
) -> Result<(), StoreError> {
    Unfinished::write(disk, path, bytes)?.put_in_place()
}

/// A new file beside the one that it will replace. Dropped before that, it is gone.
pub(super) struct Unfinished<'a> {
    disk: &'a dyn Disk,
    path: &'a Path,
    bytes: &'a [u8],
    file: NamedTempFile,
    is_synced: bool,
}

impl<'a> Unfinished<'a> {
    pub(super) fn write(
        disk: &'a dyn Disk,
        path: &'a Path,
        bytes: &'a [u8],
    ) -> Result<Self, StoreError> {
        let file = unfinished_file(disk, path, bytes)?;
        Ok(Self { disk, path, bytes, file, is_synced: false })
    }

    fn sync(&mut self) -> Result<(), StoreError> {
        self.disk.sync(self.file.as_file()).map_err(StoreError::io("write", self.path))?;
        self.is_synced = true;
        Ok(())
    }

    /// The rename. When it fails, what was there still is.
    pub(super) fn put_in_place(mut self) -> Result<(), StoreError> {
        // A sweep can take the new file away in the moment before its writer has locked it. That is rare,
        // harmless, and mended by writing it again.
        let mut attempts = 3;
        loop {
            attempts -= 1;
            match self.disk.rename(self.file.path(), self.path) {
                Ok(()) => {
                    // Under its new name it is not ours to remove any more.
                    let _ = self.file.into_temp_path().keep();
                    return Ok(());
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound && attempts > 0 => {
                    self.file = unfinished_file(self.disk, self.path, self.bytes)?;
                    if self.is_synced {
                        self.sync()?;
                    }
                }
                Err(error) => return Err(StoreError::io("write", self.path)(error)),
            }
        }
    }
}

/// A file with `bytes` beside `path`, removed when dropped.
fn unfinished_file(
    disk: &dyn Disk,
    path: &Path,
    bytes: &[u8],
) -> Result<NamedTempFile, StoreError> {
    let write = || {
        let mut file = tempfile::Builder::new()
            .prefix(UNFINISHED)
            .permissions(Permissions::from_mode(0o644))
            .tempfile_in(folder_of(path))?;
        // The lock says that the writer lives; it goes when the process does.
        let _ = file.as_file().try_lock();
        disk.write(file.as_file_mut(), bytes)?;
        Ok(file)
    };
    write().map_err(StoreError::io("write", path))
}

pub(super) fn sync_folder(disk: &dyn Disk, folder: &Path) -> Result<(), StoreError> {
    disk.sync_folder(folder).map_err(StoreError::io("sync", folder))
}

/// Removes what writers that died have left unfinished in the folder. Files of living writers are
/// locked, and stay.
pub(super) fn sweep(folder: &Path) -> Result<(), StoreError> {
    let entries = fs::read_dir(folder).map_err(StoreError::io("read", folder))?;
    for entry in entries {
        let entry = entry.map_err(StoreError::io("read", folder))?;
        if !entry.file_name().to_string_lossy().starts_with(UNFINISHED) {
            continue;
        }
        let path = entry.path();
        // A folder is none of ours.
        if path.is_dir() {
            continue;
        }
        // Whoever cannot open or lock it any more has found it gone or alive.
        if File::open(&path).is_ok_and(|file| file.try_lock().is_ok()) {
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(StoreError::io("remove", &path)(error));
                }
                _ => {}
            }
        }
    }
    Ok(())
}

/// The folder in which the file or folder lies.
pub(super) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_is_replaced_whole_and_nothing_else_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        write_atomically(&path, b"one").unwrap();
        write_atomically(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(names(folder.path()), ["a.json"]);
    }

    #[test]
    fn a_missing_folder_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("no/a.json");
        let error = write_atomically(&path, b"one").unwrap_err().to_string();
        assert!(error.contains("no/a.json"), "{error}");
    }

    #[test]
    fn a_sweep_takes_what_the_dead_left_and_spares_the_living() {
        let folder = tempfile::tempdir().unwrap();
        let dead = folder.path().join(".unfinished-dead");
        fs::write(&dead, "half").unwrap();
        fs::create_dir(folder.path().join(".unfinished-folder")).unwrap();
        let alive = unfinished_file(&RealDisk, &folder.path().join("x"), b"whole").unwrap();
        sweep(folder.path()).unwrap();
        assert!(!dead.exists());
        assert!(alive.path().exists());
    }
}
