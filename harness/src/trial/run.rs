//! Running one trial in a container: the agent first, then its answer.

use std::sync::Arc;
use std::time::Duration;

use platform::api::{AnswerOrigin, Attempt};
use tasks::{Input, Kind, Limits, Sha256, Tally, Verdict};

use crate::Fault;
use crate::gateway::session::ModelSession;
use crate::sandbox::{AgentRun, CallPlan, Container, ResourceUsage, StoppedFor};
use crate::trial::answer::answer_of;
use crate::trial::explain::MissingExplanations;
use crate::trial::instance::RoundTask;
use crate::trial::judge::{StopPolicy, TrialJudge, judge_findings, same_verdict};
use crate::trial::record::{CaseResult, TrialRecord};
use crate::trial::shrink;

/// What is tried on a task.
#[derive(Clone, Copy)]
pub struct TrialPlan<'a> {
    /// Digest under which the record stands
    pub agent_sha256: &'a Sha256,
    /// What is judged
    pub candidate: Candidate<'a>,
    /// The task
    pub task: &'a RoundTask,
    /// Which of the agent's trials on the task, from 1
    pub repetition: u32,
    /// How long a counterexample may be searched for; zero for none
    pub shrinking: Duration,
    /// What leads to the agent's model, if it has one
    pub model: Option<&'a Arc<ModelSession>>,
    /// The digest of what the agent runs with, if there is an agent
    pub environment: Option<&'a Sha256>,
}

/// What is judged.
#[derive(Clone, Copy)]
pub enum Candidate<'a> {
    /// An agent's source, which is run for its answer
    Agent(&'a str),
    /// An answer that exists already, such as a sample of a model
    Answer(&'a str, StopPolicy),
}

/// The outcome of work in a container.
pub(crate) struct CleanOr<T> {
    pub value: T,
    /// Whether the container is fit for another trial
    pub clean: bool,
}

/// The outcome of one trial.
pub(crate) struct TrialRun {
    /// The record
    pub record: TrialRecord,
    /// What is missing in it that the miner may know
    pub missing: Option<MissingExplanations>,
}

/// Runs one trial.
pub(crate) async fn run(
    container: &mut Container,
    plan: TrialPlan<'_>,
) -> Result<CleanOr<TrialRun>, Fault> {
    let TrialPlan { candidate, task, shrinking, model, .. } = plan;
    let mut limits = task.task.limits;
    if let Some(session) = model {
        let ms = session.settings().agent_time.as_millis();
        limits.agent_wall_ms = u64::try_from(ms).unwrap_or(u64::MAX);
    }
    let limits = &limits;
    let source = match candidate {
        Candidate::Agent(source) => source,
        Candidate::Answer(answer, stop) => {
            let request = JudgeRequest { task, answer, limits, stop };
            let CleanOr { value: judged, clean } = judge_answer(container, request).await?;
            let record = record(plan, &AgentRun::default(), judged);
            return Ok(CleanOr { value: TrialRun { record, missing: None }, clean });
        }
    };
    let agent_run = run_agent(container, plan, source, limits).await?;
    let mut clean = agent_run.clean && agent_run.stopped_for.is_none() && !agent_run.out_of_memory;
    let mut missing = None;
    let answer = answer_of(&agent_run, limits);
    let answered = answer.is_ok();
    let judged = match answer {
        Ok(answer) => {
            let request =
                JudgeRequest { task, answer: &answer, limits, stop: StopPolicy::AllCalls };
            let judged = judge_answer(container, request).await?;
            clean &= judged.clean;
            let cases = &judged.value.cases;
            if !shrinking.is_zero() {
                let mut found = shrink::SearchOutcome::default();
                if clean {
                    let failures = shrink::Failures { task, answer: &answer, cases };
                    found = shrink::search(container, failures, shrinking);
                    clean = !found.is_spoiled;
                }
                missing = MissingExplanations::of(task, &answer, cases, found.smallest);
            }
            judged.value
        }
        Err((verdict, detail)) => JudgedAnswer {
            cases: same_verdict(&task.cases, verdict, &detail),
            usage: ResourceUsage::default(),
        },
    };
    let mut record = record(plan, &agent_run, judged);
    record.origin = plan.environment.map(|environment| AnswerOrigin {
        prompt_sha256: Sha256::of(task.prompt.as_bytes()),
        environment_sha256: environment.clone(),
        answered,
        regraded_from: None,
    });
    Ok(CleanOr { value: TrialRun { record, missing }, clean })
}

/// Runs the agent for its answer. A fault of its model ends it at once, whatever it makes of the error that it gets.
async fn run_agent(
    container: &mut Container,
    plan: TrialPlan<'_>,
    source: &str,
    limits: &Limits,
) -> Result<AgentRun, Fault> {
    let prompt = &plan.task.prompt;
    let Some(session) = plan.model else {
        return container.run_agent(source, prompt, limits, None).await;
    };
    let line = session.line();
    tokio::select! {
        biased;
        fault = session.fault() => Err(fault),
        run = container.run_agent(source, prompt, limits, Some(&line)) => run,
    }
}

/// An answer to judge.
#[derive(Clone, Copy)]
pub(crate) struct JudgeRequest<'a> {
    pub task: &'a RoundTask,
    pub answer: &'a str,
    pub limits: &'a Limits,
    pub stop: StopPolicy,
}

/// The outcome of judging an answer.
pub(crate) struct JudgedAnswer {
    /// Each case
    pub cases: Vec<CaseResult>,
    /// What the calls used
    pub usage: ResourceUsage,
}

/// Judges an answer, in a container if it has to be called.
pub(crate) async fn judge_answer(
    container: &mut Container,
    request: JudgeRequest<'_>,
) -> Result<CleanOr<JudgedAnswer>, Fault> {
    let JudgeRequest { task, answer, limits, stop } = request;
    let Kind::Code { entry_point } = &task.task.kind else {
        let cases = judge_findings(task, answer);
        let value = JudgedAnswer { cases, usage: ResourceUsage::default() };
        return Ok(CleanOr { value, clean: true });
    };
    let source = task.task.loaded(answer);
    let mut judge = TrialJudge::new(task, stop);
    if container.held_hidden() {
        judge.withhold();
    }
    let (mut usage, mut limits) = (ResourceUsage::default(), *limits);
    // What an answer does with the public cases may be disclosed, so the process that is
    // called with those knows no other input.
    let public = task.cases.iter().take_while(|case| case.public).count();
    for part in [0..public, public..task.cases.len()].into_iter().filter(|part| !part.is_empty()) {
        let end = part.end;
        let hidden = task.cases[part.clone()].iter().any(|case| !case.public);
        let calls: Vec<Input<'_>> = task.cases[part].iter().map(tasks::Case::input).collect();
        limits.call_timeouts = judge.timeouts_left();
        let plan =
            CallPlan { source: &source, entry_point, calls: &calls, hidden, limits: &limits };
        let run = container.make_calls(plan, |end| judge.take(&end)).await?;
        usage = sum(usage, run.usage);
        if judge.end_calls(&run, end).is_break() {
            break;
        }
        limits.calls_wall_ms = limits.calls_wall_ms.saturating_sub(run.usage.wall_ms).max(1);
    }
    let (cases, clean) = judge.finish();
    Ok(CleanOr { value: JudgedAnswer { cases, usage }, clean })
}

fn sum(a: ResourceUsage, b: ResourceUsage) -> ResourceUsage {
    ResourceUsage {
        wall_ms: a.wall_ms + b.wall_ms,
        cpu_ms: a.cpu_ms + b.cpu_ms,
        peak_memory_bytes: a.peak_memory_bytes.max(b.peak_memory_bytes),
    }
}

fn record(plan: TrialPlan<'_>, agent_run: &AgentRun, judged: JudgedAnswer) -> TrialRecord {
    let JudgedAnswer { cases, usage } = judged;
    let usage = sum(agent_run.usage, usage);
    let verdicts: Vec<_> = cases.iter().map(|case| case.verdict).collect();
    let tally = Tally::of_cases(&plan.task.cases, &verdicts);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    TrialRecord {
        agent_sha256: plan.agent_sha256.clone(),
        task: plan.task.id().clone(),
        seed: Some(plan.task.seed),
        repetition: plan.repetition,
        verdict: Verdict::of_cases(verdicts),
        score: tally.score(),
        passed: tally.passed,
        total: tally.total,
        cases,
        wall_ms: usage.wall_ms,
        cpu_ms: usage.cpu_ms,
        peak_memory_bytes: usage.peak_memory_bytes,
        stdout: text(&agent_run.stdout),
        stderr: text(&agent_run.stderr),
        stdout_truncated: agent_run.stopped_for == Some(StoppedFor::Output),
        stderr_truncated: agent_run.stderr_truncated,
        model: plan.model.map(|session| session.usage().0),
        attempts: vec![Attempt::default()],
        origin: None,
    }
}
