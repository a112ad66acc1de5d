//! What a miner says about itself: a name and a web page to show next to its id. Neither is checked for truth, and neither
//! enters a ranking or a signature.

use std::fmt;
use std::str::FromStr;

use reqwest::Url;
use serde::{Deserialize, Serialize};

/// The longest display name, in characters.
pub const MAX_DISPLAY_NAME_CHARS: usize = 64;
/// The longest address of a web page, in bytes.
pub const MAX_PROFILE_URL_BYTES: usize = 200;

/// A name to show next to a miner id: 1 to 64 characters without line breaks and without characters that change the
/// direction of text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String")]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "server", schema(value_type = String, min_length = 1, max_length = 64, examples("Alice & Co.")))]
pub struct DisplayName(String);

/// The address of a web page, `http` or `https`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String")]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "server", schema(
    value_type = String, pattern = "^https?://", max_length = 200, examples("https://alice.example/")
))]
pub struct ProfileUrl(String);

/// A text cannot be shown as a name or as the address of a web page.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ParseProfileError(String);

/// What an upload says about one part of a profile.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ProfileEdit<T> {
    /// Nothing: it stays as it is.
    #[default]
    Keep,
    /// It is removed.
    Clear,
    /// It is replaced.
    Set(T),
}

/// What an upload says about the miner's profile.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProfileEdits {
    /// The name.
    pub display_name: ProfileEdit<DisplayName>,
    /// The web page.
    pub url: ProfileEdit<ProfileUrl>,
}

impl<T> ProfileEdit<T> {
    /// Returns the value after the edit.
    pub fn of(self, value: Option<T>) -> Option<T> {
        match self {
            Self::Keep => value,
            Self::Clear => None,
            Self::Set(new) => Some(new),
        }
    }
}

/// An empty text removes the value.
impl<T: FromStr<Err = ParseProfileError>> FromStr for ProfileEdit<T> {
    type Err = ParseProfileError;

    fn from_str(text: &str) -> Result<Self, ParseProfileError> {
        match text.trim() {
            "" => Ok(Self::Clear),
            text => text.parse().map(Self::Set),
        }
    }
}

/// `None` if nothing is said, and an empty text if the value is removed.
impl<T: AsRef<str>> ProfileEdit<T> {
    /// Returns the edit as the text of a part of an upload.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Keep => None,
            Self::Clear => Some(""),
            Self::Set(new) => Some(new.as_ref()),
        }
    }
}

impl FromStr for DisplayName {
    type Err = ParseProfileError;

    fn from_str(text: &str) -> Result<Self, ParseProfileError> {
        let text = text.trim();
        let count = text.chars().count();
        if !(1..=MAX_DISPLAY_NAME_CHARS).contains(&count) {
            return Err(ParseProfileError(format!(
                "a display name has 1 to {MAX_DISPLAY_NAME_CHARS} characters, and this has {count}"
            )));
        }
        let hostile = |c: char| c.is_control() || is_bidirectional_control(c) || is_line_break(c);
        if let Some(c) = text.chars().find(|c| hostile(*c)) {
            return Err(ParseProfileError(format!(
                "a display name is one line without control characters, and this has {}",
                c.escape_unicode()
            )));
        }
        Ok(Self(text.to_owned()))
    }
}

impl FromStr for ProfileUrl {
    type Err = ParseProfileError;

    fn from_str(text: &str) -> Result<Self, ParseProfileError> {
        let refused = |why: &str| {
            let shown: String = text.chars().take(MAX_PROFILE_URL_BYTES).collect();
            Err(ParseProfileError(format!(
                "'{}' cannot be shown as a web page: {why}",
                shown.escape_debug()
            )))
        };
        let Ok(url) = Url::parse(text.trim()) else {
            return refused("expected http://HOST/PATH or https://HOST/PATH");
        };
        if !matches!(url.scheme(), "http" | "https") {
            return refused("it is not http or https");
        }
        if !url.username().is_empty() || url.password().is_some() {
            return refused("it contains a user name, which could pass for its host");
        }
        if url.as_str().len() > MAX_PROFILE_URL_BYTES {
            return refused(&format!("it is longer than {MAX_PROFILE_URL_BYTES} bytes"));
        }
        // As the parser writes it, it is ASCII.
        Ok(Self(url.into()))
    }
}

/// Returns whether a character changes the direction of the text around it.
pub const fn is_bidirectional_control(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

const fn is_line_break(c: char) -> bool {
    matches!(c, '\u{2028}' | '\u{2029}')
}

impl TryFrom<String> for DisplayName {
    type Error = ParseProfileError;

    fn try_from(text: String) -> Result<Self, ParseProfileError> {
        text.parse()
    }
}

impl TryFrom<String> for ProfileUrl {
    type Error = ParseProfileError;

    fn try_from(text: String) -> Result<Self, ParseProfileError> {
        text.parse()
    }
}

impl AsRef<str> for DisplayName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for ProfileUrl {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DisplayName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for ProfileUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_one_harmless_line() {
        let check = |text: &str, expected: Result<&str, &str>| match (
            text.parse::<DisplayName>(),
            expected,
        ) {
            (Ok(name), Ok(expected)) => assert_eq!(name.as_ref(), expected),
            (Err(error), Err(part)) => {
                assert!(error.to_string().contains(part), "{part:?} is not in {error}");
            }
            (got, _) => panic!("{text:?}: {got:?}"),
        };
        check("  Ålice & Co. 😀 <b>  ", Ok("Ålice & Co. 😀 <b>"));
        check(&"é".repeat(64), Ok(&"é".repeat(64)));
        check(&"é".repeat(65), Err("1 to 64 characters, and this has 65"));
        check(" ", Err("and this has 0"));
        check("a\nb", Err("\\u{a}"));
        check("a\u{202e}b", Err("\\u{202e}"));
        check("a\u{2028}b", Err("\\u{2028}"));
        check("a\u{1b}[2J", Err("\\u{1b}"));
    }

    #[test]
    fn pages_are_http_and_name_their_host() {
        let check =
            |text: &str, expected: Result<&str, &str>| match (text.parse::<ProfileUrl>(), expected)
            {
                (Ok(url), Ok(expected)) => assert_eq!(url.as_ref(), expected),
                (Err(error), Err(part)) => {
                    assert!(error.to_string().contains(part), "{part:?} is not in {error}");
                }
                (got, _) => panic!("{text:?}: {got:?}"),
            };
        check(" https://alice.example/me ", Ok("https://alice.example/me"));
        check("https://ålice.example", Ok("https://xn--lice-poa.example/"));
        check("https://a.example/\u{202e}x", Ok("https://a.example/%E2%80%AEx"));
        check("javascript:alert(1)", Err("it is not http or https"));
        check("data:text/html,x", Err("it is not http or https"));
        check("alice.example", Err("expected http://HOST/PATH"));
        check("https://bank.example@evil.example/", Err("could pass for its host"));
        check(&format!("https://a.example/{}", "x".repeat(200)), Err("longer than 200 bytes"));
    }
}
