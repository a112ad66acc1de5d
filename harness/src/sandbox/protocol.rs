//! The messages between the host and the driver, in both directions.
//!
//! Two kinds of frames come out of a container, and their tags keep them apart: messages of the driver, which
//! report what the kernel measured, and what the candidate's process sent, which is used for nothing but the
//! value that the candidate is judged by.

use serde::{Deserialize, Serialize};
use tasks::{CallOutcome, Sha256, Value};

/// Version of the protocol between host and driver, and of how outcomes are judged. It is
/// part of the key of every trial record, so raising it voids all stored records.
pub const PROTOCOL_VERSION: u32 = 7;

/// Tag of a frame that holds a message of the driver.
pub(super) const DRIVER_TAG: u32 = 0xFFFF_FFFF;
/// Tag of a frame in which the candidate's process reports why the answer cannot be used.
pub(super) const REFUSAL_TAG: u32 = 0xFFFF_FFFD;

/// Commands a run of `python agent.py --task PROMPT`.
#[derive(Serialize)]
pub(super) struct RunAgent<'a> {
    pub agent: &'a str,
    pub prompt: &'a str,
    pub wall_ms: u64,
    pub answer_bytes: u64,
    pub stderr_bytes: u64,
    /// Whether the agent has a model
    pub model: bool,
}

/// Commands that an answer is loaded and called. The inputs follow, a frame for each batch. They are the only part of
/// the cases that ever enters a container.
#[derive(Serialize)]
pub(super) struct MakeCalls<'a> {
    pub source: &'a str,
    pub entry_point: &'a str,
    /// The number of calls of each batch
    pub batches: &'a [usize],
    /// Calls that may exceed their time limit before no more are made
    pub timeouts: u32,
    pub call_cpu_ms: u64,
    pub wall_ms: u64,
    pub value_bytes: u64,
    pub values_bytes: u64,
}

/// The resources that the processes of a run used, as the kernel measured them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct ResourceUsage {
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

/// The result of `python agent.py --task PROMPT`.
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
    /// Whether the kernel killed a process because memory ran out
    pub out_of_memory: bool,
    /// Whether the container is fit for another trial
    pub clean: bool,
    /// What it used
    pub usage: ResourceUsage,
}

impl AgentRun {
    /// A run in which the container ran out of memory so far that its driver was ended.
    pub(super) fn out_of_memory() -> Self {
        Self { signal: Some(9), out_of_memory: true, ..Self::default() }
    }
}

/// The driver's report of an agent's run.
#[derive(Deserialize)]
pub(super) struct AgentReport {
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
    usage: ResourceUsage,
}

impl From<AgentReport> for AgentRun {
    fn from(answer: AgentReport) -> Self {
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

/// Decodes bytes that the driver sent as the characters with those code points.
fn latin_1(text: &str) -> Vec<u8> {
    text.chars().map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?')).collect()
}

/// A message of the driver.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum DriverMessage {
    Ready {
        python: String,
    },
    Answer(AgentReport),
    /// The deadline was extended, because the machine did not let the processes run
    Extended {
        /// The time that is left, in milliseconds
        wall_ms: u64,
    },
    LoadEnded(ProcessEnd),
    Ended {
        index: usize,
        #[serde(flatten)]
        end: ProcessEnd,
    },
    Done {
        clean: bool,
        /// How long the machine kept a process of the container from running, if that is why the calls ended
        starved_ms: u64,
        /// CPU time of the slowest call that returned or raised, in milliseconds
        slowest_call_ms: u64,
        #[serde(flatten)]
        usage: ResourceUsage,
    },
}

/// Why the candidate's process was ended before it had sent the outcome that was due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TerminationReason {
    /// It ended by itself: crashed, exited or closed its end.
    Ended,
    /// The kernel killed it because memory ran out.
    Memory,
    /// It used up the CPU time of a call.
    Cpu,
    /// A call neither used nor waited for the CPU for too long.
    Idle,
    /// The wall-clock time of all calls was up.
    Wall,
    /// It sent a value larger than one may be.
    Value,
    /// It sent more than all values together may be.
    Values,
    /// It sent something out of turn.
    Turn,
}

/// How the candidate's process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct ProcessEnd {
    /// The reason
    pub why: TerminationReason,
    /// Exit status, if it exited
    pub exit: Option<i32>,
    /// Signal that ended it, if one did
    pub signal: Option<i32>,
}

/// The result of loading the answer.
#[derive(Clone, Debug)]
pub enum LoadOutcome {
    /// It was loaded, and calls were made.
    Ready,
    /// It is not Python source.
    Unusable(CallOutcome),
    /// It raised while it was loaded.
    Raised(CallOutcome),
    /// It does not define the entry point as something that can be called.
    Missing,
    /// Its process ended while loading.
    Ended(ProcessEnd),
}

/// How one call ended.
#[derive(Clone, Debug)]
pub enum CallEnd {
    /// Its outcome, as the candidate's process sent it.
    Outcome(CallOutcome),
    /// The candidate's process sent something that is not an outcome.
    Garbled,
    /// The candidate's process ended.
    Ended(ProcessEnd),
    /// The call was not made: time or room for values was up before, too many calls exceeded their limit, or the calls
    /// were stopped.
    NotMade,
}

/// The result of loading an answer and calling it.
#[derive(Clone, Debug)]
pub struct CallsRun {
    /// The result of loading it
    pub load: LoadOutcome,
    /// How the calls ended after those whose ends were reported one by one
    pub rest: CallEnd,
    /// Whether the container is fit for another trial
    pub clean: bool,
    /// CPU time of the slowest call that returned or raised, in milliseconds
    pub slowest_call_ms: u64,
    /// What it used
    pub usage: ResourceUsage,
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
        /// The line of the answer where it was raised
        line: Option<u32>,
    },
    /// The object was made, and these are the results of its steps.
    Steps(Vec<CallReply>),
}

impl From<CallReply> for CallOutcome {
    fn from(reply: CallReply) -> Self {
        match reply {
            CallReply::Returned(value) => Self::Returned(value),
            CallReply::Digest(digest) => Self::Digest(digest),
            CallReply::Raised { types, message, line } => Self::Raised { types, message, line },
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
    Unusable { types: Vec<String>, message: String, line: Option<u32> },
    Raised { types: Vec<String>, message: String, line: Option<u32> },
    Missing,
}

impl LoadOutcome {
    /// Parses why the answer cannot be used. If the candidate sent anything else, it counts as having defined nothing.
    pub(super) fn read_refusal(payload: &[u8]) -> Self {
        match serde_json::from_slice(payload) {
            Ok(Refusal::Unusable { types, message, line }) => {
                Self::Unusable(CallOutcome::Raised { types, message, line })
            }
            Ok(Refusal::Raised { types, message, line }) => {
                Self::Raised(CallOutcome::Raised { types, message, line })
            }
            Ok(Refusal::Missing) | Err(_) => Self::Missing,
        }
    }
}
