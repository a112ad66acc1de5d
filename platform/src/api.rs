//! The types that both ends of the HTTP API share: what the server sends, the client parses, and the
//! store and the harness keep as JSON.

mod agents;
mod canonical;
mod chain;
mod miner_id;
mod problem;
mod rankings;
mod rankings_check;
mod rao;
#[cfg(feature = "server")]
pub(crate) mod schema;
mod signature;

pub use agents::{
    AgentHistory, AgentVersion, AgentView, DAMAGED_AGENTS, MAX_SOURCE_BYTES, NewToken,
    RECEIPT_NAMESPACE, Receipt, SignedReceipt,
};
pub use canonical::canonical_json;
pub use chain::RANKING_NAMESPACE;
pub use miner_id::{MinerId, ParseMinerIdError};
pub use problem::{ProblemDocument, Violation};
pub use rankings::{
    FaultRecord, PreviousRound, Ranking, Rankings, Round, RoundStatus, TaskScore, dollars,
};
pub use rao::{ParseRaoError, Rao};
pub use signature::{PublicSigner, SignatureError, SshSignature};
