//! The key pair of a coordinator or a worker: it opens the server, names a worker, and signs records.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use nkeys::{KeyPair, KeyPairType};
use serde::{Deserialize, Serialize};

/// The public key of a worker, which is its name: an nkey, `U` and 55 characters of base32.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct WorkerId(String);

/// The text is not the public nkey of a user.
#[derive(Debug, thiserror::Error)]
#[error("'{}' is not the public nkey of a user; expected 'U' and 55 more characters", .0.escape_debug())]
pub struct ParseWorkerIdError(String);

impl TryFrom<String> for WorkerId {
    type Error = ParseWorkerIdError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        match KeyPair::from_public_key(&text) {
            Ok(key) if matches!(key.key_pair_type(), KeyPairType::User) => Ok(Self(text)),
            _ => Err(ParseWorkerIdError(text)),
        }
    }
}

impl From<WorkerId> for String {
    fn from(id: WorkerId) -> Self {
        id.0
    }
}

impl std::fmt::Display for WorkerId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&self.0)
    }
}

impl WorkerId {
    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns whether the holder of the key signed these bytes.
    pub fn has_signed(&self, bytes: &[u8], signature: &[u8]) -> bool {
        KeyPair::from_public_key(&self.0).is_ok_and(|key| key.verify(bytes, signature).is_ok())
    }
}

/// A file that should hold a key does not.
#[derive(Debug, thiserror::Error)]
pub enum NkeyFileError {
    /// It cannot be read.
    #[error("cannot read {}: {cause}; name the file of a key that 'arena nats init' wrote", .path.display())]
    Unreadable {
        /// The file
        path: PathBuf,
        /// The system's answer
        cause: std::io::Error,
    },
    /// It holds something else.
    #[error("{} does not hold the nkey of a user, which begins with 'SU'", .0.display())]
    NotAKey(PathBuf),
}

/// A private nkey.
#[derive(Clone)]
pub struct Identity {
    key: Arc<KeyPair>,
    id: WorkerId,
}

impl Identity {
    /// A new key, for a server that asks for none.
    pub fn random() -> Self {
        Self::of(KeyPair::new_user())
    }

    /// Reads a key from a file.
    pub fn read(path: &Path) -> Result<Self, NkeyFileError> {
        let text = std::fs::read_to_string(path)
            .map_err(|cause| NkeyFileError::Unreadable { path: path.to_owned(), cause })?;
        let key = KeyPair::from_seed(text.trim()).ok();
        let key = key.filter(|key| matches!(key.key_pair_type(), KeyPairType::User));
        key.map(Self::of).ok_or_else(|| NkeyFileError::NotAKey(path.to_owned()))
    }

    fn of(key: KeyPair) -> Self {
        let id = WorkerId(key.public_key());
        Self { key: Arc::new(key), id }
    }

    /// The public key.
    pub const fn id(&self) -> &WorkerId {
        &self.id
    }

    /// The private key, as a key file holds it.
    pub fn seed(&self) -> String {
        self.key.seed().expect("the pair has its private key")
    }

    /// Signs bytes.
    pub fn sign(&self, bytes: &[u8]) -> Vec<u8> {
        self.key.sign(bytes).expect("the pair has its private key")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_are_bound_to_bytes_and_key() {
        let (alice, bob) = (Identity::random(), Identity::random());
        let signature = alice.sign(b"record");
        assert!(alice.id().has_signed(b"record", &signature));
        assert!(!alice.id().has_signed(b"recorD", &signature));
        assert!(!bob.id().has_signed(b"record", &signature));
        assert!(!alice.id().has_signed(b"record", &signature[1..]));
    }

    #[test]
    fn a_key_file_holds_the_key_of_a_user() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("worker.nk");
        let error = Identity::read(&path).err().unwrap().to_string();
        assert!(error.contains("cannot read"), "{error}");
        let key = Identity::random();
        std::fs::write(&path, format!("{}\n", key.seed())).unwrap();
        assert_eq!(Identity::read(&path).unwrap().id(), key.id());
        for text in ["", "SU", &KeyPair::new_account().seed().unwrap(), key.id().as_str()] {
            std::fs::write(&path, text).unwrap();
            let error = Identity::read(&path).err().unwrap().to_string();
            assert!(error.contains("does not hold the nkey of a user"), "{error}");
        }
        for text in ["", "worker", &KeyPair::new_account().public_key()] {
            assert!(WorkerId::try_from(text.to_owned()).is_err(), "{text}");
        }
    }
}
