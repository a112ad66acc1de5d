//! The store's errors. Each message names the file, the cause and the remedy.

use std::io;
use std::path::{Path, PathBuf};

use crate::api::MinerId;

/// A failed operation of the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The operating system refused an operation.
    #[error("cannot {action} {}: {source}; {}", path.display(), remedy(source))]
    Io {
        /// The attempted action: `read`, `write`, ...
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// A file does not hold what the store wrote there.
    #[error("{} is damaged: {reason}; `arena fsck` reports details, `arena fsck --repair` fixes what is safe to fix", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The id is taken, and the request carries no token.
    #[error("'{0}' is taken: send the token of its first upload, or choose another miner_id")]
    TokenMissing(MinerId),
    /// The id is taken, and the token is not its owner's.
    #[error(
        "this is not the token of '{0}': send the one of its first upload, or choose another miner_id"
    )]
    TokenWrong(MinerId),
    /// The round cannot be evaluated or published.
    #[error("{0}")]
    Round(String),
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

    /// Returns whether the disk or a quota on it is full, which the operator can solve by freeing space.
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

fn remedy(error: &io::Error) -> &'static str {
    match error.kind() {
        _ if is_full(error) => "free space on that disk",
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            "let this user read and write it, or choose another store with --store or ARENA_STORE"
        }
        io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => {
            "a file is in the place of a directory: move it, or choose another store with --store or ARENA_STORE"
        }
        _ => "check that disk, or choose another store with --store or ARENA_STORE",
    }
}
