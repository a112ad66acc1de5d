//! The agent store: plain files that no crash leaves half written.
//!
//! ```text
//! agents/<miner_id>.py      the current agent, a copy for people
//! agents/<miner_id>.json    its metadata, which decides what is stored
//! versions/<sha256>.py      every accepted version, by content
//! results/<key>.json        one trial record per key, written by the harness
//! expected/<key>.json       the expected values of benchmark problems, written by the harness
//! rounds/<id>.json          the latest ranking of every round
//! trials/<id>/<miner_id>.json   what is published of an agent's trials in one of the latest rounds
//! trials/<id>.published.json    which of them are up to date, for the validator only
//! rankings.json             the latest published ranking
//! round.json                the open round with its secret seed
//! progress.json             how far its evaluation has come
//! round.lock                one evaluation at a time
//! locks/                    one writer per id, across processes
//! quarantine/               files that `fsck` has moved out of the way
//! ```
//!
//! An upload makes its version durable, then its metadata: a temporary file, fsync, rename, fsync of the
//! directory. The rename of the metadata is the moment in which the upload exists.

pub mod disk;
mod error;
mod files;
mod fsck;
mod lock;
mod meta;
#[cfg(feature = "validation")]
mod programs;
mod progress;
mod rounds;
mod size;
mod token;
mod trials;
mod upload;

#[cfg(test)]
mod tests;

pub use disk::{write_atomically, write_private_atomically};
pub use error::StoreError;
pub use files::{FileStamp, Store};
pub use fsck::{Issue, Repair};
pub use meta::{AgentListing, AgentMeta, MAX_HISTORY, RoundDefinition};
pub use rounds::RoundLock;
pub use size::StoreSize;
pub use trials::PublishedTrials;
pub use upload::SourceUpload;
