//! The answer in what an agent printed.

use std::borrow::Cow;

use tasks::{Limits, Verdict};

use crate::sandbox::{AgentRun, StoppedFor};
use crate::trial::ending::{memory, size, time};
use crate::trial::fence;

/// The number of the signal that the kernel sends when memory runs out.
const SIGKILL: i32 = 9;

/// Returns the answer of an agent's run: its output without a Markdown fence around it and without a byte order
/// mark. The error is the verdict for every case and its reason.
pub fn answer_of<'a>(
    run: &'a AgentRun,
    limits: &Limits,
) -> Result<Cow<'a, str>, (Verdict, String)> {
    let exceeded = |limit: String| format!("the agent exceeded its limit of {limit}");
    match run.stopped_for {
        Some(StoppedFor::Time) => {
            return Err((Verdict::TimeLimit, exceeded(time(limits.agent_wall_ms))));
        }
        Some(StoppedFor::Output) => {
            return Err((
                Verdict::OutputLimit,
                exceeded(format!("{} of answer", size(limits.answer_bytes))),
            ));
        }
        None => {}
    }
    if run.out_of_memory && run.signal == Some(SIGKILL) {
        return Err((Verdict::MemoryLimit, exceeded(memory(limits))));
    }
    let Ok(text) = str::from_utf8(&run.stdout) else {
        return Err((Verdict::NoSolution, "the answer is not UTF-8".into()));
    };
    let answer = fence::unfenced(text);
    if !answer.trim().is_empty() {
        return Ok(answer);
    }
    match (run.exit, run.signal) {
        (Some(0), _) => Err((Verdict::NoSolution, "the agent printed no answer".into())),
        (Some(status), _) => {
            Err((Verdict::RuntimeError, format!("the agent exited with status {status}")))
        }
        (None, signal) => {
            let signal = signal.unwrap_or_default();
            Err((Verdict::RuntimeError, format!("the agent was ended by signal {signal}")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::ResourceUsage;

    fn run(stdout: &str) -> AgentRun {
        AgentRun {
            stdout: stdout.into(),
            stderr: Vec::new(),
            stderr_truncated: false,
            exit: Some(0),
            signal: None,
            stopped_for: None,
            out_of_memory: false,
            clean: true,
            usage: ResourceUsage::default(),
        }
    }

    fn check(run: &AgentRun, verdict: Verdict) {
        assert_eq!(answer_of(run, &Limits::STANDARD).map_err(|(verdict, _)| verdict), Err(verdict));
    }

    #[test]
    fn removes_one_fence_around_everything() {
        for (printed, answer) in [
            ("x = 1\n", "x = 1\n"),
            ("```python\nx = 1\n```\n", "x = 1"),
            ("\n  ```\nx = 1\n  y\n```  \n", "x = 1\n  y"),
            ("~~~py\r\nx = 1\r\n~~~", "x = 1"),
            ("Here:\n```\nx = 1\n```", "Here:\n```\nx = 1\n```"),
            ("```\na\n```\n```\nb\n```", "```\na\n```\n```\nb\n```"),
        ] {
            assert_eq!(
                answer_of(&run(printed), &Limits::STANDARD),
                Ok(answer.into()),
                "{printed:?}"
            );
        }
    }

    #[test]
    fn gives_a_run_without_an_answer_the_verdict_of_its_end() {
        check(&run(" \n"), Verdict::NoSolution);
        check(&run("```\n```"), Verdict::NoSolution);
        check(&run("\u{feff}"), Verdict::NoSolution);
        check(&AgentRun { stdout: vec![0xff], ..run("") }, Verdict::NoSolution);
        check(&AgentRun { exit: Some(1), ..run("") }, Verdict::RuntimeError);
        check(&AgentRun { exit: None, signal: Some(11), ..run("") }, Verdict::RuntimeError);
        check(&AgentRun { stopped_for: Some(StoppedFor::Time), ..run("x") }, Verdict::TimeLimit);
        check(
            &AgentRun { stopped_for: Some(StoppedFor::Output), ..run("x") },
            Verdict::OutputLimit,
        );
        let killed = AgentRun { exit: None, signal: Some(9), ..run("") };
        check(&killed, Verdict::RuntimeError);
        check(&AgentRun { out_of_memory: true, ..killed }, Verdict::MemoryLimit);
    }

    #[test]
    fn accepts_an_answer_of_an_agent_that_failed_after_it() {
        let run = AgentRun { exit: Some(1), ..run("x = 1") };
        assert_eq!(answer_of(&run, &Limits::STANDARD), Ok("x = 1".into()));
    }
}
