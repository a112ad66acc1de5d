//! The tokens that prove whose a miner id is: one file in the user's config folder, for their eyes only.
//!
//! A platform tells a token once, in its answer to the first upload. Lose it, and the id is lost; so it is
//! on the disk, whole, before anything else is done with that answer.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use platform::MinerId;
use serde::{Deserialize, Serialize};

use crate::work::users_folder;

/// The file of a user's tokens.
#[derive(Clone, Debug)]
pub struct TokenFile {
    path: PathBuf,
}

/// Tokens by platform and miner.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
struct Tokens(BTreeMap<String, BTreeMap<MinerId, String>>);

/// The tokens could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// Nothing says where the file should be.
    #[error(
        "there is no place for tokens: neither XDG_CONFIG_HOME nor HOME is set; name a file with --token-file"
    )]
    NoPlace,
    /// The file system said no.
    #[error("cannot {action} the token file {}: {cause}", .path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the system answered.
        cause: io::Error,
    },
    /// It is not what this program writes.
    #[error(
        "the token file {} is damaged ({reason}); mend it, or move it away and name another with --token-file",
        .path.display()
    )]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it. It never quotes the file.
        reason: String,
    },
}

impl TokenFile {
    /// The file at `chosen`, or else the one in the user's config folder.
    pub fn at(chosen: Option<PathBuf>) -> Result<Self, TokenError> {
        let usual = || {
            let folder = users_folder("XDG_CONFIG_HOME", ".config");
            Ok(folder.ok_or(TokenError::NoPlace)?.join("tokens.json"))
        };
        Ok(Self { path: chosen.map_or_else(usual, Ok)? })
    }

    /// Where the file is, or will be.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The token of this miner on this platform, if there is one.
    pub fn get(&self, platform: &str, miner: &MinerId) -> Result<Option<String>, TokenError> {
        let mut tokens = self.read()?;
        Ok(tokens.0.get_mut(key(platform)).and_then(|miners| miners.remove(miner)))
    }

    /// Keeps a token. When this returns, it is on the disk.
    pub fn put(&self, platform: &str, miner: &MinerId, token: &str) -> Result<(), TokenError> {
        let folder = self.folder();
        let created = fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
        created.map_err(|cause| self.error("make the folder of", cause))?;
        // Two miners that upload at the same time must not lose each other's token.
        let _lock = self.lock()?;
        let mut tokens = self.read()?;
        let miners = tokens.0.entry(key(platform).to_owned()).or_default();
        miners.insert(miner.clone(), token.to_owned());
        let json = serde_json::to_vec_pretty(&tokens).expect("tokens are plain data");
        self.replace(&json).map_err(|cause| self.error("write", cause))
    }

    fn read(&self) -> Result<Tokens, TokenError> {
        let bytes = match fs::read(&self.path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Tokens::default()),
            Err(cause) => return Err(self.error("read", cause)),
        };
        serde_json::from_slice(&bytes).map_err(|error| TokenError::Damaged {
            path: self.path.clone(),
            // serde's own words could quote a token.
            reason: format!("line {}, column {}", error.line(), error.column()),
        })
    }

    /// A temporary file is made with mode 0600, and so the token file has it from its first byte on.
    fn replace(&self, json: &[u8]) -> io::Result<()> {
        let mut file = tempfile::NamedTempFile::new_in(self.folder())?;
        file.write_all(json)?;
        file.as_file().sync_all()?;
        file.persist(&self.path)?;
        File::open(self.folder())?.sync_all()
    }

    fn lock(&self) -> Result<File, TokenError> {
        let mut options = File::options();
        let open = options.create(true).truncate(false).write(true).mode(0o600);
        let locked = open.open(self.path.with_extension("lock")).and_then(|file| {
            file.lock()?;
            Ok(file)
        });
        locked.map_err(|cause| self.error("lock", cause))
    }

    fn folder(&self) -> &Path {
        match self.path.parent() {
            Some(folder) if folder != Path::new("") => folder,
            _ => Path::new("."),
        }
    }

    fn error(&self, action: &'static str, cause: io::Error) -> TokenError {
        TokenError::Io { action, path: self.path.clone(), cause }
    }
}

/// One platform, however its address was typed.
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
    fn a_token_is_kept_per_platform_and_miner_for_the_owners_eyes_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/tokens.json");
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
    fn tokens_put_at_the_same_time_are_all_kept() {
        let folder = tempfile::tempdir().unwrap();
        let file = TokenFile::at(Some(folder.path().join("tokens.json"))).unwrap();
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
    fn a_damaged_file_is_named_and_neither_quoted_nor_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tokens.json");
        fs::write(&path, r#"{"http://a": {"me": ["arena_secret"]}}"#).unwrap();
        let file = TokenFile::at(Some(path.clone())).unwrap();
        let error = file.put("http://a", &miner("me"), "new").unwrap_err().to_string();
        assert!(error.contains("tokens.json") && !error.contains("secret"), "{error}");
        assert!(fs::read_to_string(&path).unwrap().contains("arena_secret"));
    }
}
