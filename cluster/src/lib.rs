//! Rounds over many machines.
//!
//! A coordinator publishes what is missing of a round as batches on a NATS server, any number of workers run
//! them, and the coordinator alone writes the store. A batch may be delivered more than once; a record counts once,
//! because its key is computed from everything that decided it. Whether the round is over follows from the records,
//! never from an empty queue.

pub mod connection;
pub mod files;
pub mod identity;
pub mod streams;
pub mod wire;

/// The side that publishes batches, takes records, and ranks.
pub mod coordinator {
    pub mod audit;
    pub mod decisive;
    pub mod desk;
    pub mod lead;
    pub mod ledger;
    pub mod outcome;
    pub mod provenance;
    pub mod publish;
    pub mod record_check;
    pub mod results;
    pub mod run;
}

/// The side that runs batches.
pub mod worker {
    pub mod dispatcher;
    pub mod run;
    pub mod workshop;
}

pub mod setup;
pub mod status;
