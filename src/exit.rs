//! Why a command ends early, and the exit status that follows. Every error takes this one path to a status.

use std::fmt::Display;

use cluster::connection::ConnectNatsError;
use harness::Fault;
use harness::benchmark::tasks::TaskSourceError;
use harness::export::write::ExportError;
use harness::round::agent::ChooseAgentsError;
use harness::round::cache::MergeError;
use harness::round::regrade::RegradeError;
use harness::round::remote::RemoteError;
use harness::round::rerun::RerunError;
use harness::round::seed::OpenRoundError;
use miner::mine::error::MineError;
use miner::model::source::AnswerSourceError;
use miner::submit::token::TokenFileError;
use miner::submit::upload::UploadError;
use platform::client::ClientError;
use platform::store::StoreError;

/// The result of a command, and of its steps.
pub type Result<T = ()> = std::result::Result<T, CommandError>;

/// Why a command ends early.
#[derive(Debug)]
pub enum CommandError {
    /// The arena failed: status 1. Printed as it is.
    Fault(String),
    /// A fault or a failed expectation that was printed already: status 1.
    Reported,
    /// An argument or a file that cannot be used: status 2.
    Input(String),
    /// Ctrl-C or SIGTERM: status 130. The text continues the word "interrupted".
    Interrupted(String),
}

impl CommandError {
    /// The error of an argument or a file that cannot be used, from the error that says why.
    pub fn input(error: impl Display) -> Self {
        Self::Input(error.to_string())
    }

    /// The exit status.
    pub const fn status(&self) -> u8 {
        match self {
            Self::Fault(_) | Self::Reported => 1,
            Self::Input(_) => 2,
            Self::Interrupted(_) => INTERRUPTED,
        }
    }

    /// What to print, unless it was printed already.
    pub fn message(&self) -> Option<String> {
        match self {
            Self::Fault(text) | Self::Input(text) => Some(text.clone()),
            Self::Interrupted(text) => Some(format!("interrupted{text}")),
            Self::Reported => None,
        }
    }
}

/// The exit status after Ctrl-C or SIGTERM, as shells report it.
pub const INTERRUPTED: u8 = 130;

/// Errors that are faults of the arena, whatever the user gave.
macro_rules! faults {
    ($($error:ty),*) => {
        $(impl From<$error> for CommandError {
            fn from(error: $error) -> Self {
                Self::Fault(error.to_string())
            }
        })*
    };
}

faults!(Fault, TokenFileError);

impl From<StoreError> for CommandError {
    fn from(error: StoreError) -> Self {
        match error {
            // Another command or another round is in the way, and the text says what to do.
            StoreError::Round(why) => Self::Input(why),
            error => Self::Fault(error.to_string()),
        }
    }
}

/// Errors that are the user's to fix, unless they pass on a fault.
macro_rules! input_or_fault {
    ($($error:ident),*) => {
        $(impl From<$error> for CommandError {
            fn from(error: $error) -> Self {
                match error {
                    $error::Fault(fault) => Self::from(fault),
                    error => Self::input(error),
                }
            }
        })*
    };
}

input_or_fault!(TaskSourceError, MergeError, RegradeError, RemoteError, RerunError);

impl From<ExportError> for CommandError {
    fn from(error: ExportError) -> Self {
        match error {
            ExportError::Fault(fault) => fault.into(),
            ExportError::Tasks(error) => error.into(),
            // The store lost what it once had.
            error @ ExportError::NoRecord { .. } => Self::Fault(error.to_string()),
            error => Self::input(error),
        }
    }
}

impl From<ConnectNatsError> for CommandError {
    fn from(error: ConnectNatsError) -> Self {
        match error {
            ConnectNatsError::Unreachable { .. } => Self::Fault(error.to_string()),
            error => Self::input(error),
        }
    }
}

impl From<OpenRoundError> for CommandError {
    fn from(error: OpenRoundError) -> Self {
        match error {
            OpenRoundError::Store(error) => error.into(),
            error => Self::input(error),
        }
    }
}

impl From<ChooseAgentsError> for CommandError {
    fn from(error: ChooseAgentsError) -> Self {
        Self::input(error)
    }
}

impl From<AnswerSourceError> for CommandError {
    fn from(error: AnswerSourceError) -> Self {
        match error {
            AnswerSourceError::Unusable(why) | AnswerSourceError::NoAnswer(why) => Self::Input(why),
            AnswerSourceError::Failed(why) => Self::Fault(why),
        }
    }
}

impl From<MineError> for CommandError {
    fn from(error: MineError) -> Self {
        match error {
            MineError::Source(error) => error.into(),
            error => Self::Fault(error.to_string()),
        }
    }
}

impl From<ClientError> for CommandError {
    fn from(error: ClientError) -> Self {
        match error {
            // The user can change what the platform refused.
            ClientError::Address { .. } => Self::input(error),
            ClientError::Refused { status, .. } if status.is_client_error() => Self::input(error),
            error => Self::Fault(error.to_string()),
        }
    }
}

impl From<UploadError> for CommandError {
    fn from(error: UploadError) -> Self {
        match error {
            UploadError::Client(error) => error.into(),
            UploadError::TokenFile(error) => error.into(),
            UploadError::NotOwner { .. } => Self::input(error),
        }
    }
}
