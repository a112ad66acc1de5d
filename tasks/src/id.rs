//! Task ids and round seeds.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A task's id: 1 to 64 characters from `a-z`, `0-9` and `_`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TaskId(String);

impl TaskId {
    /// Returns the id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// The text is not a valid task id.
#[derive(Debug, thiserror::Error)]
#[error("'{}' is not a task id: expected 1 to 64 characters from a-z, 0-9 and _", .0.escape_debug())]
pub struct ParseTaskIdError(String);

impl FromStr for TaskId {
    type Err = ParseTaskIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let allowed = |b: u8| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_');
        if (1..=64).contains(&text.len()) && text.bytes().all(allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err(ParseTaskIdError(text.to_owned()))
        }
    }
}

impl TryFrom<String> for TaskId {
    type Error = ParseTaskIdError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<TaskId> for String {
    fn from(id: TaskId) -> Self {
        id.0
    }
}

/// The number from which a round's generated cases are drawn. A seed gives the same cases on every machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Seed(pub u64);

impl fmt::Display for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_only_valid_task_ids() {
        for right in ["a", "reverse_string", "x2", &"a".repeat(64)] {
            assert_eq!(right.parse::<TaskId>().unwrap().as_str(), right);
        }
        for wrong in ["", "A", "a-b", "a/b", "é", "a\n", &"a".repeat(65)] {
            assert!(wrong.parse::<TaskId>().is_err(), "{wrong:?} was accepted");
        }
    }
}
