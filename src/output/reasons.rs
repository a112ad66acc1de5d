//! Why an agent has its score, as text for its owner.

use std::fmt::Write as _;

use harness::scoring::report::score as number;
use platform::api::{AgentResults, DisclosedRecord, trial_name};

use super::text::{counted, painted, without_controls};

/// The trials that were not accepted, each with its failed cases, the end of stderr, what it used, and attempts that ended
/// in a fault; then the trials that were not judged.
pub fn text(results: &AgentResults) -> String {
    let AgentResults { trials, faults, .. } = results;
    let mut text = String::new();
    let mut accepted = 0;
    for record in trials.iter().map(|trial| &trial.record) {
        if record.verdict.is_wrong() {
            text += &failure(record);
        } else {
            accepted += 1;
        }
    }
    for fault in faults {
        let (name, fault) = (trial_name(&fault.task, fault.repetition), &fault.fault);
        let _ = writeln!(text, "  {name}: not judged: {}", without_controls(fault));
    }
    let all = counted(trials.len() + faults.len(), "trial");
    text + &format!("  {accepted} of {all} accepted\n")
}

fn failure(record: &DisclosedRecord) -> String {
    let DisclosedRecord { verdict, passed, total, score, wall_ms, cpu_ms, .. } = record;
    let mut text = format!(
        "  {}: {}, {passed} of {total} cases, score {}; used {wall_ms} ms, {cpu_ms} ms of CPU time, {} MiB\n",
        record.name(),
        painted(verdict.code()),
        number(*score),
        record.peak_memory_bytes >> 20
    );
    for case in record.failed_cases() {
        let detail = match case.detail.as_str() {
            "" => String::new(),
            detail => format!(": {}", without_controls(detail)),
        };
        let _ = writeln!(text, "    {} {}{detail}", painted(case.verdict), case.names());
    }
    for (index, line) in record.stderr_tail().iter().enumerate() {
        let head = if index == 0 { "    stderr ends:\n" } else { "" };
        let _ = writeln!(text, "{head}      {}", without_controls(line));
    }
    let failed = record.attempts.iter().filter_map(|attempt| attempt.fault.as_deref());
    for (index, fault) in failed.enumerate() {
        let _ = writeln!(text, "    attempt {}: {}", index + 1, without_controls(fault));
    }
    if let Some(used) = record.model {
        let _ = writeln!(
            text,
            "    model: {}, {} tokens in, {} out",
            counted(usize::try_from(used.calls).unwrap_or(usize::MAX), "request"),
            used.input_tokens,
            used.output_tokens
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn shows_what_failed_what_was_used_and_faults_of_attempts() {
        let sha256 = "0".repeat(64);
        let trial = |task: &str, verdict: &str, passed: u32| {
            json!({
                "miner_id": "me", "agent_sha256": sha256, "task": task, "verdict": verdict, "passed": passed,
                "score": f64::from(passed) * 50.0, "total": 2, "wall_ms": 20, "cpu_ms": 10,
                "peak_memory_bytes": 16 << 20, "stdout": "", "stdout_truncated": false, "stderr_truncated": false,
                "stderr": "Traceback\n\u{1b}[2Jboom", "attempts": [{"fault": "a fault of the arena"}, {"fault": null}],
                "model": {"calls": 1, "input_tokens": 2, "output_tokens": 3, "cost_micro_usd": 4, "model_ms": 5},
                "cases": [
                    {"name": "hidden_1", "passed": passed > 0, "detail": "this fails too: f(0) returned 1, expected 0"},
                    {"name": "hidden_2", "passed": passed > 1, "detail": ""},
                ],
            })
        };
        let results = json!({
            "round": "r", "miner_id": "me", "agent_sha256": sha256,
            "trials": [trial("two_sum", "WA", 0), trial("factorial", "AC", 2)],
            "faults": [{"miner_id": "me", "task": "flatten", "repetition": 2, "fault": "the daemon is gone"}],
        });
        assert_eq!(
            text(&serde_json::from_value(results).unwrap()),
            "  two_sum: \u{1b}[31mWA\u{1b}[0m, 0 of 2 cases, score 0; used 20 ms, 10 ms of CPU time, 16 MiB\n    \
             failed hidden_1: this fails too: f(0) returned 1, expected 0\n    failed hidden_2\n    stderr ends:\n      \
             Traceback\n      \\u{1b}[2Jboom\n    attempt 1: a fault of the arena\n    model: 1 request, 2 tokens in, 3 \
             out\n  flatten #2: not judged: the daemon is gone\n  1 of 3 trials accepted\n"
        );
    }
}
