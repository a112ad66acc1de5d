//! Python values on the Rust side: the type, its wire form, when two values are equal, and how a value is
//! shown to people.

mod equality;
mod python_json;
mod repr;
mod types;
mod wire;

pub use python_json::NotJson;
pub use types::{MAX_DEPTH, Value};
