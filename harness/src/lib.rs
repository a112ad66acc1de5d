//! The validator: it runs agents in a sandbox, judges their answers on the host, scores, ranks and
//! rewards them.
//!
//! [`sandbox`] is the only part that knows of Docker, and all it gives back is evidence. [`judge`] turns
//! evidence into verdicts; [`score`], [`rank`], [`reward`] and [`report`] are pure. [`round`] drives it
//! all and tells what happens as events; [`console`] shows them.

pub mod answer;
pub mod benchmark;
pub mod cache;
pub mod check;
pub mod console;
pub mod controls;
mod fault;
pub mod fence;
pub mod gate;
pub mod gauntlet;
pub mod judge;
pub mod partition;
pub mod pass_at;
pub mod prepared;
pub mod rank;
pub mod report;
pub mod results;
pub mod reward;
pub mod round;
pub mod runner;
pub mod samples;
pub mod sandbox;
pub mod score;
pub mod session;
pub mod shrink;
pub mod trial;
pub mod verify;

pub use fault::Fault;
