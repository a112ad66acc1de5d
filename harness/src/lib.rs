//! The validator: it runs agents in a sandbox, judges their answers on the host, scores, ranks and
//! rewards them.
//!
//! The modules stand in the order in which data flows. [`sandbox`] is the only part that knows Docker, and it
//! returns evidence. [`trial`] turns the evidence of one agent on one task into a record. [`round`] runs many
//! trials and emits events; nothing here prints. [`scoring`] computes scores, rankings, rewards and reports.

pub mod choice;
mod fault;
pub mod sandbox;

/// One trial: an agent is run on a task, its answer is judged, and the outcome is recorded.
pub mod trial {
    pub mod answer;
    pub mod ending;
    pub(crate) mod explain;
    pub mod fence;
    pub mod instance;
    pub mod judge;
    pub mod place;
    pub mod record;
    pub(crate) mod run;
    pub mod shrink;
}

/// A round: every agent on every task.
pub mod round {
    pub mod agent;
    pub mod book;
    pub mod cache;
    pub mod check;
    pub mod controls;
    pub mod dispatch;
    pub mod events;
    pub mod lease;
    pub mod partition;
    pub mod plan;
    pub mod pool;
    pub mod progress;
    pub mod publication;
    pub mod queue;
    pub mod regrade;
    pub mod remote;
    pub mod rerun;
    pub mod results;
    pub mod retry;
    pub mod run;
    pub mod runner;
    pub mod seed;
    pub mod standings;
    pub mod stopping;
    pub mod stored;
    pub mod work;
}

/// From verdicts to rankings, rewards and reports. Pure: no clock, no files, no containers.
pub mod scoring {
    pub mod bounds;
    pub mod chain;
    pub(crate) mod comparison;
    pub mod digest;
    pub(crate) mod draws;
    pub mod gate;
    pub(crate) mod interval;
    pub mod median;
    pub mod pass_at;
    pub mod rank;
    pub mod replay;
    pub mod report;
    pub mod reward;
    pub mod score;
    #[cfg(test)]
    mod simulation;
    pub(crate) mod uncertainty;
    pub(crate) mod unique_fields;
    pub mod verify;
}

/// A closed round as a directory that a stranger needs nothing else for.
pub mod export {
    pub mod check;
    pub mod manifest;
    mod readme;
    pub mod write;
}

/// Public benchmarks, and the samples of models that are judged on them.
pub mod benchmark {
    pub mod file;
    pub mod private_tasks;
    pub mod reference_outputs;
    pub mod sample_file;
    pub mod samples;
    pub mod tasks;
}

/// A language model for agents, which have no network: what they may ask, what it costs, and what is recorded.
pub mod gateway {
    pub mod api_key;
    mod ask;
    pub mod base_url;
    pub mod budget;
    mod clock;
    pub mod journal;
    pub mod model;
    mod open_request;
    mod outage;
    pub mod price;
    pub mod provider;
    mod receive;
    pub mod request;
    mod response;
    pub mod round;
    mod server;
    pub mod session;
    mod upstream;
}

pub mod gate;

/// Hostile programs, run against this machine's own sandbox.
pub mod gauntlet {
    pub mod control;
    pub mod programs;
    mod provider;
    pub mod report;
    pub mod run;
}

pub use fault::Fault;
