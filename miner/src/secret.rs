//! Keys of providers: read from the environment or a file, sent to the provider, and shown to nobody.

use std::fmt;
use std::path::Path;

/// Shortest text that is taken out of others, in bytes. Servers that want no key are often given a word such as
/// `EMPTY` or `none`, and that may stand in an answer's code.
const MIN_REMOVED: usize = 8;
/// What stands where a secret was.
const REMOVED: &str = "[removed]";

/// A text that is never printed, logged or written down.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// A secret of this text, without the white space around it. Nothing if it is empty.
    pub fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        (!text.is_empty()).then(|| Self(text.to_owned()))
    }

    /// The secret in the first of these environment variables that is set.
    pub fn from_environment(variables: &[&str]) -> Option<Self> {
        variables.iter().find_map(|name| Self::new(&std::env::var(name).ok()?))
    }

    /// The secret that is all of a file.
    pub fn from_file(path: &Path) -> Result<Self, String> {
        let shown = path.display();
        let text = std::fs::read_to_string(path)
            .map_err(|cause| format!("cannot read the key file {shown}: {cause}"))?;
        Self::new(&text).ok_or_else(|| format!("the key file {shown} is empty"))
    }

    /// The text itself, for the one place that sends it.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// `text` without this secret, unless it is too short to be one: providers quote keys in their complaints.
    pub fn remove_from(&self, text: &str) -> String {
        if self.0.len() < MIN_REMOVED { text.to_owned() } else { text.replace(&self.0, REMOVED) }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_not_shown() {
        let secret = Secret::new(" sk-12345\n").unwrap();
        assert_eq!(secret.reveal(), "sk-12345");
        assert!(!format!("{secret:?}").contains("12345"));
        assert_eq!(secret.remove_from("bad key sk-12345!"), "bad key [removed]!");
        assert!(Secret::new(" \n").is_none());
        let placeholder = Secret::new("none").unwrap();
        assert_eq!(placeholder.remove_from("x = none_of_them"), "x = none_of_them");
    }

    #[test]
    fn a_key_file_that_is_not_there_or_empty_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        assert!(Secret::from_file(&path).unwrap_err().contains("key"));
        std::fs::write(&path, "\n").unwrap();
        assert!(Secret::from_file(&path).unwrap_err().contains("empty"));
        std::fs::write(&path, "abc\n").unwrap();
        assert_eq!(Secret::from_file(&path).unwrap().reveal(), "abc");
    }
}
