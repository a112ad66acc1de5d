//! A trial: one agent on one task, and the record that is kept of it.

use serde::{Deserialize, Serialize};
use tasks::{Input, Kind, Seed, Sha256, TaskId, Verdict};

use platform::MinerId;
use platform::rankings::TaskScore;

use crate::Fault;
use crate::answer::answer_of;
use crate::judge::{all_alike, judge_calls};
use crate::prepared::Prepared;
use crate::sandbox::{AgentRun, CallEnd, CallsRun, Container, Load, StoppedFor, Usage};
use crate::score::task_score;

/// What came of a trial. It is what a result file holds, and it says nothing of who submitted the agent:
/// two miners with the same agent share it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrialResult {
    /// The agent, by its source
    pub agent_sha256: Sha256,
    /// The task
    pub task: TaskId,
    /// The round's seed
    pub seed: Seed,
    /// The verdict of the first case that is not accepted
    pub verdict: Verdict,
    /// 100 x passed cases / cases, two decimals
    pub score: f64,
    /// Cases that were accepted
    pub passed: u32,
    /// Cases in all
    pub total: u32,
    /// Each case
    pub cases: Vec<CaseResult>,
    /// Wall-clock time of the agent and of all calls, in milliseconds
    pub wall_ms: u64,
    /// CPU time of the same, in milliseconds
    pub cpu_ms: u64,
    /// Largest resident size of any one process, in bytes
    pub peak_memory_bytes: u64,
    /// What the agent printed, up to the limit of an answer
    pub stdout: String,
    /// The end of what it wrote to stderr
    pub stderr: String,
    /// Whether it printed more
    pub stdout_truncated: bool,
    /// Whether it wrote more to stderr
    pub stderr_truncated: bool,
    /// Every attempt, in order. All but the last ended in a fault.
    pub attempts: Vec<Attempt>,
}

/// One case of a trial.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseResult {
    /// The case's name
    pub name: String,
    /// Its verdict
    pub verdict: Verdict,
    /// What there is to say about it, for the miner
    pub detail: String,
}

/// One attempt at a trial.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// The fault that ended it; none if it came to a verdict.
    pub fault: Option<String>,
}

/// A trial together with whose it was: one entry of `trials` in the JSON of `check` and `evaluate`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrialRecord {
    /// Who submitted the agent
    pub miner_id: MinerId,
    /// What came of it
    #[serde(flatten)]
    pub result: TrialResult,
}

impl TrialResult {
    /// What rankings need of it.
    pub fn score(&self) -> TaskScore {
        TaskScore {
            verdict: self.verdict,
            score: self.score,
            passed: self.passed,
            total: self.total,
        }
    }

    /// What a miner needs to see of a trial that did not get everything, in plain lines.
    pub fn failure(&self) -> String {
        use std::fmt::Write as _;
        let Self { task, verdict, passed, total, .. } = self;
        let mut text = format!("{task}: {verdict}, {passed} of {total} cases\n");
        for case in self.cases.iter().filter(|case| case.verdict.is_wrong()) {
            let _ = writeln!(text, "  {} {}: {}", case.verdict, case.name, case.detail);
        }
        let tail: Vec<_> = self.stderr.lines().rev().take(10).collect();
        if !tail.is_empty() {
            text.push_str("  stderr ends:\n");
        }
        for line in tail.iter().rev() {
            // Escaped, so that an agent cannot move the cursor of whoever reads this.
            let _ = writeln!(text, "    {}", line.escape_debug());
        }
        text
    }
}

/// Runs one trial in a container. Says also whether the container is fit for another one.
pub(crate) async fn run(
    container: &mut Container,
    agent: (&Sha256, &str),
    prepared: &Prepared,
) -> Result<(TrialResult, bool), Fault> {
    let (agent_sha256, source) = agent;
    let limits = &prepared.task.limits;
    let agent_run = container.run_agent(source, &prepared.prompt, limits).await?;
    let mut clean = agent_run.clean && agent_run.stopped_for.is_none() && !agent_run.out_of_memory;
    let mut usage = agent_run.usage;
    let cases = match (answer_of(&agent_run), &prepared.task.kind) {
        (Err((verdict, detail)), _) => all_alike(&prepared.cases, verdict, &detail),
        (Ok(answer), Kind::Findings) => judge_findings(prepared, answer),
        (Ok(answer), Kind::Code { entry_point }) => {
            let calls: Vec<Input<'_>> = prepared.cases.iter().map(tasks::Case::input).collect();
            let calls_run = container.make_calls(answer, entry_point, &calls, limits).await?;
            clean = clean && is_clean(&calls_run);
            usage = add(usage, calls_run.usage);
            judge_calls(prepared, &calls_run)
        }
    };
    Ok((record(agent_sha256, prepared, &agent_run, usage, cases), clean))
}

/// A container in which a limit was hit, or a process ended before its time, is not used again.
fn is_clean(run: &CallsRun) -> bool {
    let whole = match run.load {
        Load::Ready => run.calls.iter().all(|end| matches!(end, CallEnd::Outcome(_))),
        Load::Ended(_) => false,
        Load::Unusable(_) | Load::Raised(_) | Load::Missing => true,
    };
    whole && run.clean
}

fn judge_findings(prepared: &Prepared, answer: &str) -> Vec<CaseResult> {
    let judged = prepared.task.judge_findings(&prepared.cases, answer);
    let result = |(case, (verdict, detail)): (&tasks::Case, (Verdict, String))| {
        let told = case.public || verdict == Verdict::NoSolution || !verdict.is_wrong();
        let detail = if told { detail } else { "wrong; the case is hidden".to_owned() };
        CaseResult { name: case.name.clone(), verdict, detail }
    };
    prepared.cases.iter().zip(judged).map(result).collect()
}

fn add(agent: Usage, calls: Usage) -> Usage {
    Usage {
        wall_ms: agent.wall_ms + calls.wall_ms,
        cpu_ms: agent.cpu_ms + calls.cpu_ms,
        peak_memory_bytes: agent.peak_memory_bytes.max(calls.peak_memory_bytes),
    }
}

fn record(
    agent_sha256: &Sha256,
    prepared: &Prepared,
    agent_run: &AgentRun,
    usage: Usage,
    cases: Vec<CaseResult>,
) -> TrialResult {
    let accepted = cases.iter().filter(|case| !case.verdict.is_wrong()).count();
    let count = |n: usize| u32::try_from(n).expect("a task has far fewer cases than that");
    let (passed, total) = (count(accepted), count(cases.len()));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    TrialResult {
        agent_sha256: agent_sha256.clone(),
        task: prepared.id().clone(),
        seed: prepared.seed,
        verdict: Verdict::of_cases(cases.iter().map(|case| case.verdict)),
        score: task_score(passed, total),
        passed,
        total,
        cases,
        wall_ms: usage.wall_ms,
        cpu_ms: usage.cpu_ms,
        peak_memory_bytes: usage.peak_memory_bytes,
        stdout: text(&agent_run.stdout),
        stderr: text(&agent_run.stderr),
        stdout_truncated: agent_run.stopped_for == Some(StoppedFor::Output),
        stderr_truncated: agent_run.stderr_truncated,
        attempts: vec![Attempt::default()],
    }
}
