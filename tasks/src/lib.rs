//! Tasks, their cases, the values that cross the sandbox's border, and the checks that judge them.
//!
//! This crate is pure: no I/O, no clock, no async, and no randomness except the round's [`Seed`]. All other
//! crates depend on it, and its results are the same on every machine.

pub mod benchmark;
mod case;
mod catalogue;
mod check;
mod define;
mod digest;
mod draw;
mod family;
pub mod findings;
mod id;
mod instance;
mod lazy;
mod limits;
mod listing;
pub mod prelude;
pub mod strategies;
mod tally;
mod task;
mod value;
mod verdict;
mod view;

pub use case::{Args, Case, Input, Sequence, Step};
pub use catalogue::{all, find};
pub use check::{CallOutcome, Check, Property};
pub use digest::{ParseSha256Error, Sha256};
pub use draw::Shrinker;
pub use family::{Family, ParseFamilyError};
pub use findings::{Finding, Weakness};
pub use id::{ParseTaskIdError, Seed, TaskId};
pub use instance::Mutant;
pub use lazy::{LAZY_LIMIT, LazyControl};
pub use limits::Limits;
pub use listing::{FileListing, ListingPart};
pub use tally::Tally;
pub use task::{Kind, Task};
pub use value::{MAX_DEPTH, NotJson, Value};
pub use verdict::Verdict;
pub use view::{Example, TaskView};
