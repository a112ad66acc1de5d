//! What happens during mining, reported as events.

use std::path::PathBuf;

use serde::Serialize;
use tasks::{TaskId, Verdict};

use super::answers::KeptAnswer;
use crate::model::source::{ChatMessage, ModelProgress, ModelReply, TokenUsage};

/// Receives events.
pub type OnMiningEvent<'a> = &'a (dyn Fn(MiningEvent) + Send + Sync);

/// What happens during mining.
#[derive(Clone, Debug)]
pub enum MiningEvent {
    /// The run begins.
    Started {
        /// Number of tasks that the source is asked about.
        tasks: usize,
    },
    /// The source is asked for an answer.
    Asking {
        /// The task.
        task: TaskId,
        /// The task's position in the run, from 1.
        place: usize,
        /// The attempt, from 1.
        attempt: u32,
    },
    /// The source is working.
    Progress {
        /// The task.
        task: TaskId,
        /// What happens.
        progress: ModelProgress,
    },
    /// A reply arrived and was examined.
    Exchanged(Box<ModelExchange>),
    /// A task is finished.
    Done {
        /// The task.
        task: TaskId,
        /// Its best answer, if any is usable.
        best: Option<KeptAnswer>,
    },
    /// The usage of the whole run so far.
    Spent(TokenUsage),
    /// The source has no answer to a task at all.
    Skipped {
        /// The task.
        task: TaskId,
        /// Why.
        reason: String,
    },
    /// A task was abandoned.
    Left {
        /// The task.
        task: TaskId,
        /// Why.
        reason: String,
    },
    /// Answers of an earlier run were moved out of the way.
    EarlierAnswersMoved {
        /// Their new file.
        path: PathBuf,
    },
    /// The budget is used up, and the agent is built of the answers so far.
    StoppedEarly {
        /// Why.
        reason: String,
    },
    /// The complete agent is tried.
    TryingAgent {
        /// Number of tasks that it has answers for.
        tasks: usize,
    },
}

/// One question, its reply and the result: a line of a transcript.
#[derive(Clone, Debug, Serialize)]
pub struct ModelExchange {
    /// The model.
    pub model: String,
    /// The task.
    pub task: TaskId,
    /// The attempt, from 1.
    pub attempt: u32,
    /// The conversation up to the question.
    pub messages: Vec<ChatMessage>,
    /// The reply.
    pub reply: ModelReply,
    /// Time until the reply was complete, in milliseconds.
    pub wall_ms: u64,
    /// The verdict of the code, if it was tried.
    pub verdict: Option<Verdict>,
    /// Passed cases and all cases, if it was tried.
    pub cases: Option<(u32, u32)>,
    /// What was wrong, in one line.
    pub failed: Option<String>,
}
