//! Task families: the skill that a task exercises, so that a report can group scores by it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

macro_rules! families {
    ($($(#[$doc:meta])* $name:ident = $word:literal),* $(,)?) => {
        /// A family of tasks. Its task files are in the directory of the same name in the catalogue.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Family {
            $($(#[$doc])* $name,)*
        }

        impl Family {
            /// All families, in the order of reports.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// Returns the family's name, as in JSON.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)*
                }
            }
        }
    };
}

families! {
    /// Text, character by character
    Strings = "strings",
    /// Whole numbers
    Numbers = "numbers",
    /// Lists, dicts and sets
    Collections = "collections",
    /// Formats and small languages
    Parsing = "parsing",
    /// Textbook algorithms
    Algorithms = "algorithms",
    /// Classes whose objects keep state
    State = "state",
    /// Calendars and text layout
    Dates = "dates",
    /// Floats, judged with a tolerance
    Numerics = "numerics",
    /// Exceptions as part of the contract
    Errors = "errors",
    /// Inputs on which a naive solution is too slow
    Performance = "performance",
    /// Vulnerable code to repair and weaknesses to find
    Security = "security",
    /// Problems of public benchmarks, read from files instead of the catalogue
    Benchmarks = "benchmarks",
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The text is not the name of a family.
#[derive(Debug, thiserror::Error)]
#[error("'{}' is not a family of tasks", .0.escape_debug())]
pub struct ParseFamilyError(String);

impl FromStr for Family {
    type Err = ParseFamilyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let family = Self::ALL.iter().find(|family| family.as_str() == text);
        family.copied().ok_or_else(|| ParseFamilyError(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_and_display_agree() {
        for family in Family::ALL {
            assert_eq!(serde_json::to_string(family).unwrap(), format!("\"{family}\""));
            assert_eq!(family.to_string().parse::<Family>().unwrap(), *family);
        }
    }
}
