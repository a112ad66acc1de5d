//! How much the store holds, and whether it can be written.

use std::fs;
use std::io;
use std::path::Path;

use super::disk;
use super::error::StoreError;
use super::files::Store;

/// The directories whose files are counted.
const COUNTED: [&str; 8] =
    ["agents", "versions", "results", "expected", "rounds", "trials", "model", "quarantine"];

/// The files in one directory of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreSize {
    /// Its name.
    pub directory: &'static str,
    /// Number of files in it, and in the directories below it.
    pub files: u64,
    /// Their lengths in bytes.
    pub bytes: u64,
}

impl Store {
    /// Returns the size of every directory that exists and may be listed.
    pub fn sizes(&self) -> Result<Vec<StoreSize>, StoreError> {
        let mut sizes = Vec::new();
        for directory in COUNTED {
            let path = self.root().join(directory);
            let mut size = StoreSize { directory, files: 0, bytes: 0 };
            match add_files(&path, &mut size) {
                Ok(()) => sizes.push(size),
                // Trial records belong to the validator's user, who may be another one.
                Err(error)
                    if matches!(
                        error.kind(),
                        io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied
                    ) => {}
                Err(error) => return Err(StoreError::io("read", &path)(error)),
            }
        }
        Ok(sizes)
    }

    /// Writes a small file where uploads are stored, syncs it and removes it: fails when an upload could not be stored.
    pub fn check_writable(&self) -> Result<(), StoreError> {
        disk::probe(self.disk(), &self.versions_dir())
    }
}

fn add_files(directory: &Path, size: &mut StoreSize) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        // A file may be removed or replaced at any time.
        let Ok(metadata) = entry.metadata() else { continue };
        if metadata.is_dir() {
            add_files(&entry.path(), size)?;
        } else if !disk::is_unfinished(&entry.file_name()) {
            size.files += 1;
            size.bytes += metadata.len();
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_count_the_files_of_each_directory() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path()).unwrap();
        store.put_agent(&"me".parse().unwrap(), b"x = 1", None).unwrap();
        fs::create_dir_all(store.model_dir("round")).unwrap();
        fs::write(store.model_dir("round").join("trial"), "123").unwrap();
        fs::write(store.root().join("versions/.unfinished-x"), "half").unwrap();
        let sizes = store.sizes().unwrap();
        let of = |name| *sizes.iter().find(|size| size.directory == name).unwrap();
        assert_eq!(of("versions"), StoreSize { directory: "versions", files: 1, bytes: 5 });
        assert_eq!(of("model"), StoreSize { directory: "model", files: 1, bytes: 3 });
        assert_eq!(of("agents").files, 2);
        assert!(sizes.iter().all(|size| size.directory != "quarantine"));
    }

    #[test]
    fn check_leaves_no_file() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path()).unwrap();
        store.check_writable().unwrap();
        assert_eq!(fs::read_dir(store.versions_dir()).unwrap().count(), 0);
        fs::remove_dir(store.versions_dir()).unwrap();
        let error = store.check_writable().unwrap_err().to_string();
        assert!(error.contains("versions"), "{error}");
    }
}
