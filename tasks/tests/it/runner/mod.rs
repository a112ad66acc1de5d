//! Runs the answers that come with a task on its cases: the reference must pass all of them, every mutant must
//! fail one in every round.
//!
//! Answers are run by the `python3` on the PATH without a sandbox, because they are part of this repository.

use std::io::Write as _;
use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};
use tasks::{CallOutcome, Case, Input, Kind, Seed, Tally, Task, Value, Verdict};

/// The seeds of the rounds that every answer is run on.
pub const SEEDS: [Seed; 10] = [
    Seed(0),
    Seed(1),
    Seed(2),
    Seed(3),
    Seed(4),
    Seed(2026),
    Seed(0xdead_beef),
    Seed(1 << 40),
    Seed(1 << 63),
    Seed(u64::MAX),
];

/// CPU time of a call of a lazy control, in milliseconds. What takes longer counts as failed.
const LAZY_CALL_MS: u64 = 50;

/// Fails the test with a clear message if Python is missing.
pub fn require_python() {
    let version = "import sys; sys.exit(sys.version_info < (3, 11))";
    let run = Command::new("python3").args(["-c", version]).status();
    assert!(
        run.is_ok_and(|status| status.success()),
        "this test runs Python answers: it needs a python3 of version 3.11 or later on the PATH"
    );
}

/// Returns what is wrong with a task: nothing if it is fair and hard to fool.
pub fn complaints(task: &Task) -> Vec<String> {
    match task.kind {
        Kind::Code { .. } => check_code(task),
        Kind::Findings => check_findings(task),
    }
}

/// The score of a lazy control in one round.
pub struct LazyScore {
    /// The control
    pub control: String,
    /// The round
    pub seed: Seed,
    /// From 0 to 100
    pub score: f64,
}

/// Runs every lazy control on the task in every round.
pub fn lazy_scores(task: &Task) -> Result<Vec<LazyScore>, String> {
    let mut scores = Vec::new();
    // The gate judges the controls under all seeds, in the sandbox.
    for seed in SEEDS.into_iter().take(3) {
        let (cases, controls) = (task.cases(seed), task.lazy_controls(seed));
        let answers: Vec<_> = controls.iter().map(|control| control.answer.as_str()).collect();
        let verdicts: Vec<Vec<Verdict>> = match task.kind {
            Kind::Findings => {
                let judge = |answer: &&str| task.judge_findings(&cases, answer);
                let verdicts = answers.iter().map(judge);
                verdicts
                    .map(|cases| cases.into_iter().map(|(verdict, _)| verdict).collect())
                    .collect()
            }
            Kind::Code { .. } => {
                let round = [cases.iter().collect()];
                let reports = run(task, &answers, &round, AfterTimeout::Continue)?;
                let judge = |(case, report): (&Case, &RunnerReport)| report.judge(case);
                let verdicts = reports.iter().map(|rounds| cases.iter().zip(&rounds[0]).map(judge));
                verdicts.map(Iterator::collect).collect()
            }
        };
        for (control, verdicts) in controls.iter().zip(verdicts) {
            // The gate does not call a control whose verdicts follow from it.
            if control.verdicts(&cases).is_some_and(|following| following != verdicts) {
                let (id, name) = (&task.id, &control.name);
                return Err(format!(
                    "{id}: '{name}' gets other verdicts under seed {seed} than follow"
                ));
            }
            let score = Tally::of_cases(&cases, &verdicts).score();
            scores.push(LazyScore { control: control.name.clone(), seed, score });
        }
    }
    Ok(scores)
}

fn check_findings(task: &Task) -> Vec<String> {
    let mut complaints = Vec::new();
    for seed in SEEDS {
        let cases = task.cases(seed);
        let all_right = |answer: &str| {
            task.judge_findings(&cases, answer).iter().all(|(verdict, _)| !verdict.is_wrong())
        };
        if !all_right(&task.reference(seed)) {
            complaints.push(format!("{}: the reference fails under seed {seed}", task.id));
        }
        for mutant in task.mutants(seed).iter().filter(|mutant| all_right(&mutant.answer)) {
            complaints.push(format!("{}: {} survives seed {seed}", task.id, mutant.name));
        }
    }
    complaints
}

fn check_code(task: &Task) -> Vec<String> {
    let rounds: Vec<_> = SEEDS.iter().map(|seed| task.cases(*seed)).collect();
    check_reference(task, &rounds)
        .and_then(|mut complaints| {
            complaints.extend(check_mutants(task, &rounds)?);
            Ok(complaints)
        })
        .unwrap_or_else(|complaint| vec![format!("{}: {complaint}", task.id)])
}

/// Runs long inputs only on the mutants that survive the short ones.
fn check_mutants(task: &Task, rounds: &[Vec<Case>]) -> Result<Vec<String>, String> {
    let mutants = task.mutants(SEEDS[0]);
    let answers: Vec<_> = mutants.iter().map(|mutant| mutant.answer.as_str()).collect();
    let parts = rounds.iter().map(|cases| cases.iter().partition(|case| is_long(case)));
    let (long, short): (Vec<Vec<&Case>>, Vec<Vec<&Case>>) = parts.unzip();
    let mut complaints = Vec::new();
    for (mutant, outcomes) in
        mutants.iter().zip(run(task, &answers, &short, AfterTimeout::EndRound)?)
    {
        let survived = survivors(&short, &outcomes);
        if survived.is_empty() {
            continue;
        }
        let left: Vec<_> = survived.iter().map(|round| long[*round].clone()).collect();
        let outcomes = run(task, &[&mutant.answer], &left, AfterTimeout::EndRound)?;
        for at in survivors(&left, &outcomes[0]) {
            let seed = SEEDS[survived[at]];
            complaints.push(format!("{}: {} survives seed {seed}", task.id, mutant.name));
        }
    }
    Ok(complaints)
}

fn is_long(case: &Case) -> bool {
    case.args.iter().any(|arg| match arg {
        Value::List(items) => items.len() > 1_000,
        Value::Str(text) => text.len() > 1_000,
        _ => false,
    })
}

/// The indices of the rounds in which every case was accepted.
fn survivors(rounds: &[Vec<&Case>], outcomes: &[Vec<RunnerReport>]) -> Vec<usize> {
    let passed = |(cases, outcomes): (&Vec<&Case>, &Vec<RunnerReport>)| {
        cases.iter().zip(outcomes).all(|(case, ran)| !ran.judge(case).is_wrong())
    };
    let each = rounds.iter().zip(outcomes).map(passed).enumerate();
    each.filter(|(_, passed)| *passed).map(|(round, _)| round).collect()
}

fn check_reference(task: &Task, rounds: &[Vec<Case>]) -> Result<Vec<String>, String> {
    let cases: Vec<Vec<_>> = rounds.iter().map(|cases| cases.iter().collect()).collect();
    let outcomes = run(task, &[&task.reference(SEEDS[0])], &cases, AfterTimeout::EndRound)?;
    let mut complaints = Vec::new();
    #[allow(clippy::cast_precision_loss, reason = "milliseconds")]
    let allowed_ms = task.limits.call_cpu_ms as f64 / 3.0;
    for ((seed, cases), outcomes) in SEEDS.iter().zip(rounds).zip(&outcomes[0]) {
        for (case, ran) in cases.iter().zip(outcomes) {
            let explain = || match ran.outcome.call_outcome() {
                Some(outcome) => case.explain(task.entry_point(), &outcome),
                None => format!("{} timed out", case.short_call(task.entry_point())),
            };
            let at = format!("{}: the reference, seed {seed}, {}", task.id, case.name);
            if ran.judge(case).is_wrong() {
                complaints.push(format!("{at}: {}", explain()));
            } else if ran.cpu_ms > allowed_ms {
                complaints
                    .push(format!("{at}: {:.0} ms, at most {allowed_ms:.0} allowed", ran.cpu_ms));
            }
        }
    }
    Ok(complaints)
}

/// The runner's report on a case.
#[derive(Deserialize)]
struct RunnerReport {
    cpu_ms: f64,
    outcome: RunnerOutcome,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum RunnerOutcome {
    Returned { value: Value },
    Raised { types: Vec<String>, message: String },
    Steps(Vec<RunnerOutcome>),
    Timeout,
}

impl RunnerReport {
    fn judge(&self, case: &Case) -> Verdict {
        self.outcome.call_outcome().map_or(Verdict::TimeLimit, |outcome| case.check.judge(&outcome))
    }
}

impl RunnerOutcome {
    fn call_outcome(&self) -> Option<CallOutcome> {
        Some(match self {
            Self::Returned { value } => CallOutcome::Returned(value.clone()),
            Self::Raised { types, message } => {
                CallOutcome::Raised { types: types.clone(), message: message.clone(), line: None }
            }
            Self::Steps(steps) => {
                CallOutcome::Steps(steps.iter().map(Self::call_outcome).collect::<Option<_>>()?)
            }
            Self::Timeout => return None,
        })
    }
}

#[derive(Serialize)]
struct RunnerJob<'a> {
    entry_point: &'a str,
    call_cpu_ms: u64,
    stop_at_timeout: bool,
    answers: &'a [&'a str],
    rounds: Vec<Vec<Input<'a>>>,
}

/// What follows a call that timed out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum AfterTimeout {
    /// The next round
    EndRound,
    /// The next call. The time limit is at most [`LAZY_CALL_MS`]
    Continue,
}

/// Runs every answer on every case of every round in one Python process.
fn run(
    task: &Task,
    answers: &[&str],
    rounds: &[Vec<&Case>],
    after_timeout: AfterTimeout,
) -> Result<Vec<Vec<Vec<RunnerReport>>>, String> {
    let stop_at_timeout = after_timeout == AfterTimeout::EndRound;
    let limit_ms = task.limits.call_cpu_ms;
    let call_cpu_ms = if stop_at_timeout { limit_ms } else { limit_ms.min(LAZY_CALL_MS) };
    let job = RunnerJob {
        entry_point: task.entry_point(),
        call_cpu_ms,
        stop_at_timeout,
        answers,
        rounds: rounds
            .iter()
            .map(|cases| cases.iter().map(|case| case.input()).collect())
            .collect(),
    };
    let job = serde_json::to_vec(&job).expect("inputs are plain data");
    let mut python = Command::new("python3")
        .args(["-P", "-s", "-X", "utf8", "-c", include_str!("runner.py")])
        .env("PYTHONHASHSEED", "0")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("cannot start python3: {error}"))?;
    let mut stdin = python.stdin.take().expect("stdin is piped");
    let written = stdin.write_all(&job);
    drop(stdin);
    let output = python.wait_with_output().map_err(|error| error.to_string())?;
    if !output.status.success() || written.is_err() {
        return Err(format!("the runner failed: {}", String::from_utf8_lossy(&output.stderr)));
    }
    let lines = output.stdout.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| serde_json::from_slice(line).map_err(|error| error.to_string())).collect()
}
