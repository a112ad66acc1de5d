//! The validator: it runs agents in a sandbox, judges their answers on the host, scores, ranks and
//! rewards them.
//!
//! The modules stand in the order in which data flows. [`sandbox`] is the only part that knows Docker, and it
//! returns evidence. [`trial`] turns the evidence of one agent on one task into a record. [`round`] runs many
//! trials and emits events; nothing here prints. [`scoring`] is pure.

mod fault;
pub mod sandbox;

/// One trial: an agent is run on a task, its answer is judged, and the record says what happened.
pub mod trial {
    pub mod answer;
    pub mod instance;
    pub mod judge;
    pub mod record;
    pub(crate) mod run;
    pub mod shrink;
}

/// A round: every agent on every task.
pub mod round {
    pub mod cache;
    pub mod check;
    pub mod controls;
    pub mod partition;
    pub mod results;
    pub mod run;
    pub mod runner;
}

/// From verdicts to rankings, rewards and reports. Pure: no clock, no files, no containers.
pub mod scoring {
    pub mod pass_at;
    pub mod rank;
    pub mod report;
    pub mod reward;
    pub mod score;
    pub mod verify;
}

/// Public benchmarks and the samples of models that are judged on them.
pub mod benchmark {
    pub mod file;
    pub mod samples;
}

pub mod gate;

/// Hostile programs, run against this machine's own sandbox.
pub mod gauntlet {
    mod control;
    mod programs;
    mod report;
    pub mod run;
}

pub mod console;

pub use fault::Fault;
