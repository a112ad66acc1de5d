//! How a process that was stopped or ended by itself is judged, and the limit that it exceeded in words. Limits are
//! public, so these words may be shown whatever is disclosed.

use tasks::{Limits, Verdict};

use crate::sandbox::{ProcessEnd, TerminationReason};

/// A call that neither uses nor waits for the CPU is stopped after this many times its CPU limit. Must equal
/// `IDLE_SHARE` in `driver.py`.
const IDLE_SHARE: u64 = 2;

/// Returns the verdict of a process that ended, and what it exceeded or did.
pub(crate) fn verdict_of_end(end: ProcessEnd, limits: &Limits) -> (Verdict, String) {
    let exceeded = |limit: String| format!("the limit of {limit} was exceeded");
    let cpu_ms = limits.call_cpu_ms;
    match end.why {
        TerminationReason::Ended => {
            (Verdict::RuntimeError, "its process ended by itself".to_owned())
        }
        TerminationReason::Memory => (Verdict::MemoryLimit, exceeded(memory(limits))),
        TerminationReason::Cpu => {
            (Verdict::TimeLimit, exceeded(format!("{} of CPU time per call", time(cpu_ms))))
        }
        TerminationReason::Idle => (
            Verdict::TimeLimit,
            exceeded(format!("{} without using the CPU in a call", time(IDLE_SHARE * cpu_ms))),
        ),
        TerminationReason::Wall => {
            (Verdict::TimeLimit, exceeded(format!("{} for all calls", time(limits.calls_wall_ms))))
        }
        TerminationReason::Value => {
            (Verdict::OutputLimit, exceeded(format!("{} per value", size(limits.value_bytes))))
        }
        TerminationReason::Values => (
            Verdict::OutputLimit,
            exceeded(format!("{} for all values", size(limits.values_bytes))),
        ),
        TerminationReason::Turn => {
            (Verdict::RuntimeError, "its process sent something out of turn".to_owned())
        }
    }
}

/// Returns the limits of which this verdict says that one was exceeded, in words, or nothing for other verdicts.
pub fn limits_behind(verdict: Verdict, limits: &Limits) -> Option<String> {
    Some(match verdict {
        Verdict::TimeLimit => format!(
            "{} of CPU time per call, {} for all calls",
            time(limits.call_cpu_ms),
            time(limits.calls_wall_ms)
        ),
        Verdict::MemoryLimit => memory(limits),
        Verdict::OutputLimit => format!(
            "{} per value, {} for all values",
            size(limits.value_bytes),
            size(limits.values_bytes)
        ),
        _ => return None,
    })
}

/// Memory of the container, in words.
pub(crate) fn memory(limits: &Limits) -> String {
    format!("{} of memory", size(limits.memory_bytes))
}

/// A time in words: `2 s`, `0.5 s`.
pub(crate) fn time(ms: u64) -> String {
    if ms.is_multiple_of(1000) {
        return format!("{} s", ms / 1000);
    }
    format!("{}.{:03}", ms / 1000, ms % 1000).trim_end_matches('0').to_owned() + " s"
}

/// A size in words: `256 MiB`, `1.5 KiB`.
pub(crate) fn size(bytes: u64) -> String {
    for (shift, unit) in [(30, "GiB"), (20, "MiB"), (10, "KiB")] {
        let (whole, tenths) = (bytes >> shift, ((bytes * 10) >> shift) % 10);
        match (whole, tenths) {
            (0, _) => {}
            (_, 0) => return format!("{whole} {unit}"),
            _ => return format!("{whole}.{tenths} {unit}"),
        }
    }
    format!("{bytes} bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_limits_behind_a_verdict() {
        let words = |verdict| limits_behind(verdict, &Limits::STANDARD);
        let time = "2 s of CPU time per call, 60 s for all calls";
        assert_eq!(words(Verdict::TimeLimit).as_deref(), Some(time));
        assert_eq!(words(Verdict::MemoryLimit).as_deref(), Some("256 MiB of memory"));
        let output = "1 MiB per value, 64 MiB for all values";
        assert_eq!(words(Verdict::OutputLimit).as_deref(), Some(output));
        assert_eq!(words(Verdict::WrongAnswer), None);
    }

    #[test]
    fn names_the_limit_that_was_exceeded() {
        let limits = Limits { call_cpu_ms: 500, value_bytes: 1000, ..Limits::STANDARD };
        for (why, words) in [
            (TerminationReason::Memory, "256 MiB of memory"),
            (TerminationReason::Cpu, "0.5 s of CPU time per call"),
            (TerminationReason::Idle, "1 s without using the CPU in a call"),
            (TerminationReason::Wall, "60 s for all calls"),
            (TerminationReason::Value, "1000 bytes per value"),
            (TerminationReason::Values, "64 MiB for all values"),
        ] {
            let (_, said) =
                verdict_of_end(ProcessEnd { why, exit: None, signal: Some(9) }, &limits);
            assert_eq!(said, format!("the limit of {words} was exceeded"));
        }
        assert_eq!(size(3 << 29), "1.5 GiB");
    }
}
