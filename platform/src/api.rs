//! The types that both ends of the HTTP API share: what the server sends, the client parses, and the
//! store and the harness keep as JSON.

mod agents;
mod miner_id;
mod problem;
mod rankings;
mod rankings_check;
mod rao;
#[cfg(feature = "server")]
pub(crate) mod schema;

pub use agents::{
    AgentHistory, AgentVersion, AgentView, DAMAGED_AGENTS, MAX_SOURCE_BYTES, NewToken, Receipt,
    program,
};
pub use miner_id::{MinerId, ParseMinerIdError};
pub use problem::{ProblemDocument, Violation};
pub use rankings::{FaultRecord, Ranking, Rankings, Round, RoundStatus, TaskScore, dollars};
pub use rao::{ParseRaoError, Rao};
