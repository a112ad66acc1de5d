//! From what an agent printed to what it answered.

use std::sync::LazyLock;

use regex::Regex;
use tasks::Verdict;

use crate::sandbox::{AgentRun, StoppedFor};

/// One Markdown code fence around everything, as language models like to print it.
static FENCE: LazyLock<Regex> = LazyLock::new(|| {
    let fence = r"(?s)\A\s*(?:```|~~~)[\w+-]*[ \t]*\r?\n(?<inside>.*?)\r?\n?[ \t]*(?:```|~~~)\s*\z";
    Regex::new(fence).expect("the pattern is right")
});

/// Takes the answer out of an agent's run, or says why there is none: the verdict for every case, and a
/// sentence.
pub fn answer_of(run: &AgentRun) -> Result<&str, (Verdict, String)> {
    match run.stopped_for {
        Some(StoppedFor::Time) => {
            return Err((Verdict::TimeLimit, "the agent's time was up".into()));
        }
        Some(StoppedFor::Output) => {
            return Err((
                Verdict::OutputLimit,
                "the agent printed more than an answer may have".into(),
            ));
        }
        None => {}
    }
    if run.out_of_memory && run.signal == Some(SIGKILL) {
        return Err((Verdict::MemoryLimit, "the agent's memory was used up".into()));
    }
    let Ok(text) = str::from_utf8(&run.stdout) else {
        return Err((Verdict::NoSolution, "the answer is not UTF-8".into()));
    };
    // A byte order mark is not part of the text.
    let answer = unfenced(text.strip_prefix('\u{feff}').unwrap_or(text));
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
            Err((Verdict::RuntimeError, format!("signal {signal} ended the agent")))
        }
    }
}

/// The number of the signal with which the kernel kills for want of memory.
const SIGKILL: i32 = 9;

fn unfenced(text: &str) -> &str {
    match FENCE.captures(text).and_then(|captures| captures.name("inside")) {
        // Two fences one after the other are not one fence around everything.
        Some(inside)
            if !inside.as_str().lines().any(|line| line.trim_start().starts_with("```")) =>
        {
            inside.as_str()
        }
        _ => text,
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
        assert_eq!(answer_of(run).map_err(|(verdict, _)| verdict), Err(verdict));
    }

    #[test]
    fn one_fence_around_everything_is_taken_off() {
        for (printed, answer) in [
            ("x = 1\n", "x = 1\n"),
            ("```python\nx = 1\n```\n", "x = 1"),
            ("\n  ```\nx = 1\n  y\n```  \n", "x = 1\n  y"),
            ("~~~py\r\nx = 1\r\n~~~", "x = 1"),
            ("Here:\n```\nx = 1\n```", "Here:\n```\nx = 1\n```"),
            ("```\na\n```\n```\nb\n```", "```\na\n```\n```\nb\n```"),
        ] {
            assert_eq!(answer_of(&run(printed)), Ok(answer), "{printed:?}");
        }
    }

    #[test]
    fn a_run_without_an_answer_has_the_verdict_of_how_it_ended() {
        check(&run(" \n"), Verdict::NoSolution);
        check(&run("```\n```"), Verdict::NoSolution);
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
    fn an_answer_counts_even_if_the_agent_failed_after_it() {
        assert_eq!(answer_of(&AgentRun { exit: Some(1), ..run("x = 1") }), Ok("x = 1"));
    }
}
