//! The names that a task file uses: `use crate::prelude::*;`.

pub use num_bigint::BigInt;
pub use proptest::prelude::{BoxedStrategy, Just, Strategy, any, prop_oneof};
pub use proptest::{collection, option, sample};

pub use crate::case::{Args, Sequence};
pub use crate::check::Check;
pub use crate::family::Family;
pub use crate::listing::{FileListing, ListingPart};
pub use crate::strategies::{Bytes, floats, ints, texts};
pub use crate::task::Task;
pub use crate::value::Value;
