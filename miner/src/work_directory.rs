//! The directory in which mining keeps its answers and the last agent.

use std::io;
use std::path::{Path, PathBuf};

use platform::MinerId;

/// The directory of a miner.
#[derive(Clone, Debug)]
pub struct WorkDirectory(PathBuf);

/// The directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum WorkDirectoryError {
    /// The environment does not name a place for it.
    #[error("neither XDG_STATE_HOME nor HOME is set; name a directory with --work")]
    NoHome,
    /// It cannot be created.
    #[error("cannot create the directory {}: {cause}; name another with --work", .path.display())]
    Create {
        /// The directory.
        path: PathBuf,
        /// The system's error.
        cause: io::Error,
    },
}

impl WorkDirectory {
    /// Opens the directory `chosen`, or else the miner's directory below the user's state directory. It is created
    /// if it does not exist.
    pub fn open(chosen: Option<&Path>, miner: &MinerId) -> Result<Self, WorkDirectoryError> {
        let path = match chosen {
            Some(path) => path.to_owned(),
            None => user_directory("XDG_STATE_HOME", ".local/state")
                .ok_or(WorkDirectoryError::NoHome)?
                .join(miner.as_str()),
        };
        match std::fs::create_dir_all(&path) {
            Ok(()) => Ok(Self(path)),
            Err(cause) => Err(WorkDirectoryError::Create { path, cause }),
        }
    }

    /// The file of the best answers so far.
    pub fn answers(&self) -> PathBuf {
        self.0.join("answers.json")
    }

    /// The file of the answers in the agent that was last mined and uploaded.
    pub fn uploaded_answers(&self) -> PathBuf {
        self.0.join("uploaded.json")
    }

    /// Moves the answers of an earlier run to another file, so that they are not overwritten. Returns that file, if
    /// there were any.
    pub fn set_answers_aside(&self) -> io::Result<Option<PathBuf>> {
        let aside = self.0.join("answers.earlier.json");
        match std::fs::rename(self.answers(), &aside) {
            Ok(()) => Ok(Some(aside)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The file of the agent that was last built or uploaded.
    pub fn agent(&self) -> PathBuf {
        self.0.join("agent.py")
    }
}

/// The arena's directory below the one that an environment variable names, or else below `in_home` in the user's
/// home directory.
pub(crate) fn user_directory(variable: &str, in_home: &str) -> Option<PathBuf> {
    let directory =
        |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let base = directory(variable).or_else(|| Some(directory("HOME")?.join(in_home)));
    base.map(|base| base.join("arena"))
}
