//! API keys of providers: read from the environment or a file, sent to the provider, and never shown.

use std::fmt;
use std::path::{Path, PathBuf};

/// Shortest key that is removed from texts, in bytes. Servers that need no key are often given a word such as
/// `EMPTY` or `none`, which may occur in code.
const MIN_REMOVED: usize = 8;
/// The replacement for a removed key.
const REMOVED: &str = "[removed]";

/// An API key, which is never printed, logged or stored.
#[derive(Clone)]
pub struct ApiKey(String);

/// The file of an API key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// It cannot be read.
    #[error("cannot read the key file {}: {cause}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's error.
        cause: std::io::Error,
    },
    /// It holds only white space.
    #[error("the key file {} is empty", .0.display())]
    Empty(PathBuf),
}

impl ApiKey {
    /// A key of this text without the white space around it, or none if nothing is left.
    pub fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        (!text.is_empty()).then(|| Self(text.to_owned()))
    }

    /// The key in the first of these environment variables that is set.
    pub fn from_environment(variables: &[&str]) -> Option<Self> {
        variables.iter().find_map(|name| Self::new(&std::env::var(name).ok()?))
    }

    /// The key that is the whole content of a file.
    pub fn from_file(path: &Path) -> Result<Self, KeyFileError> {
        let text = std::fs::read_to_string(path)
            .map_err(|cause| KeyFileError::Unreadable { path: path.to_owned(), cause })?;
        Self::new(&text).ok_or_else(|| KeyFileError::Empty(path.to_owned()))
    }

    /// The text of the key, for the request headers.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// `text` without this key, unless the key is too short to be a real one. Providers quote keys in their error
    /// messages.
    pub fn remove_from(&self, text: &str) -> String {
        if self.0.len() < MIN_REMOVED { text.to_owned() } else { text.replace(&self.0, REMOVED) }
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hides_the_key() {
        let key = ApiKey::new(" sk-12345\n").unwrap();
        assert_eq!(key.reveal(), "sk-12345");
        assert!(!format!("{key:?}").contains("12345"));
        assert_eq!(key.remove_from("bad key sk-12345!"), "bad key [removed]!");
        assert!(ApiKey::new(" \n").is_none());
        let placeholder = ApiKey::new("none").unwrap();
        assert_eq!(placeholder.remove_from("x = none_of_them"), "x = none_of_them");
    }

    #[test]
    fn names_a_key_file_that_is_missing_or_empty() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("key");
        let error = |path: &Path| ApiKey::from_file(path).unwrap_err().to_string();
        assert!(error(&path).contains("key"));
        std::fs::write(&path, "\n").unwrap();
        assert!(error(&path).contains("empty"));
        std::fs::write(&path, "abc\n").unwrap();
        assert_eq!(ApiKey::from_file(&path).unwrap().reveal(), "abc");
    }
}
