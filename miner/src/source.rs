//! Where code comes from: a language model somewhere, a recording, or the samples.
//!
//! All of them stand behind [`Source`]. The loop above knows nothing of providers, and a source knows
//! nothing of sandboxes and attempts: it gets a conversation and gives back a text.

use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use tasks::TaskView;

pub mod provider;
pub mod replay;
pub mod sample;

/// Longest answer, in bytes. The platform takes 256 KiB in all; prose around the code may double that.
pub const MAX_ANSWER_BYTES: usize = 512 << 10;

/// Something that writes answers.
pub trait Source: Send + Sync {
    /// What it is called in the agent's header, in transcripts and on the terminal.
    fn name(&self) -> String;

    /// Whether it may do better when it is told what was wrong. If not, it is asked once.
    fn learns(&self) -> bool;

    /// Asks for an answer.
    fn answer<'a>(&'a self, ask: &'a Ask<'a>) -> BoxFuture<'a, Result<Reply, SourceError>>;
}

/// One question to a source.
pub struct Ask<'a> {
    /// The task that the answer is for.
    pub task: &'a TaskView,
    /// 1 for the first question about this task.
    pub attempt: u32,
    /// What was said so far; the last message is the question.
    pub messages: &'a [Message],
    /// How long the answer may get, in tokens.
    pub max_output_tokens: u64,
    /// Is told while the answer comes in.
    pub on_progress: &'a (dyn Fn(Progress) + Send + Sync),
}

/// One message of a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Who says it.
    pub role: Role,
    /// What is said.
    pub text: String,
}

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The frame of the whole conversation.
    System,
    /// The miner.
    User,
    /// The model.
    Assistant,
}

/// What happens while a source is at work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// So many bytes of the answer have come in.
    Received {
        /// Bytes so far.
        bytes: usize,
    },
    /// An attempt to reach the provider failed, and there will be another.
    Retrying {
        /// What went wrong.
        reason: String,
        /// How long until then, in milliseconds.
        wait_ms: u64,
    },
}

/// What a source said.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Reply {
    /// The text, as it came.
    pub text: String,
    /// What it took.
    #[serde(default)]
    pub usage: Usage,
    /// Why the text may not be all of an answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flaw: Option<Flaw>,
}

/// What was used up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Usage {
    /// Tokens of the question.
    pub input_tokens: u64,
    /// Tokens of the answer, hidden thinking included.
    pub output_tokens: u64,
    /// What it cost, in US dollars, if the provider or the miner says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_usd: Option<f64>,
    /// The provider did not count, and the tokens are a guess.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub guessed: bool,
}

impl Usage {
    /// A guess from sizes in bytes: a token of code is three to four.
    pub fn estimated(asked_bytes: usize, answered_bytes: usize) -> Self {
        let tokens = |bytes: usize| bytes.div_ceil(3) as u64;
        Self {
            input_tokens: tokens(asked_bytes),
            output_tokens: tokens(answered_bytes),
            cost_usd: None,
            guessed: true,
        }
    }

    /// Tokens in all.
    pub const fn tokens(&self) -> u64 {
        self.input_tokens + self.output_tokens
    }
}

impl std::ops::AddAssign for Usage {
    fn add_assign(&mut self, other: Self) {
        self.input_tokens += other.input_tokens;
        self.output_tokens += other.output_tokens;
        self.guessed |= other.guessed;
        if let Some(cost) = other.cost_usd {
            *self.cost_usd.get_or_insert(0.0) += cost;
        }
    }
}

/// What a provider says, or shows, of an answer that is not as it should be. It is no error: the model can
/// be asked again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Flaw {
    /// It ends at the model's limit of tokens.
    Truncated,
    /// The model, or a filter before it, declined.
    Refused,
    /// It was cut off because it was too long.
    TooLong,
}

/// A source could not answer.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The source has nothing for this task, and never will.
    #[error("{0}")]
    NothingToSay(String),
    /// What the source was given cannot be used: a key, a model's name, an address.
    #[error("{0}")]
    Unusable(String),
    /// The source failed, also after all retries.
    #[error("{0}")]
    Failed(String),
}
