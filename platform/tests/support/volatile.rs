//! A disk that can lose power: what was not synced is gone, as if it had only been in memory.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io;
use std::os::fd::AsRawFd as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use platform::store::disk::{Disk, RealDisk};

/// Remembers what a power loss would spare.
#[derive(Debug, Default)]
pub struct VolatileDisk {
    spared: Mutex<Spared>,
}

#[derive(Debug, Default)]
struct Spared {
    /// The content of each file when it was last synced.
    files: HashMap<PathBuf, Vec<u8>>,
    /// Renames that no sync of their folder has followed yet.
    renamed: Vec<(PathBuf, PathBuf)>,
}

impl VolatileDisk {
    /// A new folder with what is left of `root` when the power goes now. What was removed is gone, whether or
    /// not that was synced.
    pub fn lose_power(&self, root: &Path) -> tempfile::TempDir {
        let left = tempfile::tempdir().unwrap();
        let spared = self.spared.lock().unwrap();
        for (path, content) in spared.files.iter().filter(|(path, _)| path.exists()) {
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
        self.spared.lock().unwrap().files.insert(path, content);
        Ok(())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        RealDisk.rename(from, to)?;
        self.spared.lock().unwrap().renamed.push((from.to_owned(), to.to_owned()));
        Ok(())
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        let mut spared = self.spared.lock().unwrap();
        let Spared { files, renamed } = &mut *spared;
        renamed.retain(|(from, to)| {
            let is_here = to.parent() == Some(folder);
            if is_here && let Some(content) = files.remove(from) {
                files.insert(to.clone(), content);
            }
            !is_here
        });
        Ok(())
    }

    fn sync_file_system(&self, folder: &File) -> io::Result<()> {
        // What others write meanwhile may be spared or not: here it is, if it was met.
        let mut files = HashMap::new();
        walk(path_of(folder)?.parent().unwrap(), &mut files)?;
        let mut spared = self.spared.lock().unwrap();
        spared.renamed.clear();
        spared.files.retain(|path, _| path.exists());
        spared.files.extend(files);
        Ok(())
    }
}

fn path_of(file: &File) -> io::Result<PathBuf> {
    fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd()))
}

fn walk(folder: &Path, files: &mut HashMap<PathBuf, Vec<u8>>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            walk(&path, files)?;
        } else if let Ok(content) = fs::read(&path) {
            // One that was renamed or removed meanwhile is met under its new name, or not at all.
            files.insert(path, content);
        }
    }
    Ok(())
}
