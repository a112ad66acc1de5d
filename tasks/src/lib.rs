//! What is asked and what passes: tasks, their cases, the values that cross the border, and the
//! checks that judge them.
//!
//! This crate is pure: no I/O, no clock, no async, and no randomness but the round's [`Seed`].
//! Everything else in the arena depends on it, so whatever it computes is the same on every
//! machine.

pub mod benchmark;
mod case;
mod check;
mod digest;
mod draw;
mod family;
pub mod findings;
mod id;
mod limits;
mod listing;
pub mod strategies;
mod suites;
mod task;
mod value;
mod verdict;
mod view;

pub use case::{Args, Case, Input, Sequence, Step};
pub use check::{Check, Outcome, Property};
pub use digest::{ParseSha256Error, Sha256};
pub use draw::Shrinker;
pub use family::Family;
pub use findings::{Finding, Weakness};
pub use id::{ParseTaskIdError, Seed, TaskId};
pub use limits::Limits;
pub use listing::{Listing, Part};
pub use suites::{all, find};
pub use task::{Kind, Mutant, Task};
pub use value::{MAX_DEPTH, NotJson, Value};
pub use verdict::Verdict;
pub use view::{Example, TaskView};

/// What a suite file starts with: `use crate::prelude::*;`.
pub mod prelude {
    pub use crate::strategies::{Bytes, floats, ints, texts};
    pub use crate::{Args, Check, Family, Listing, Part, Sequence, Task, Value};
    pub use num_bigint::BigInt;
    pub use proptest::prelude::{Just, Strategy, any, prop_oneof};
    pub use proptest::{collection, option, sample};
}
