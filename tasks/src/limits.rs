//! Every limit that an agent lives under, in one place.
//!
//! There is no `Default`: a limit that nobody chose is a limit that nobody can defend. The standard
//! ones are [`Limits::STANDARD`]; a task may tighten or widen its times, and only those.

use serde::{Deserialize, Serialize};

/// What one trial may use. Times are per trial, sizes too; memory, processor and process count
/// bound the container as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Wall-clock time for `python agent.py --task ...`, in milliseconds.
    pub agent_wall_ms: u64,
    /// CPU time for loading the answer and for each call of it, in milliseconds.
    pub call_cpu_ms: u64,
    /// Wall-clock time for all calls of a trial together, in milliseconds.
    pub calls_wall_ms: u64,
    /// Largest answer on stdout, in bytes.
    pub answer_bytes: u64,
    /// How much of the end of stderr is kept, in bytes.
    pub stderr_bytes: u64,
    /// Largest value that a call may return, in bytes of its encoded form.
    pub value_bytes: u64,
    /// Largest sum of all returned values of a trial, in bytes of their encoded form.
    pub values_bytes: u64,
    /// Memory of the container, swap included, in bytes.
    pub memory_bytes: u64,
    /// Size of the work folder, in bytes.
    pub work_bytes: u64,
    /// Files and folders in the work folder.
    pub work_inodes: u64,
    /// Processes and threads in the container.
    pub pids: u32,
    /// Processors, in thousandths of one.
    pub cpu_millis: u32,
}

impl Limits {
    /// The arena's standard limits: 10 s for the agent, 2 s of CPU for a call, 256 MiB, one
    /// processor.
    pub const STANDARD: Self = Self {
        agent_wall_ms: 10_000,
        call_cpu_ms: 2_000,
        calls_wall_ms: 60_000,
        answer_bytes: 256 << 10,
        stderr_bytes: 16 << 10,
        value_bytes: 1 << 20,
        values_bytes: 64 << 20,
        memory_bytes: 256 << 20,
        work_bytes: 64 << 20,
        work_inodes: 4_096,
        pids: 64,
        cpu_millis: 1_000,
    };
}
