//! A disk on which one chosen operation fails, with the real file system below it.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use platform::store::disk::{Disk, RealDisk};

/// Linux's numbers for the two most frequent failures of disks.
pub const ENOSPC: i32 = 28;
pub const EIO: i32 = 5;

/// Fails the operation with the chosen zero-based index, once.
#[derive(Debug, Default)]
pub struct FaultyDisk {
    /// The index of the operation that fails, and its error.
    pub fault: Mutex<Option<(usize, i32)>>,
    done: AtomicUsize,
    /// The name of the operation that failed.
    pub failed: Mutex<Option<&'static str>>,
}

impl FaultyDisk {
    /// Makes operation `number` from now fail with this error.
    pub fn arm(&self, number: usize, error: i32) {
        self.done.store(0, Ordering::SeqCst);
        *self.failed.lock().unwrap() = None;
        *self.fault.lock().unwrap() = Some((number, error));
    }

    /// Returns the operation that failed since then, if there were that many.
    pub fn disarm(&self) -> Option<&'static str> {
        *self.fault.lock().unwrap() = None;
        self.failed.lock().unwrap().take()
    }

    fn step(&self, operation: &'static str) -> io::Result<()> {
        let number = self.done.fetch_add(1, Ordering::SeqCst);
        match *self.fault.lock().unwrap() {
            Some((chosen, error)) if chosen == number => {
                *self.failed.lock().unwrap() = Some(operation);
                Err(io::Error::from_raw_os_error(error))
            }
            _ => Ok(()),
        }
    }
}

impl Disk for FaultyDisk {
    fn write(&self, file: &mut File, bytes: &[u8]) -> io::Result<()> {
        // A full disk writes a part before it fails.
        if let Err(error) = self.step("write") {
            RealDisk.write(file, &bytes[..bytes.len() / 2])?;
            return Err(error);
        }
        RealDisk.write(file, bytes)
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        self.step("sync")?;
        RealDisk.sync(file)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.step("rename")?;
        RealDisk.rename(from, to)
    }

    fn sync_directory(&self, directory: &Path) -> io::Result<()> {
        self.step("sync_directory")?;
        RealDisk.sync_directory(directory)
    }
}

/// The names of unfinished files in the store.
pub fn unfinished(root: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for directory in ["", "agents", "versions", "results", "rounds", "locks"] {
        for entry in std::fs::read_dir(root.join(directory)).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            if name.starts_with(".unfinished") {
                found.push(format!("{directory}/{name}"));
            }
        }
    }
    found
}
