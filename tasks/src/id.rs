//! Task ids and round seeds.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::digest::Sha256;

/// What the ids of private tasks begin with. No public task may have such an id.
const PRIVATE: &str = "private_";

/// A task's id: 1 to 64 characters from `a-z`, `0-9` and `_`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TaskId(String);

impl TaskId {
    /// Returns the id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the id of a private task: `private_1f2e3d4c_007` for the seventh problem of a file with this digest. It
    /// reveals nothing else of the problem, and no two files share ids.
    pub fn private(file: &Sha256, number: usize) -> Self {
        Self(format!("{PRIVATE}{}_{number:03}", file_part(file)))
    }

    /// Returns whether this is the id of a private task.
    pub fn is_private(&self) -> bool {
        self.0.starts_with(PRIVATE)
    }

    /// Returns whether this is the id of a private task from a file with this digest.
    pub fn is_private_of(&self, file: &Sha256) -> bool {
        let rest = self.0.strip_prefix(PRIVATE).and_then(|id| id.strip_prefix(&file_part(file)));
        let number = rest.and_then(|rest| rest.strip_prefix('_')?.parse::<usize>().ok());
        number.is_some_and(|number| Self::private(file, number) == *self)
    }
}

/// The part of a file's digest that stands in ids.
fn file_part(file: &Sha256) -> String {
    file.to_string().chars().take(8).collect()
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
    fn private_ids_name_the_file_by_its_digest_and_nothing_else() {
        let (file, other) = (Sha256::of(b"file"), Sha256::of(b"other"));
        let id = TaskId::private(&file, 7);
        assert_eq!(id.to_string(), format!("private_{}_007", &file.to_string()[..8]));
        assert_eq!(id.as_str().parse::<TaskId>().unwrap(), id);
        assert!(id.is_private() && id.is_private_of(&file) && !id.is_private_of(&other));
        for (text, private) in [("private_7", true), ("privately", false), ("two_sum", false)] {
            let id: TaskId = text.parse().unwrap();
            assert_eq!((id.is_private(), id.is_private_of(&file)), (private, false), "{text}");
        }
        let padded: TaskId = format!("{id}x").parse().unwrap();
        assert!(!padded.is_private_of(&file));
    }

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
