//! The few operations on which the store's promise of durability rests, behind one trait.
//!
//! The trait is there so that tests can make any single one of them fail, with the real code above
//! it and the real file system below. A write is whole or it is not there: a new file in the same
//! folder, fsync, rename, fsync of the folder.

use std::fmt::Debug;
use std::fs::{self, File, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

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

    /// Gives the file a second name.
    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::hard_link(from, to)
    }

    /// Returns when the names in the folder would survive a power loss.
    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        File::open(folder)?.sync_all()
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
    replace_after(disk, path, bytes, || Ok(()))
}

/// The same, once `ready` has come back: the new file is on the disk then, but not yet in its place.
pub(super) fn replace_after(
    disk: &dyn Disk,
    path: &Path,
    bytes: &[u8],
    ready: impl Fn() -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    put_in_place(disk, path, bytes, |file| {
        disk.sync(file).map_err(StoreError::io("write", path))?;
        ready()
    })
}

/// Puts a whole file at `path`, which a power loss may take away again: for what can be made anew.
pub(super) fn replace_copy(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    put_in_place(disk, path, bytes, |_| Ok(()))
}

fn put_in_place(
    disk: &dyn Disk,
    path: &Path,
    bytes: &[u8],
    before: impl Fn(&File) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    // A sweep can take the new file away in the moment before its writer has locked it. That is rare,
    // harmless, and mended by writing it again.
    let mut attempts = 3;
    loop {
        attempts -= 1;
        let unfinished = unfinished_file(disk, path, bytes)?;
        before(unfinished.as_file())?;
        match disk.rename(unfinished.path(), path) {
            Ok(()) => {
                // Under its new name it is not ours to remove any more.
                let _ = unfinished.into_temp_path().keep();
                return Ok(());
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound && attempts > 0 => {}
            Err(error) => return Err(StoreError::io("write", path)(error)),
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

/// A name beside `path` that nothing has.
pub(super) fn unfinished_path(path: &Path) -> PathBuf {
    folder_of(path).join(format!("{UNFINISHED}{:016x}", rand::random::<u64>()))
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
        let alive = unfinished_file(&RealDisk, &folder.path().join("x"), b"whole").unwrap();
        sweep(folder.path()).unwrap();
        assert!(!dead.exists());
        assert!(alive.path().exists());
    }
}
