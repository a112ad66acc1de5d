//! The types that both ends of the HTTP API share: what the server sends, the client parses, and the
//! store and the harness keep as JSON.

mod agents;
mod canonical;
mod chain;
mod gate;
mod miner_id;
mod private_tasks;
mod problem;
mod profile;
mod progress;
mod rankings;
mod rankings_check;
mod rankings_size;
mod rao;
mod results;
mod rounds;
#[cfg(feature = "server")]
pub(crate) mod schema;
mod signature;
mod submission;
mod trials;

pub use agents::{
    AgentHistory, AgentVersion, AgentView, DAMAGED_AGENTS, MAX_SOURCE_BYTES, NewToken,
    RECEIPT_NAMESPACE, Receipt, SignedReceipt, program,
};
pub use canonical::canonical_json;
pub use chain::RANKING_NAMESPACE;
pub use gate::{Challenger, EarlierScores, Gate};
pub use miner_id::{MinerId, ParseMinerIdError};
pub use private_tasks::{
    ListedTask, MAX_PRIVATE_NAME_BYTES, PRIVATE_FAULT, PrivateListing, PrivateTasks,
};
pub use problem::{ProblemDocument, ProblemKind, Violation};
pub use profile::{
    DisplayName, MAX_DISPLAY_NAME_CHARS, MAX_PROFILE_URL_BYTES, ParseProfileError, ProfileEdit,
    ProfileEdits, ProfileUrl, is_bidirectional_control,
};
pub use progress::{ProgressState, RoundProgress};
pub use rankings::{
    FaultRecord, ISOLATIONS, MAX_REPEAT, PAYOUTS, PreviousRound, Ranking, Rankings, Round,
    RoundStatus, ScoreInterval, Screening, StopReason, StoppedAgent, TaskScore, dollars,
    first_repetition, is_first_repetition,
};
pub use rankings_size::{RankingShape, USUAL_MAX_DOCUMENT_BYTES};
pub use rao::{ParseRaoError, Rao};
pub use results::{AgentResults, MAX_PUBLISHED_OUTPUT_BYTES, ROUNDS_WITH_TRIALS};
pub use rounds::RoundListing;
pub use signature::{PublicSigner, SignatureError, SshSignature};
pub use submission::{JudgedSubmission, SubmissionOutcome, SubmissionStatus};
pub use trials::{
    AnswerOrigin, Attempt, DisclosedCase, DisclosedRecord, DisclosedTrial, FailedCases, ModelUsage,
    trial_name,
};
