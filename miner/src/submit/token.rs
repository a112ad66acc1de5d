//! The tokens that prove who owns a miner id: one file in the user's config directory, readable by the user only.
//!
//! A platform sends a token once, in its answer to the first upload. Without the token the id is lost, so it is
//! written to disk before the answer is used for anything else.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use platform::MinerId;
use serde::{Deserialize, Serialize};

use crate::work_directory::user_directory;

/// The file with the tokens of a user.
#[derive(Clone, Debug)]
pub struct TokenFile {
    path: PathBuf,
}

/// Tokens by platform and miner.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
struct StoredTokens(BTreeMap<String, BTreeMap<MinerId, String>>);

/// The tokens cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum TokenFileError {
    /// The environment does not name a place for the file.
    #[error("neither XDG_CONFIG_HOME nor HOME is set; name a file for tokens with --token-file")]
    NoHome,
    /// An operation of the file system failed.
    #[error("cannot {action} the token file {}: {cause}", .path.display())]
    Io {
        /// The operation.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's error.
        cause: io::Error,
    },
    /// Its content is not valid.
    #[error(
        "the token file {} is damaged ({reason}); repair it, or name another with --token-file",
        .path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The position of the error, without a quotation of the file.
        reason: String,
    },
}

impl TokenFile {
    /// The file at `chosen`, or else the one in the user's config directory.
    pub fn at(chosen: Option<PathBuf>) -> Result<Self, TokenFileError> {
        let default = || {
            let directory = user_directory("XDG_CONFIG_HOME", ".config");
            Ok(directory.ok_or(TokenFileError::NoHome)?.join("tokens.json"))
        };
        Ok(Self { path: chosen.map_or_else(default, Ok)? })
    }

    /// The path of the file, which may not exist yet.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The token of this miner on this platform, if there is one.
    pub fn get(&self, platform: &str, miner: &MinerId) -> Result<Option<String>, TokenFileError> {
        let mut tokens = self.read()?;
        Ok(tokens.0.get_mut(key(platform)).and_then(|miners| miners.remove(miner)))
    }

    /// Stores a token. It is on disk when this returns.
    pub fn put(&self, platform: &str, miner: &MinerId, token: &str) -> Result<(), TokenFileError> {
        let created = fs::DirBuilder::new().recursive(true).mode(0o700).create(self.directory());
        created.map_err(|cause| self.error("create the directory of", cause))?;
        // Uploads at the same time must not lose each other's tokens.
        let _lock = self.lock()?;
        let mut tokens = self.read()?;
        let miners = tokens.0.entry(key(platform).to_owned()).or_default();
        miners.insert(miner.clone(), token.to_owned());
        let json = serde_json::to_vec_pretty(&tokens).expect("tokens are plain data");
        self.replace(&json).map_err(|cause| self.error("write", cause))
    }

    fn read(&self) -> Result<StoredTokens, TokenFileError> {
        let bytes = match fs::read(&self.path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(StoredTokens::default());
            }
            Err(cause) => return Err(self.error("read", cause)),
        };
        serde_json::from_slice(&bytes).map_err(|error| TokenFileError::Damaged {
            path: self.path.clone(),
            // serde's message could quote a token.
            reason: format!("line {}, column {}", error.line(), error.column()),
        })
    }

    /// Replaces the file atomically. A temporary file has mode 0600, so the token file is never readable by others.
    fn replace(&self, json: &[u8]) -> io::Result<()> {
        let mut file = tempfile::NamedTempFile::new_in(self.directory())?;
        file.write_all(json)?;
        file.as_file().sync_all()?;
        file.persist(&self.path)?;
        File::open(self.directory())?.sync_all()
    }

    fn lock(&self) -> Result<File, TokenFileError> {
        let mut options = File::options();
        let open = options.create(true).truncate(false).write(true).mode(0o600);
        let locked = open.open(self.path.with_extension("lock")).and_then(|file| {
            file.lock()?;
            Ok(file)
        });
        locked.map_err(|cause| self.error("lock", cause))
    }

    fn directory(&self) -> &Path {
        match self.path.parent() {
            Some(directory) if directory != Path::new("") => directory,
            _ => Path::new("."),
        }
    }

    fn error(&self, action: &'static str, cause: io::Error) -> TokenFileError {
        TokenFileError::Io { action, path: self.path.clone(), cause }
    }
}

/// The address of a platform in a uniform spelling.
fn key(platform: &str) -> &str {
    platform.trim_end_matches('/')
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn miner(id: &str) -> MinerId {
        id.parse().unwrap()
    }

    #[test]
    fn stores_a_token_per_platform_and_miner_readable_by_the_user_only() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("new/tokens.json");
        let file = TokenFile::at(Some(path.clone())).unwrap();
        assert_eq!(file.get("http://a", &miner("me")).unwrap(), None);
        file.put("http://a", &miner("me"), "one").unwrap();
        file.put("http://a/", &miner("you"), "two").unwrap();
        file.put("http://b", &miner("me"), "three").unwrap();
        for (platform, id, token) in [
            ("http://a/", "me", Some("one")),
            ("http://a", "you", Some("two")),
            ("http://b", "me", Some("three")),
            ("http://b", "you", None),
        ] {
            assert_eq!(file.get(platform, &miner(id)).unwrap().as_deref(), token);
        }
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&path), 0o600);
        assert_eq!(mode(path.parent().unwrap()), 0o700);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        file.put("http://a", &miner("me"), "four").unwrap();
        assert_eq!(mode(&path), 0o600);
    }

    #[test]
    fn keeps_tokens_that_are_stored_at_the_same_time() {
        let directory = tempfile::tempdir().unwrap();
        let file = TokenFile::at(Some(directory.path().join("tokens.json"))).unwrap();
        std::thread::scope(|scope| {
            for number in 0..8 {
                let file = &file;
                scope.spawn(move || {
                    file.put("http://a", &miner(&format!("m{number}")), "token").unwrap();
                });
            }
        });
        for number in 0..8 {
            assert!(file.get("http://a", &miner(&format!("m{number}"))).unwrap().is_some());
        }
    }

    #[test]
    fn names_a_damaged_file_without_quoting_or_overwriting_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("tokens.json");
        fs::write(&path, r#"{"http://a": {"me": ["arena_secret"]}}"#).unwrap();
        let file = TokenFile::at(Some(path.clone())).unwrap();
        let error = file.put("http://a", &miner("me"), "new").unwrap_err().to_string();
        assert!(error.contains("tokens.json") && !error.contains("secret"), "{error}");
        assert!(fs::read_to_string(&path).unwrap().contains("arena_secret"));
    }
}
