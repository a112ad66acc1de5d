//! A miner's id: parsed once, then safe as a file name, in a URL and in HTML.
//!
//! Each id has one spelling: lower-case ASCII without dots or separators. No two ids differ only by
//! case, Unicode form or path syntax, on any file system.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The id of a miner: 1 to 64 of `a-z`, `0-9`, `_` and `-`, starting with a letter or a digit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "server", schema(value_type = String, pattern = "^[a-z0-9][a-z0-9_-]{0,63}$", examples("me")))]
#[serde(try_from = "String", into = "String")]
pub struct MinerId(String);

impl MinerId {
    /// Maximum length in bytes.
    pub const MAX_BYTES: usize = 64;

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for MinerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// The text is not a valid miner id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "'{}' is not a miner id: expected 1 to 64 of a-z, 0-9, _ and -, starting with a letter or a digit",
    shortened(.0)
)]
pub struct ParseMinerIdError(String);

impl FromStr for MinerId {
    type Err = ParseMinerIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let first = |b: &u8| matches!(b, b'a'..=b'z' | b'0'..=b'9');
        let allowed = |b: u8| first(&b) || matches!(b, b'_' | b'-');
        let starts_well = text.as_bytes().first().is_some_and(first);
        if starts_well && text.len() <= Self::MAX_BYTES && text.bytes().all(allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err(ParseMinerIdError(text.to_owned()))
        }
    }
}

impl TryFrom<String> for MinerId {
    type Error = ParseMinerIdError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<MinerId> for String {
    fn from(id: MinerId) -> Self {
        id.0
    }
}

/// Returns the text escaped and cut to 80 characters, so that an error can quote it.
fn shortened(text: &str) -> String {
    let mut shown: String = text.chars().take(80).flat_map(char::escape_debug).collect();
    if text.chars().nth(80).is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_one_spelling_only() {
        for right in ["a", "0", "me-2_x", "7up", &"z".repeat(64)] {
            assert_eq!(right.parse::<MinerId>().unwrap().as_str(), right);
        }
        let too_long = "z".repeat(65);
        let wrong = [
            "", "Me", "mE", "-a", "_a", ".", "..", "a.b", "a/b", "a\\b", "../a", "a\0", "a\n",
            " a", "a ", "é", "ａ", "a\u{301}", "ı", "K", "a%2f", "con:", &too_long,
        ];
        for wrong in wrong {
            assert!(wrong.parse::<MinerId>().is_err(), "{wrong:?} was accepted");
            assert!(serde_json::from_value::<MinerId>(wrong.into()).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn error_quotes_the_text_escaped_and_shortened() {
        let error = format!("\u{1b}[2J{}", "x".repeat(5000)).parse::<MinerId>().unwrap_err();
        let text = error.to_string();
        assert!(text.len() < 300 && !text.contains('\u{1b}'), "{text:?}");
    }
}
