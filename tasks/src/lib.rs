//! What is asked and what passes: tasks, their cases, the values that cross the border, and the
//! checks that judge them.
//!
//! This crate is pure: no I/O, no clock, no async, and no randomness but the round's [`Seed`].
//! Everything else in the arena depends on it, so whatever it computes is the same on every machine.

mod check;
mod digest;
mod limits;
mod suites;
mod task;
mod value;
mod verdict;

pub use check::{Check, Outcome, Property};
pub use digest::{ParseSha256Error, Sha256};
pub use limits::Limits;
pub use suites::all;
pub use task::{Args, Case, Example, Kind, ParseTaskIdError, Seed, Task, TaskId, TaskView};
pub use value::{MAX_DEPTH, Value};
pub use verdict::Verdict;

/// What a suite file starts with: `use crate::prelude::*;`.
pub mod prelude {
    pub use crate::{Check, Property, Task, Value};
    pub use proptest::prelude::{Just, Strategy, any, prop_oneof};
    pub use proptest::{collection, sample};
}

/// Finds one task by its id.
pub fn find(id: &str) -> Option<Task> {
    all().into_iter().find(|task| task.id.as_str() == id)
}
