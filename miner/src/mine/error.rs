//! Why a mining run ends early.

use harness::Fault;

use crate::assembly::AssemblyError;
use crate::model::source::AnswerSourceError;

/// A mining run ended early.
#[derive(Debug, thiserror::Error)]
pub enum MineError {
    /// The source cannot continue.
    #[error(transparent)]
    Source(AnswerSourceError),
    /// The budget of the whole run is used up.
    #[error("the budget is used up: {0}")]
    Budget(String),
    /// The sandbox failed.
    #[error(transparent)]
    Sandbox(#[from] Fault),
    /// An answer could not be tried, also after retries.
    #[error("an answer could not be tried: {0}")]
    Trial(String),
    /// The answers do not make an agent.
    #[error(transparent)]
    Assembly(#[from] AssemblyError),
}
