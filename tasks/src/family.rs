//! The families of tasks: what kind of skill a task asks for, so that a report can say where an
//! agent is strong.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! families {
    ($($(#[$doc:meta])* $name:ident = $word:literal),* $(,)?) => {
        /// A family of tasks. Its suites live in the folder of the same name.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Family {
            $($(#[$doc])* $name,)*
        }

        impl Family {
            /// Every family, in the order of reports.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The family's word, as in JSON.
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
    /// Formats and little languages
    Parsing = "parsing",
    /// The textbook's problems
    Algorithms = "algorithms",
    /// Objects that remember
    State = "state",
    /// Calendars and laid-out text
    Dates = "dates",
    /// Floats, judged with a tolerance
    Numerics = "numerics",
    /// Exceptions as part of the contract
    Errors = "errors",
    /// Inputs on which a careless solution is too slow
    Performance = "performance",
    /// Vulnerable code to repair, and weaknesses to find
    Security = "security",
    /// Problems of public benchmarks, which come from files and not from suites
    Benchmarks = "benchmarks",
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_is_called_the_same_in_json_and_in_reports() {
        for family in Family::ALL {
            assert_eq!(serde_json::to_string(family).unwrap(), format!("\"{family}\""));
        }
    }
}
