//! What the host and the driver say to each other, in both directions.
//!
//! Two voices come out of a container, and they never mix: the driver's own statements, which rest on
//! the kernel's word, and what the candidate's process sent, which is believed to be nothing but the
//! value that the candidate wants to be judged by.

use serde::{Deserialize, Serialize};
use tasks::{CallOutcome, Input, Sha256, Value};

/// Tag of a frame in which the driver itself speaks.
pub(super) const SAID: u32 = 0xFFFF_FFFF;
/// Tag of a frame in which the candidate's process said why the answer cannot be used.
pub(super) const REFUSED: u32 = 0xFFFF_FFFD;

/// Asks for a run of `python agent.py --task PROMPT`.
#[derive(Serialize)]
pub(super) struct RunAgent<'a> {
    pub agent: &'a str,
    pub prompt: &'a str,
    pub wall_ms: u64,
    pub answer_bytes: u64,
    pub stderr_bytes: u64,
}

/// Asks for an answer to be loaded and called.
#[derive(Serialize)]
pub(super) struct MakeCalls<'a> {
    pub source: &'a str,
    pub entry_point: &'a str,
    /// All of the cases that ever enters a container.
    pub calls: &'a [Input<'a>],
    pub call_cpu_ms: u64,
    pub wall_ms: u64,
    pub value_bytes: u64,
    pub values_bytes: u64,
}

/// Tells that no more outcomes of the present calls are wanted.
#[derive(Serialize)]
pub(super) struct Stop {
    pub stop: bool,
}

/// What the processes of a run used, by the kernel's account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Usage {
    /// Wall-clock time in milliseconds
    pub wall_ms: u64,
    /// CPU time of all processes, in milliseconds
    pub cpu_ms: u64,
    /// Largest resident size of any one process, in bytes
    pub peak_memory_bytes: u64,
}

/// Why an agent was stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StoppedFor {
    /// Its wall-clock time was up.
    Time,
    /// It printed more than an answer may have.
    Output,
}

/// What became of `python agent.py --task PROMPT`.
#[derive(Clone, Debug, Default)]
pub struct AgentRun {
    /// What it printed, up to the limit
    pub stdout: Vec<u8>,
    /// The end of what it wrote to stderr
    pub stderr: Vec<u8>,
    /// Whether stderr had more than that
    pub stderr_truncated: bool,
    /// Exit status, if it exited
    pub exit: Option<i32>,
    /// Signal that ended it, if one did
    pub signal: Option<i32>,
    /// Why it was stopped, if it was
    pub stopped_for: Option<StoppedFor>,
    /// Whether the kernel killed a process for want of memory
    pub out_of_memory: bool,
    /// Whether the container is fit for another trial
    pub clean: bool,
    /// What it used
    pub usage: Usage,
}

impl AgentRun {
    /// A run in which the container ran out of memory so far that its driver was ended.
    pub(super) fn out_of_memory() -> Self {
        Self {
            stdout: Vec::new(),
            stderr: Vec::new(),
            stderr_truncated: false,
            exit: None,
            signal: Some(9),
            stopped_for: None,
            out_of_memory: true,
            clean: false,
            usage: Usage::default(),
        }
    }
}

#[derive(Deserialize)]
pub(super) struct Answer {
    stdout: String,
    stderr: String,
    stderr_truncated: bool,
    exit: Option<i32>,
    signal: Option<i32>,
    stopped_for: Option<StoppedFor>,
    out_of_memory: bool,
    clean: bool,
    pub(super) starved_ms: u64,
    #[serde(flatten)]
    usage: Usage,
}

impl From<Answer> for AgentRun {
    fn from(answer: Answer) -> Self {
        Self {
            stdout: latin_1(&answer.stdout),
            stderr: latin_1(&answer.stderr),
            stderr_truncated: answer.stderr_truncated,
            exit: answer.exit,
            signal: answer.signal,
            stopped_for: answer.stopped_for,
            out_of_memory: answer.out_of_memory,
            clean: answer.clean,
            usage: answer.usage,
        }
    }
}

/// The bytes that the driver wrote as the characters with those numbers.
fn latin_1(text: &str) -> Vec<u8> {
    text.chars().map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?')).collect()
}

/// A statement of the driver itself.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Said {
    Ready {
        python: String,
    },
    Answer(Answer),
    LoadEnded(Ended),
    Ended {
        index: usize,
        #[serde(flatten)]
        ended: Ended,
    },
    Done {
        clean: bool,
        /// How long the machine kept a process of it from running, if the wall-clock time was up
        starved_ms: u64,
        #[serde(flatten)]
        usage: Usage,
    },
}

/// Why the candidate's process was ended before it had sent the outcome that was due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// It ended by itself: crashed, exited or closed its end.
    Ended,
    /// The kernel killed it for want of memory.
    Memory,
    /// It used up the CPU time of a call.
    Cpu,
    /// The wall-clock time of all calls was up.
    Wall,
    /// It sent a value larger than one may be.
    Value,
    /// It sent more than all values together may be.
    Values,
    /// It sent something that was not due.
    Turn,
}

/// How the candidate's process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct Ended {
    /// The reason
    pub why: Why,
    /// Exit status, if it exited
    pub exit: Option<i32>,
    /// Signal that ended it, if one did
    pub signal: Option<i32>,
}

/// What came of loading the answer.
#[derive(Clone, Debug)]
pub enum Load {
    /// It was loaded, and calls were made.
    Ready,
    /// It is no Python source.
    Unusable(CallOutcome),
    /// It raised while it was loaded.
    Raised(CallOutcome),
    /// It does not define the entry point as something that can be called.
    Missing,
    /// Its process ended while loading.
    Ended(Ended),
}

/// What came of one call.
#[derive(Clone, Debug)]
pub enum CallEnd {
    /// Its outcome, as the candidate's process sent it.
    Outcome(CallOutcome),
    /// The candidate's process sent something that is no outcome.
    Garbled,
    /// The candidate's process ended.
    Ended(Ended),
    /// The call was not made: time or room for values was up before, or no more outcomes were wanted.
    NotMade,
}

/// What came of loading an answer and calling it.
#[derive(Clone, Debug)]
pub struct CallsRun {
    /// What came of loading it
    pub load: Load,
    /// What became of the calls after those whose ends were told
    pub rest: CallEnd,
    /// Whether the container is fit for another trial
    pub clean: bool,
    /// What it used
    pub usage: Usage,
}

/// What the candidate's process sends about a call or about itself. Any of it may be a lie.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum CallReply {
    /// The call returned this.
    Returned(Value),
    /// The call returned a value of which this is the digest.
    Digest(Sha256),
    /// The call, or loading, raised this.
    Raised {
        /// Names of the exception's class and its bases
        types: Vec<String>,
        /// The exception's text
        message: String,
    },
    /// The object was made, and this came of each step.
    Steps(Vec<CallReply>),
}

impl From<CallReply> for CallOutcome {
    fn from(reply: CallReply) -> Self {
        match reply {
            CallReply::Returned(value) => Self::Returned(value),
            CallReply::Digest(digest) => Self::Digest(digest),
            CallReply::Raised { types, message } => Self::Raised { types, message },
            CallReply::Steps(steps) => Self::Steps(steps.into_iter().map(Self::from).collect()),
        }
    }
}

impl CallEnd {
    pub(super) fn read(payload: &[u8]) -> Self {
        let reply = serde_json::from_slice::<CallReply>(payload);
        reply.map_or(Self::Garbled, |reply| Self::Outcome(reply.into()))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Refusal {
    Unusable { types: Vec<String>, message: String },
    Raised { types: Vec<String>, message: String },
    Missing,
}

impl Load {
    /// Why the answer cannot be used. Whatever else the candidate sends here, it defined nothing.
    pub(super) fn read_refusal(payload: &[u8]) -> Self {
        match serde_json::from_slice(payload) {
            Ok(Refusal::Unusable { types, message }) => {
                Self::Unusable(CallOutcome::Raised { types, message })
            }
            Ok(Refusal::Raised { types, message }) => {
                Self::Raised(CallOutcome::Raised { types, message })
            }
            Ok(Refusal::Missing) | Err(_) => Self::Missing,
        }
    }
}
