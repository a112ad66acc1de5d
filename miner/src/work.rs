//! The folder in which a miner's run keeps what it has: answers to go on from, and the last agent.

use std::io;
use std::path::{Path, PathBuf};

use platform::MinerId;

/// A miner's folder.
#[derive(Clone, Debug)]
pub struct WorkFolder(PathBuf);

impl WorkFolder {
    /// The folder `chosen`, or else the miner's own one in the user's state folder. It is made if it is not
    /// there.
    pub fn open(chosen: Option<&Path>, miner: &MinerId) -> Result<Self, String> {
        let folder = match chosen {
            Some(folder) => folder.to_owned(),
            None => users_folder("XDG_STATE_HOME", ".local/state")
                .ok_or("neither XDG_STATE_HOME nor HOME is set; name a folder with --work")?
                .join(miner.as_str()),
        };
        let made = std::fs::create_dir_all(&folder);
        made.map_err(|cause| {
            format!(
                "cannot make the folder {}: {cause}; name another with --work",
                folder.display()
            )
        })?;
        Ok(Self(folder))
    }

    /// The best answers so far.
    pub fn answers(&self) -> PathBuf {
        self.0.join("answers.json")
    }

    /// Puts answers of an earlier run aside, so that a run that was not meant to replace them does not. Says
    /// where they are, if there were any.
    pub fn set_answers_aside(&self) -> io::Result<Option<PathBuf>> {
        let aside = self.0.join("answers.earlier.json");
        match std::fs::rename(self.answers(), &aside) {
            Ok(()) => Ok(Some(aside)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The agent that was last made, or uploaded.
    pub fn agent(&self) -> PathBuf {
        self.0.join("agent.py")
    }
}

/// The arena's folder below the one that an environment variable names, or else below this one in the user's
/// home.
pub(crate) fn users_folder(variable: &str, in_home: &str) -> Option<PathBuf> {
    let folder = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let base = folder(variable).or_else(|| Some(folder("HOME")?.join(in_home)));
    base.map(|base| base.join("arena"))
}
