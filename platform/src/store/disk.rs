//! The few operations on which the store's durability rests, behind one trait, and the atomic replacement
//! of a file made of them.
//!
//! The trait lets tests make any single operation fail, with the real code above it and the real file
//! system below. A write is whole or absent: a new file in the same directory, fsync, rename, fsync of the
//! directory.

use std::ffi::OsStr;
use std::fmt::Debug;
use std::fs::{self, File, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use tempfile::NamedTempFile;

use super::error::StoreError;

/// The prefix of an unfinished file's name. [`sweep`] finds the ones that a crash left behind.
const UNFINISHED: &str = ".unfinished-";

/// The mode of a file that everyone may read, and of one that only its owner may read.
const PUBLIC: u32 = 0o644;
const PRIVATE: u32 = 0o600;

/// The operations that can fail because of the disk.
pub trait Disk: Debug + Send + Sync {
    /// Appends `bytes` to `file`.
    fn write(&self, file: &mut File, bytes: &[u8]) -> io::Result<()> {
        file.write_all(bytes)
    }

    /// Returns when the file's content would survive a power loss.
    fn sync(&self, file: &File) -> io::Result<()> {
        file.sync_all()
    }

    /// Moves `from` to `to` in one step, replacing what is there.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    /// Returns when the names in the directory would survive a power loss.
    fn sync_directory(&self, directory: &Path) -> io::Result<()> {
        File::open(directory)?.sync_all()
    }
}

/// The disk without changes.
#[derive(Debug)]
pub struct RealDisk;

impl Disk for RealDisk {}

/// Writes `bytes` to `path`, replacing what is there. When this returns `Ok`, the file survives kill -9
/// and power loss; a reader sees the old or the new content at any time.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    AtomicWrite { path, bytes, mode: PUBLIC }.durably(&RealDisk)
}

/// Like [`write_atomically`], for a file that only its owner may read, from its first byte on.
pub fn write_private_atomically(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    AtomicWrite { path, bytes, mode: PRIVATE }.durably(&RealDisk)
}

/// Writes a file of the store that everyone may read. See [`write_atomically`].
pub(super) fn replace(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    AtomicWrite { path, bytes, mode: PUBLIC }.durably(disk)
}

/// Writes a file of the store that only its owner may read. See [`write_atomically`].
pub(super) fn replace_private(
    disk: &dyn Disk,
    path: &Path,
    bytes: &[u8],
) -> Result<(), StoreError> {
    AtomicWrite { path, bytes, mode: PRIVATE }.durably(disk)
}

/// Writes a whole file that a power loss may remove or leave empty: for what can be created again.
pub(super) fn replace_unsynced(
    disk: &dyn Disk,
    path: &Path,
    bytes: &[u8],
) -> Result<(), StoreError> {
    AtomicWrite { path, bytes, mode: PUBLIC }.in_place(disk, |_| Ok(()))
}

pub(super) fn sync_directory(disk: &dyn Disk, directory: &Path) -> Result<(), StoreError> {
    disk.sync_directory(directory).map_err(StoreError::io("sync", directory))
}

/// Returns whether a file of this name is a write in progress, or one that a crash interrupted.
pub(super) fn is_unfinished(name: &OsStr) -> bool {
    name.to_string_lossy().starts_with(UNFINISHED)
}

/// Writes a small file into the directory, syncs it and removes it.
pub(super) fn probe(disk: &dyn Disk, directory: &Path) -> Result<(), StoreError> {
    let path = directory.join("probe");
    let file = AtomicWrite { path: &path, bytes: b"probe", mode: PRIVATE };
    let probed = file.unfinished(disk).and_then(|file| {
        disk.sync(file.as_file())?;
        file.close()
    });
    probed.map_err(StoreError::io("write into", directory))
}

/// Removes the unfinished files that dead writers left in the directory. Files of living writers are
/// locked, and stay.
pub(super) fn sweep(directory: &Path) -> Result<(), StoreError> {
    let entries = fs::read_dir(directory).map_err(StoreError::io("read", directory))?;
    for entry in entries {
        let entry = entry.map_err(StoreError::io("read", directory))?;
        if !is_unfinished(&entry.file_name()) {
            continue;
        }
        let path = entry.path();
        // The store creates no directories with such names.
        if path.is_dir() {
            continue;
        }
        // A file that cannot be opened or locked is gone or in use.
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

/// The directory that contains the file or directory.
pub(super) fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(directory) if !directory.as_os_str().is_empty() => directory,
        _ => Path::new("."),
    }
}

/// A replacement of one file by another.
#[derive(Clone, Copy)]
struct AtomicWrite<'a> {
    path: &'a Path,
    bytes: &'a [u8],
    mode: u32,
}

impl AtomicWrite<'_> {
    fn durably(self, disk: &dyn Disk) -> Result<(), StoreError> {
        self.in_place(disk, |file| disk.sync(file))?;
        sync_directory(disk, directory_of(self.path))
    }

    /// Writes a new file, calls `before_rename` with it, and renames it. When this fails, the old file stays.
    fn in_place(
        self,
        disk: &dyn Disk,
        before_rename: impl Fn(&File) -> io::Result<()>,
    ) -> Result<(), StoreError> {
        let io = || StoreError::io("write", self.path);
        // A sweep can remove the new file in the moment before its writer has locked it. That is rare and
        // solved by writing it again.
        let mut attempts = 3;
        loop {
            attempts -= 1;
            let unfinished = self.unfinished(disk).map_err(io())?;
            before_rename(unfinished.as_file()).map_err(io())?;
            match disk.rename(unfinished.path(), self.path) {
                Ok(()) => {
                    // Its temporary name is gone: nothing to remove.
                    let _ = unfinished.into_temp_path().keep();
                    return Ok(());
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound && attempts > 0 => {}
                Err(error) => return Err(io()(error)),
            }
        }
    }

    /// The new file next to the one that it replaces, removed when dropped.
    fn unfinished(self, disk: &dyn Disk) -> io::Result<NamedTempFile> {
        let mut file = tempfile::Builder::new()
            .prefix(UNFINISHED)
            .permissions(Permissions::from_mode(self.mode))
            .tempfile_in(directory_of(self.path))?;
        // The lock shows that the writer lives; it ends with the process.
        let _ = file.as_file().try_lock();
        disk.write(file.as_file_mut(), self.bytes)?;
        Ok(file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(directory: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(directory)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn replaces_a_file_and_leaves_no_other() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.json");
        write_atomically(&path, b"one").unwrap();
        write_atomically(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(names(directory.path()), ["a.json"]);
    }

    #[test]
    fn private_file_is_readable_by_its_owner_only() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("token");
        write_atomically(&path, b"old").unwrap();
        write_private_atomically(&path, b"new").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn error_names_the_file_in_a_missing_directory() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("no/a.json");
        let error = write_atomically(&path, b"one").unwrap_err().to_string();
        assert!(error.contains("no/a.json"), "{error}");
    }

    #[test]
    fn sweep_removes_files_of_dead_writers_only() {
        let directory = tempfile::tempdir().unwrap();
        let dead = directory.path().join(".unfinished-dead");
        fs::write(&dead, "half").unwrap();
        fs::create_dir(directory.path().join(".unfinished-directory")).unwrap();
        let path = directory.path().join("x");
        let write = AtomicWrite { path: &path, bytes: b"whole", mode: PUBLIC };
        let alive = write.unfinished(&RealDisk).unwrap();
        sweep(directory.path()).unwrap();
        assert!(!dead.exists());
        assert!(alive.path().exists());
    }
}
