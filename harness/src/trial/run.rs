//! Running one trial: the agent, then its answer.

use std::time::Duration;

use tasks::{Input, Kind, Limits, Sha256, Verdict};

use crate::Fault;
use crate::sandbox::{AgentRun, Container, StoppedFor, Usage};
use crate::scoring::score::task_score;
use crate::trial::answer::answer_of;
use crate::trial::instance::Prepared;
use crate::trial::judge::{Judge, Until, all_alike, judge_findings};
use crate::trial::record::{Attempt, CaseResult, TrialResult};
use crate::trial::shrink;

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
                judge_answer(container, prepared, answer, limits, Until::AllMade).await?;
            if clean && judged.clean {
                judged.clean =
                    shrink::explain(container, prepared, (answer, &mut judged.cases), shrinking);
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
