//! What can go wrong with the store: every message names the file, the cause and the mend.

use std::io;
use std::path::{Path, PathBuf};

use crate::MinerId;

/// The store could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The operating system refused.
    #[error("cannot {action} {}: {source}; {}", path.display(), mend(source))]
    Io {
        /// What was tried: `read`, `write`, ...
        action: &'static str,
        /// On which file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file is not what the store once wrote there.
    #[error("{} is damaged: {reason}; `platform verify` says more, `platform verify --repair` mends what is safe to mend", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The id is taken, and no token came with the upload.
    #[error("'{0}' is taken: bring the token of its first upload, or choose another miner_id")]
    TokenMissing(MinerId),
    /// The id is taken, and the token is not its owner's.
    #[error(
        "this is not the token of '{0}': bring the one of its first upload, or choose another miner_id"
    )]
    TokenWrong(MinerId),
    /// Nothing is stored under this id.
    #[error("no agent is stored for '{0}'")]
    Unknown(MinerId),
}

impl StoreError {
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source }
    }

    pub(crate) fn damaged(path: &Path, reason: impl Into<String>) -> Self {
        Self::Damaged { path: path.to_owned(), reason: reason.into() }
    }

    /// Whether the disk or a quota on it is full, which somebody can mend by making room.
    pub fn is_full(&self) -> bool {
        matches!(self, Self::Io { source, .. } if is_full(source))
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge
    )
}

fn mend(error: &io::Error) -> &'static str {
    match error.kind() {
        _ if is_full(error) => "make room on that disk",
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            "let this user read and write it, or name another store with --store or BITSEC_STORE"
        }
        io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => {
            "a file stands where a folder is wanted: move it, or name another store with --store or BITSEC_STORE"
        }
        _ => "check that disk, or name another store with --store or BITSEC_STORE",
    }
}
