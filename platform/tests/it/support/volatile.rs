//! A disk that can lose power: what was not synced is lost, as if it had only been in memory.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io;
use std::os::fd::AsRawFd as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use platform::store::disk::{Disk, RealDisk};

/// Records what would survive a power loss.
#[derive(Debug, Default)]
pub struct VolatileDisk {
    durable: Mutex<DurableState>,
}

#[derive(Debug, Default)]
struct DurableState {
    /// The content of each file at its last sync.
    files: HashMap<PathBuf, Vec<u8>>,
    /// Renames since the last sync of their directory.
    renamed: Vec<(PathBuf, PathBuf)>,
}

impl VolatileDisk {
    /// Returns a new directory with what is left of `root` after a power loss now. Removed files are gone,
    /// whether or not the removal was synced.
    pub fn lose_power(&self, root: &Path) -> tempfile::TempDir {
        let left = tempfile::tempdir().unwrap();
        let durable = self.durable.lock().unwrap();
        for (path, content) in durable.files.iter().filter(|(path, _)| path.exists()) {
            let path = left.path().join(path.strip_prefix(root).unwrap());
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        left
    }
}

impl Disk for VolatileDisk {
    fn sync(&self, file: &File) -> io::Result<()> {
        let path = path_of(file)?;
        let content = fs::read(&path)?;
        self.durable.lock().unwrap().files.insert(path, content);
        Ok(())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        RealDisk.rename(from, to)?;
        self.durable.lock().unwrap().renamed.push((from.to_owned(), to.to_owned()));
        Ok(())
    }

    fn sync_directory(&self, directory: &Path) -> io::Result<()> {
        let mut durable = self.durable.lock().unwrap();
        let DurableState { files, renamed } = &mut *durable;
        renamed.retain(|(from, to)| {
            let is_here = to.parent() == Some(directory);
            if is_here && let Some(content) = files.remove(from) {
                files.insert(to.clone(), content);
            }
            !is_here
        });
        Ok(())
    }
}

fn path_of(file: &File) -> io::Result<PathBuf> {
    fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd()))
}
