//! What the sandbox requires of a container engine, and what happens to a round when the engine fails.
//!
//! `conformance` runs the same checks on Docker and on the engine in memory. `faults` then makes the one in memory
//! fail, request by request, and checks attempts, faults, verdicts and leftovers.

mod conformance;
pub mod fake;
mod faults;
pub mod peer;
