//! The proof that every task is fair and hard to fool: its reference passes every case with time to spare,
//! every mutant of it fails in every round, and a table of past answers is worth next to nothing.
//!
//! Answers are run by the `python3` on the PATH, without a sandbox: they are this repository's own.

use std::collections::HashSet;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde::Deserialize;
use serde_json::json;
use tasks::{Case, Kind, Outcome, Seed, Task, Value, Verdict};

/// The rounds that every answer is held to.
const SEEDS: [Seed; 10] = [
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

#[test]
fn every_reference_passes_with_time_to_spare_and_every_mutant_fails_in_every_round() {
    let complaints = for_every_task(|task| match task.kind {
        Kind::Code { .. } => check_code(task),
        Kind::Findings => check_findings(task),
    });
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

#[test]
fn a_table_of_all_examples_and_a_whole_past_round_scores_below_20() {
    let complaints = for_every_task(|task| {
        let pairs: Vec<_> =
            SEEDS.windows(2).map(|pair| known_share(task, pair[0], pair[1])).collect();
        #[allow(clippy::cast_precision_loss, reason = "ten rounds")]
        let score = 100.0 * pairs.iter().sum::<f64>() / pairs.len() as f64;
        if score < 20.0 {
            vec![]
        } else {
            vec![format!("{}: the table scores {score:.1}", task.id)]
        }
    });
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

#[test]
fn no_prompt_and_no_example_gives_a_hidden_case_away() {
    let complaints = for_every_task(|task| {
        let view = serde_json::to_string(&task.view()).expect("a view is plain data");
        let prompt = task.prompt(SEEDS[0]);
        let cases = task.cases(SEEDS[0]);
        let fixed = cases.iter().filter(|case| !case.name.starts_with("generated_"));
        let (public, hidden): (Vec<_>, Vec<_>) = fixed.partition(|case| case.public);
        let public: HashSet<_> = public.iter().map(|case| wire(case)).collect();
        let told = |case: &Case| {
            let call = case.call(task.entry_point());
            public.contains(&wire(case)) || prompt.contains(&call) || view.contains(&call)
        };
        let told =
            hidden.iter().filter(|case| matches!(task.kind, Kind::Code { .. }) && told(case));
        told.map(|case| format!("{}: the hidden case {} is public", task.id, case.name)).collect()
    });
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

/// If this fails, stored results are void and published seeds mean other cases. For a new task that is as it
/// should be; for an old one, change it knowingly.
#[test]
fn the_same_seed_gives_the_same_cases_everywhere() {
    let line = |task: &Task| {
        let digest = |seed| task.digest(Seed(seed)).short().to_owned();
        format!("{} {} {}", task.id, digest(1), digest(u64::MAX))
    };
    let lines: Vec<_> = tasks::all().iter().map(line).collect();
    insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!("digests", lines.join("\n"));
    });
}

/// What `complain` says of every task, on all processors.
fn for_every_task(complain: impl Fn(&Task) -> Vec<String> + Sync) -> Vec<String> {
    let tasks = tasks::all();
    let (next, complaints) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| {
                while let Some(task) = tasks.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let said = complain(task);
                    complaints.lock().expect("no thread panics while it holds this").extend(said);
                }
            });
        }
    });
    complaints.into_inner().expect("no thread panics while it holds this")
}

/// The share of the next round's cases that an agent passes which knows all of the past one.
fn known_share(task: &Task, past: Seed, next: Seed) -> f64 {
    let cases = task.cases(next);
    let passed = match task.kind {
        Kind::Code { .. } => {
            let known: HashSet<_> = task.cases(past).iter().map(wire).collect();
            cases.iter().filter(|case| known.contains(&wire(case))).count()
        }
        Kind::Findings => {
            let judged = task.judge_findings(&cases, &task.reference(past));
            judged.iter().filter(|(verdict, _)| !verdict.is_wrong()).count()
        }
    };
    #[allow(clippy::cast_precision_loss, reason = "a task has dozens of cases")]
    let share = passed as f64 / cases.len() as f64;
    share
}

fn wire(case: &Case) -> String {
    serde_json::to_string(&case.input()).expect("inputs are plain data")
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
    let mutants = task.mutants(SEEDS[0]);
    let mut answers = vec![task.reference(SEEDS[0])];
    answers.extend(mutants.iter().map(|mutant| mutant.answer.clone()));
    let mut outcomes = match run(task, &answers, &rounds) {
        Ok(outcomes) => outcomes.into_iter(),
        Err(complaint) => return vec![format!("{}: {complaint}", task.id)],
    };
    let mut complaints = check_reference(task, &rounds, &outcomes.next().unwrap_or_default());
    for (mutant, outcomes) in mutants.iter().zip(outcomes) {
        for ((seed, cases), outcomes) in SEEDS.iter().zip(&rounds).zip(&outcomes) {
            if cases.iter().zip(outcomes).all(|(case, ran)| !ran.judge(case).is_wrong()) {
                complaints.push(format!("{}: {} survives seed {seed}", task.id, mutant.name));
            }
        }
    }
    complaints
}

fn check_reference(task: &Task, rounds: &[Vec<Case>], outcomes: &[Vec<Ran>]) -> Vec<String> {
    let mut complaints = Vec::new();
    #[allow(clippy::cast_precision_loss, reason = "milliseconds")]
    let allowed_ms = task.limits.call_cpu_ms as f64 / 3.0;
    for ((seed, cases), outcomes) in SEEDS.iter().zip(rounds).zip(outcomes) {
        for (case, ran) in cases.iter().zip(outcomes) {
            let told = || match ran.outcome() {
                Some(outcome) => case.explain(task.entry_point(), &outcome),
                None => format!("{} took too long", case.short_call(task.entry_point())),
            };
            let at = format!("{}: the reference, seed {seed}, {}", task.id, case.name);
            if ran.judge(case).is_wrong() {
                complaints.push(format!("{at}: {}", told()));
            } else if ran.cpu_ms > allowed_ms {
                complaints.push(format!("{at}: {:.0} ms, allowed are {allowed_ms:.0}", ran.cpu_ms));
            }
        }
    }
    complaints
}

/// What the runner says of a case.
#[derive(Deserialize)]
struct Ran {
    #[serde(default)]
    cpu_ms: f64,
    #[serde(flatten)]
    said: Said,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Said {
    Steps { steps: Vec<Said> },
    Raised { raised: Vec<String>, message: String },
    Returned { returned: Value },
    Timeout {},
}

impl Ran {
    fn judge(&self, case: &Case) -> Verdict {
        self.outcome().map_or(Verdict::TimeLimit, |outcome| case.check.judge(&outcome))
    }

    fn outcome(&self) -> Option<Outcome> {
        self.said.outcome()
    }
}

impl Said {
    fn outcome(&self) -> Option<Outcome> {
        Some(match self {
            Self::Returned { returned } => Outcome::Returned(returned.clone()),
            Self::Raised { raised, message } => {
                Outcome::Raised { types: raised.clone(), message: message.clone() }
            }
            Self::Steps { steps } => {
                Outcome::Steps(steps.iter().map(Self::outcome).collect::<Option<_>>()?)
            }
            Self::Timeout {} => return None,
        })
    }
}

/// Runs every answer on every case of every round, in one Python process.
fn run(
    task: &Task,
    answers: &[String],
    rounds: &[Vec<Case>],
) -> Result<Vec<Vec<Vec<Ran>>>, String> {
    let inputs: Vec<Vec<_>> =
        rounds.iter().map(|cases| cases.iter().map(Case::input).collect()).collect();
    let job = json!({
        "entry_point": task.entry_point(),
        "call_cpu_ms": task.limits.call_cpu_ms,
        "answers": answers,
        "rounds": inputs,
    });
    let mut python = Command::new("python3")
        .args(["-P", "-s", "-X", "utf8", "-c", include_str!("runner.py")])
        .env("PYTHONHASHSEED", "0")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("this test needs a python3 of version 3.11 or later on the PATH");
    let mut stdin = python.stdin.take().expect("it is piped");
    let fed = stdin.write_all(job.to_string().as_bytes());
    drop(stdin);
    let output = python.wait_with_output().map_err(|error| error.to_string())?;
    if !output.status.success() || fed.is_err() {
        return Err(format!("the runner failed: {}", String::from_utf8_lossy(&output.stderr)));
    }
    let lines = output.stdout.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| serde_json::from_slice(line).map_err(|error| error.to_string())).collect()
}
