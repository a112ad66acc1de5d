//! A trial: one agent on one task, and the record that is kept of it.

use std::time::Duration;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use tasks::{Input, Kind, Limits, Seed, Sha256, TaskId, Verdict};

use platform::MinerId;
use platform::rankings::TaskScore;

use crate::Fault;
use crate::answer::answer_of;
use crate::judge::{Judge, Until, all_alike, judge_findings};
use crate::prepared::Prepared;
use crate::sandbox::{AgentRun, Container, StoppedFor, Usage};
use crate::score::task_score;
use crate::shrink;

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
    /// What happened and what should have, in full. It waits here until it is decided who may know
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explanation: Option<Explanation>,
    /// The smallest input that was found to fail as well, explained
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counterexample: Option<String>,
}

/// What happened in a case and what should have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Explanation {
    /// Of a case that miners know
    Public(String),
    /// Of a case that they do not: it would give the input away
    Hidden(String),
}

/// What a report tells of failed cases.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Disclose {
    /// Verdicts alone
    None,
    /// Public cases in full, and of hidden ones the smallest failing input that was found
    #[default]
    Public,
    /// Every case in full
    All,
}

impl CaseResult {
    /// The same, with as much said as may be known.
    #[must_use]
    pub fn disclosed(self, disclose: Disclose) -> Self {
        let mut detail = self.detail;
        match (disclose, self.explanation) {
            (Disclose::Public | Disclose::All, Some(Explanation::Public(text)))
            | (Disclose::All, Some(Explanation::Hidden(text))) => detail = text,
            _ => {}
        }
        if let Some(text) = self.counterexample
            && disclose != Disclose::None
        {
            detail = format!("{detail}; this fails too: {text}");
        }
        Self {
            name: self.name,
            verdict: self.verdict,
            detail,
            explanation: None,
            counterexample: None,
        }
    }
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

    /// The same, with as much said about its cases as may be known.
    #[must_use]
    pub fn disclosed(mut self, disclose: Disclose) -> Self {
        let cases = std::mem::take(&mut self.cases);
        self.cases = cases.into_iter().map(|case| case.disclosed(disclose)).collect();
        self
    }

    /// What a miner needs to see of a trial that did not get everything, in plain lines.
    pub fn failure(&self) -> String {
        use std::fmt::Write as _;
        let Self { task, verdict, passed, total, .. } = self;
        let mut text = format!("{task}: {verdict}, {passed} of {total} cases\n");
        // Cases that failed alike are told once.
        let mut alike: Vec<(&CaseResult, usize)> = Vec::new();
        for case in self.cases.iter().filter(|case| case.verdict.is_wrong()) {
            let same = |(first, _): &&mut (&CaseResult, usize)| {
                (first.verdict, &first.detail) == (case.verdict, &case.detail)
            };
            match alike.iter_mut().find(same) {
                Some((_, count)) => *count += 1,
                None => alike.push((case, 1)),
            }
        }
        for (case, count) in alike {
            let more = if count > 1 { format!(" and {} more", count - 1) } else { String::new() };
            let _ = writeln!(text, "  {} {}{more}: {}", case.verdict, case.name, case.detail);
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

/// What is tried.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Candidate<'a> {
    /// An agent, which is asked for its answer
    Agent(&'a str),
    /// An answer that is there already, such as a sample of a model
    Answer(&'a str, Until),
}

/// Runs one trial in a container, and looks for a counterexample for as long as `shrinking`. Says also
/// whether the container is fit for another one.
pub(crate) async fn run(
    container: &mut Container,
    (sha256, candidate): (&Sha256, Candidate<'_>),
    prepared: &Prepared,
    shrinking: Duration,
) -> Result<(TrialResult, bool), Fault> {
    let limits = &prepared.task.limits;
    let source = match candidate {
        Candidate::Agent(source) => source,
        Candidate::Answer(answer, until) => {
            let judged = judge_answer(container, prepared, answer, limits, until).await?;
            let result = record(sha256, prepared, &AgentRun::default(), judged.usage, judged.cases);
            return Ok((result, judged.clean));
        }
    };
    let agent_run = container.run_agent(source, &prepared.prompt, limits).await?;
    let clean = agent_run.clean && agent_run.stopped_for.is_none() && !agent_run.out_of_memory;
    let judged = match answer_of(&agent_run) {
        Ok(answer) => {
            let mut judged =
                judge_answer(container, prepared, &answer, limits, Until::AllMade).await?;
            if clean && judged.clean {
                judged.clean =
                    shrink::explain(container, prepared, (&answer, &mut judged.cases), shrinking);
            }
            judged
        }
        Err((verdict, detail)) => Judged {
            cases: all_alike(&prepared.cases, verdict, &detail),
            usage: Usage::default(),
            clean: true,
        },
    };
    let clean = clean && judged.clean;
    let usage = add(agent_run.usage, judged.usage);
    Ok((record(sha256, prepared, &agent_run, usage, judged.cases), clean))
}

/// What came of judging an answer.
pub(crate) struct Judged {
    /// Each case
    pub cases: Vec<CaseResult>,
    /// What the calls used
    pub usage: Usage,
    /// Whether the container is fit for more
    pub clean: bool,
}

/// Judges an answer, in a container if it has to be called.
pub(crate) async fn judge_answer(
    container: &mut Container,
    prepared: &Prepared,
    answer: &str,
    limits: &Limits,
    until: Until,
) -> Result<Judged, Fault> {
    match &prepared.task.kind {
        Kind::Findings => {
            let cases = judge_findings(prepared, answer);
            Ok(Judged { cases, usage: Usage::default(), clean: true })
        }
        Kind::Code { entry_point } => {
            let source = prepared.task.loaded(answer);
            let mut judge = Judge::new(prepared, until);
            let (mut usage, mut limits) = (Usage::default(), *limits);
            // What an answer does with the public cases may be told to anybody, so the process that is
            // called with those knows no other input.
            let public = prepared.cases.iter().take_while(|case| case.public).count();
            let hidden = public..prepared.cases.len();
            for part in [0..public, hidden].into_iter().filter(|part| !part.is_empty()) {
                let end = part.end;
                let calls: Vec<Input<'_>> =
                    prepared.cases[part].iter().map(tasks::Case::input).collect();
                let run = container
                    .make_calls((&source, entry_point), &calls, &limits, |end| judge.take(&end))
                    .await?;
                usage = add(usage, run.usage);
                if judge.end_calls(&run, end).is_break() {
                    break;
                }
                limits.calls_wall_ms =
                    limits.calls_wall_ms.saturating_sub(run.usage.wall_ms).max(1);
            }
            let (cases, clean) = judge.finish();
            Ok(Judged { cases, usage, clean })
        }
    }
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
