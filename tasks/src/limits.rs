//! All limits of a trial.
//!
//! There is deliberately no `Default`: every use names the limits it means. The standard ones are
//! [`Limits::STANDARD`]; a task of the catalogue may change only its CPU time per call.

use serde::{Deserialize, Serialize};

/// Resource limits of one trial. Memory, processors and process count apply to the whole container.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Wall-clock time of `python agent.py --task ...`, in milliseconds.
    pub agent_wall_ms: u64,
    /// CPU time of loading the answer and of each call, in milliseconds.
    pub call_cpu_ms: u64,
    /// Wall-clock time of all calls of a trial together, in milliseconds.
    pub calls_wall_ms: u64,
    /// Calls of a trial that may exceed their time limit. After the last of them no more calls are made.
    pub call_timeouts: u32,
    /// Calls whose inputs are handed over together. With 1 an answer knows no input before its call is due, so a limit
    /// per call covers all work on the input. Benchmarks with thousands of calls hand over all.
    pub calls_per_batch: u32,
    /// Largest answer on stdout, in bytes.
    pub answer_bytes: u64,
    /// Length of the end of stderr that is kept, in bytes.
    pub stderr_bytes: u64,
    /// Largest value that a call may return, in bytes of its encoded form.
    pub value_bytes: u64,
    /// Largest sum of all returned values of a trial, in bytes of their encoded form.
    pub values_bytes: u64,
    /// Memory of the container, swap included, in bytes.
    pub memory_bytes: u64,
    /// Size of the work directory, in bytes.
    pub work_bytes: u64,
    /// Number of files and directories in the work directory.
    pub work_inodes: u64,
    /// Number of processes and threads in the container.
    pub pids: u32,
    /// Processors, in thousandths.
    pub cpu_millis: u32,
}

impl Limits {
    /// The standard limits: 10 s for the agent, 2 s of CPU time per call, 256 MiB, one processor.
    pub const STANDARD: Self = Self {
        agent_wall_ms: 10_000,
        call_cpu_ms: 2_000,
        calls_wall_ms: 60_000,
        call_timeouts: 3,
        calls_per_batch: 1,
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
