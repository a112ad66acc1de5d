//! A log file that may be moved away while it is written.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// A file that lines are appended to. When another program has moved or removed it, as log rotation does, the next line
/// creates it again.
#[derive(Debug)]
pub struct LogFile {
    path: PathBuf,
    file: File,
}

impl LogFile {
    /// Opens the file at the end, or creates it for its owner and group to read.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().append(true).create(true).mode(0o640).open(path)?;
        Ok(Self { path: path.to_owned(), file })
    }

    fn is_moved(&self) -> bool {
        let Ok(here) = self.file.metadata() else { return true };
        fs::metadata(&self.path)
            .map_or(true, |named| (named.dev(), named.ino()) != (here.dev(), here.ino()))
    }
}

impl Write for LogFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.is_moved() {
            *self = Self::open(&self.path)?;
        }
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
