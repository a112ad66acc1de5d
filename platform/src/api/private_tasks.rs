//! Private tasks: agents are judged on them, and nothing but their name and their number is public.

use serde::{Deserialize, Serialize};
use tasks::{Sha256, TaskView};

/// The private tasks of a round, as far as they are public. Their ids in the round name the file by its digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct PrivateTasks {
    /// What the validator calls them.
    pub name: String,
    /// Number of them in the round.
    pub tasks: u32,
    /// The digest of their file, so that a file that is shown later can be recognized.
    #[cfg_attr(feature = "server", schema(value_type = String, pattern = "^[0-9a-f]{64}$"))]
    pub sha256: Sha256,
}

/// The entry of `GET /tasks` for private tasks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum PrivateListing {
    /// The private tasks of the latest round.
    Private {
        /// What the validator calls them.
        name: String,
        /// Number of them in the round.
        count: u32,
    },
}

/// An entry of `GET /tasks`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ListedTask {
    /// A task that everyone knows.
    Public(Box<TaskView>),
    /// The private tasks of the latest round, if it has some.
    Private(PrivateListing),
}

impl From<&PrivateTasks> for PrivateListing {
    fn from(private: &PrivateTasks) -> Self {
        Self::Private { name: private.name.clone(), count: private.tasks }
    }
}

/// What is published in place of the text of a fault on a private task, which may quote the task.
pub const PRIVATE_FAULT: &str = "a fault of the arena on a private task";
/// Longest name of private tasks, in bytes.
pub const MAX_PRIVATE_NAME_BYTES: usize = 64;

impl PrivateTasks {
    /// Checks a name for private tasks: a line of text that every page and terminal can show.
    pub fn check_name(name: &str) -> Result<(), String> {
        let plain = |c: char| c.is_ascii_alphanumeric() || " -_.+".contains(c);
        if (1..=MAX_PRIVATE_NAME_BYTES).contains(&name.len()) && name.chars().all(plain) {
            return Ok(());
        }
        let shown: String = name.chars().take(MAX_PRIVATE_NAME_BYTES).collect();
        Err(format!(
            "'{}' cannot name private tasks: expected 1 to {MAX_PRIVATE_NAME_BYTES} letters, digits, spaces and any of \
             -_.+",
            shown.escape_debug()
        ))
    }
}
