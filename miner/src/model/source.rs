//! The interface between the mining loop and whatever writes answers.
//!
//! The loop knows nothing of providers. A source knows nothing of sandboxes and attempts: it receives a
//! conversation and returns a text.

use std::fmt;

use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use tasks::TaskView;

/// Longest reply, in bytes. The platform accepts agents of 256 KiB; prose around the code may double that.
pub const MAX_REPLY_BYTES: usize = 512 << 10;

/// Something that writes answers.
pub trait AnswerSource: Send + Sync {
    /// The name in the agent's header, in transcripts and on the terminal.
    fn name(&self) -> String;

    /// Returns whether feedback can improve its answers. If not, it is asked once.
    fn learns(&self) -> bool;

    /// Asks for an answer.
    fn answer<'a>(
        &'a self,
        request: &'a ModelRequest<'a>,
    ) -> BoxFuture<'a, Result<ModelReply, AnswerSourceError>>;
}

/// One question to a source.
pub struct ModelRequest<'a> {
    /// The task that the answer is for.
    pub task: &'a TaskView,
    /// 1 for the first question about this task.
    pub attempt: u32,
    /// The conversation so far; the last message is the question.
    pub messages: &'a [ChatMessage],
    /// Longest reply, in tokens.
    pub max_output_tokens: u64,
    /// Called while the reply arrives.
    pub on_progress: &'a (dyn Fn(ModelProgress) + Send + Sync),
}

impl ModelRequest<'_> {
    /// Size of all messages, in bytes.
    pub fn bytes(&self) -> usize {
        self.messages.iter().map(|message| message.text.len()).sum()
    }
}

/// One message of a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChatMessage {
    /// Who wrote it.
    pub role: ChatRole,
    /// Its text.
    pub text: String,
}

/// The author of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChatRole {
    /// Instructions for the whole conversation.
    System,
    /// The miner.
    User,
    /// The model.
    Assistant,
}

/// What happens while a source works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ModelProgress {
    /// A part of the reply arrived.
    Received {
        /// Bytes so far.
        bytes: usize,
    },
    /// A request failed and will be repeated.
    Retrying {
        /// Why it failed.
        reason: String,
        /// The wait until the next request, in milliseconds.
        wait_ms: u64,
    },
}

/// The reply of a source.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ModelReply {
    /// The unchanged text.
    pub text: String,
    /// What it consumed.
    #[serde(default)]
    pub usage: TokenUsage,
    /// Why the text may not be a complete answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flaw: Option<ReplyFlaw>,
}

/// Tokens and money that were spent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TokenUsage {
    /// Tokens of the questions.
    pub input_tokens: u64,
    /// Tokens of the replies, hidden reasoning included.
    pub output_tokens: u64,
    /// US dollars, if the provider or the miner's price states them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_usd: Option<f64>,
    /// The provider did not count, and the tokens are estimated.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub guessed: bool,
}

impl TokenUsage {
    /// An estimate from sizes in bytes: a token of code has three to four.
    pub fn estimated(input_bytes: usize, output_bytes: usize) -> Self {
        let tokens = |bytes: usize| bytes.div_ceil(3) as u64;
        Self {
            input_tokens: tokens(input_bytes),
            output_tokens: tokens(output_bytes),
            cost_usd: None,
            guessed: true,
        }
    }

    /// Input and output tokens together.
    pub const fn tokens(&self) -> u64 {
        self.input_tokens + self.output_tokens
    }
}

impl std::ops::AddAssign for TokenUsage {
    fn add_assign(&mut self, other: Self) {
        self.input_tokens += other.input_tokens;
        self.output_tokens += other.output_tokens;
        self.guessed |= other.guessed;
        if let Some(cost) = other.cost_usd {
            *self.cost_usd.get_or_insert(0.0) += cost;
        }
    }
}

impl fmt::Display for TokenUsage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let about = if self.guessed { "about " } else { "" };
        write!(f, "{about}{} tokens", self.tokens())?;
        match self.cost_usd {
            Some(cost) => write!(f, ", ${cost:.4}"),
            None => Ok(()),
        }
    }
}

/// A defect of a reply. It is not an error: the model can be asked again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReplyFlaw {
    /// It ends at the model's token limit.
    Truncated,
    /// The model, or a filter before it, refused.
    Refused,
    /// It was cut off at [`MAX_REPLY_BYTES`].
    TooLong,
    /// The model's reasoning reached the token limit before any answer.
    OnlyReasoning,
}

/// A source could not answer.
#[derive(Debug, thiserror::Error)]
pub enum AnswerSourceError {
    /// The source has no answer for this task and never will.
    #[error("{0}")]
    NoAnswer(String),
    /// The source cannot work with its settings: a key, a model's name, an address.
    #[error("{0}")]
    Unusable(String),
    /// The source failed, also after all retries.
    #[error("{0}")]
    Failed(String),
}
