//! Samples of a model, judged on a benchmark's problems: what `evalplus.evaluate` does, in the sandbox.
//!
//! All samples of a file are one contestant's, so they share containers as the trials of an agent do: each
//! runs in a process of its own, forked from a warm interpreter, and a container in which anything but a
//! clean trial happened is thrown away. Long problems come first, so that no worker is left with one at the
//! end.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;
use tasks::benchmark::BenchmarkProblem;
use tasks::{Seed, Value, Verdict};
use tokio::sync::Mutex;
use tokio::task::JoinSet;

use crate::benchmark::{Benchmark, Truth};
use crate::judge::Until;
use crate::pass_at::{Counts, PassAt, pass_at};
use crate::prepared::Prepared;
use crate::runner::{Runner, Slot};
use crate::sandbox::Sandbox;
use crate::trial::{Disclose, TrialResult};

/// One sample of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Which problem, by its place in the benchmark
    pub problem: usize,
    /// The how many-th of its problem, from 0
    pub number: u32,
    /// The whole answer
    pub answer: String,
}

/// A file of samples that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SamplesError {
    /// It cannot be read.
    #[error("cannot read {}: {cause}; name a JSONL file of samples", .path.display())]
    File {
        /// Which file
        path: PathBuf,
        /// What the system answered
        cause: std::io::Error,
    },
    /// A line is no sample.
    #[error("{}, line {line}: {what}", .path.display())]
    Line {
        /// Which file
        path: PathBuf,
        /// Which line, from 1
        line: usize,
        /// What is wrong with it
        what: String,
    },
    /// There is no sample in it.
    #[error("{} holds no sample", .0.display())]
    Empty(PathBuf),
}

/// Reads samples in EvalPlus's format: `task_id` with `solution`, a whole answer, or with `completion`, what
/// goes behind the problem's prompt.
pub fn read(path: &Path, benchmark: &Benchmark) -> Result<Vec<Sample>, SamplesError> {
    let file = |cause| SamplesError::File { path: path.to_owned(), cause };
    let text = crate::benchmark::read_text(path).map_err(file)?;
    let places: HashMap<&str, usize> = benchmark
        .entries
        .iter()
        .enumerate()
        .map(|(place, entry)| (entry.name.as_str(), place))
        .collect();
    let mut numbers = HashMap::<usize, u32>::new();
    let mut samples = Vec::new();
    for (text, line) in text.lines().zip(1..).filter(|(text, _)| !text.trim().is_empty()) {
        let wrong = |what: String| SamplesError::Line { path: path.to_owned(), line, what };
        let record = Value::from_python_json(text).map_err(|error| wrong(error.to_string()))?;
        let field = |name| match record.get(name) {
            Some(Value::Str(text)) => Some(text.as_str()),
            _ => None,
        };
        let name =
            field("task_id").ok_or_else(|| wrong("'task_id' is missing or is no text".into()))?;
        let problem = *places
            .get(name)
            .ok_or_else(|| wrong(format!("the suite has no problem '{}'", name.escape_debug())))?;
        let answer = match (field("solution"), field("completion")) {
            (Some(solution), _) => solution.to_owned(),
            (None, Some(completion)) => benchmark.problem(problem).completed(completion),
            (None, None) => {
                return Err(wrong("neither 'solution' nor 'completion' is there as text".into()));
            }
        };
        let next = numbers.entry(problem).or_default();
        samples.push(Sample { problem, number: *next, answer });
        *next += 1;
    }
    if samples.is_empty() {
        return Err(SamplesError::Empty(path.to_owned()));
    }
    Ok(samples)
}

/// What came of one sample: a line of the verdicts' file.
#[derive(Clone, Debug, Serialize)]
pub struct Judged {
    /// The problem
    pub task_id: String,
    /// The how many-th of its problem, from 0
    pub sample: u32,
    /// The verdict on the benchmark's own cases
    pub base: Verdict,
    /// The verdict on all cases, unless only the benchmark's own were asked for
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plus: Option<Verdict>,
    /// Cases that were accepted
    pub passed: u32,
    /// Cases in all
    pub total: u32,
    /// The first case that was not accepted
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failing: Option<Failing>,
    /// Wall-clock time of all calls, in milliseconds
    pub wall_ms: u64,
    /// CPU time of all calls, in milliseconds
    pub cpu_ms: u64,
    /// How often it was tried; more than once after a fault
    pub attempts: usize,
}

/// A case that was not accepted.
#[derive(Clone, Debug, Serialize)]
pub struct Failing {
    /// Its name: `base_3`, `plus_17`
    pub case: String,
    /// The call, shortened
    pub input: String,
    /// What there is to say about it
    pub detail: String,
}

/// A sample that the arena could not judge.
#[derive(Clone, Debug, Serialize)]
pub struct Unjudged {
    /// The problem
    pub task_id: String,
    /// The how many-th of its problem, from 0
    pub sample: u32,
    /// What went wrong
    pub fault: String,
}

/// What to judge, and how.
pub struct Plan {
    /// The benchmark
    pub benchmark: Arc<Benchmark>,
    /// What its canonical solutions returned, problem by problem
    pub truths: Vec<Truth>,
    /// The samples
    pub samples: Vec<Sample>,
    /// Only the benchmark's own cases
    pub base_only: bool,
    /// When the calls of a sample are stopped
    pub until: Until,
    /// How many containers are at work at the same time
    pub jobs: usize,
}

/// What is told on the way.
pub type Listener = Arc<dyn Fn(&Judged) + Send + Sync>;

/// Where the time of judging went. Times of workers are sums over all of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Profile {
    /// From the first sample to the last, in milliseconds of wall-clock time
    pub wall_ms: u64,
    /// What the workers waited for their first containers, in milliseconds
    pub start_ms: u64,
    /// What they waited for a problem to be taken apart, in milliseconds
    pub prepare_ms: u64,
    /// What they waited for trials, in milliseconds; the next two are part of it
    pub trials_ms: u64,
    /// Wall-clock time of the calls inside the containers, in milliseconds
    pub calls_wall_ms: u64,
    /// CPU time of the calls inside the containers, in milliseconds
    pub calls_cpu_ms: u64,
}

/// What came of it all.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Every sample that has a verdict, by problem and number
    pub judged: Vec<Judged>,
    /// The others
    pub unjudged: Vec<Unjudged>,
    /// Where the time went
    pub profile: Profile,
}

struct Shared {
    runner: Runner,
    plan: Plan,
    on_judged: Listener,
    queue: Mutex<Queue>,
}

/// The samples that are left, problem by problem, the last problem first.
struct Queue {
    left: Vec<(usize, Vec<Sample>)>,
    present: Option<(usize, Arc<Asked>)>,
}

/// A problem taken apart, for as long as it is judged.
struct Asked {
    name: String,
    base_count: usize,
    prepared: Prepared,
}

/// Judges samples. That some of them end in faults is part of the outcome and no error.
pub async fn judge(sandbox: &Sandbox, mut plan: Plan, on_judged: Listener) -> Outcome {
    let mut groups = HashMap::<usize, Vec<Sample>>::new();
    for sample in std::mem::take(&mut plan.samples) {
        groups.entry(sample.problem).or_default().push(sample);
    }
    let mut left: Vec<_> = groups.into_iter().collect();
    left.sort_by_key(|(problem, _)| (plan.truths[*problem].cpu_ms, *problem));
    let (jobs, started) = (plan.jobs.max(1), Instant::now());
    let shared = Arc::new(Shared {
        runner: Runner::new(sandbox.clone(), None, Duration::ZERO),
        queue: Mutex::new(Queue { left, present: None }),
        plan,
        on_judged,
    });
    let mut workers = JoinSet::new();
    for _ in 0..jobs {
        workers.spawn(work(Arc::clone(&shared)));
    }
    let mut outcome = Outcome::default();
    while let Some(worked) = workers.join_next().await {
        let Outcome { judged, unjudged, profile } = worked.expect("a worker does not panic");
        outcome.judged.extend(judged);
        outcome.unjudged.extend(unjudged);
        outcome.profile.start_ms += profile.start_ms;
        outcome.profile.prepare_ms += profile.prepare_ms;
        outcome.profile.trials_ms += profile.trials_ms;
    }
    outcome.profile.wall_ms = millis(started);
    outcome.profile.calls_wall_ms = outcome.judged.iter().map(|judged| judged.wall_ms).sum();
    outcome.profile.calls_cpu_ms = outcome.judged.iter().map(|judged| judged.cpu_ms).sum();
    let places: HashMap<&str, usize> = shared
        .plan
        .benchmark
        .entries
        .iter()
        .enumerate()
        .map(|(i, e)| (e.name.as_str(), i))
        .collect();
    outcome.judged.sort_by_key(|judged| (places[judged.task_id.as_str()], judged.sample));
    outcome
}

async fn work(shared: Arc<Shared>) -> Outcome {
    let mut outcome = Outcome::default();
    let profile = &mut outcome.profile;
    let mut slot = Slot::start(shared.runner.sandbox());
    let mut began = Instant::now();
    slot.wait().await;
    profile.start_ms = millis(began);
    loop {
        began = Instant::now();
        let Some((asked, sample)) = shared.next().await else { break };
        profile.prepare_ms += millis(began);
        began = Instant::now();
        let answer = (sample.answer.as_str(), &asked.prepared);
        let judged = shared.runner.judge(answer, shared.plan.until, &mut slot, &|_| {}).await;
        profile.trials_ms += millis(began);
        match judged {
            Ok(result) => {
                let judged = told(&asked, &sample, result, shared.plan.base_only);
                (shared.on_judged)(&judged);
                outcome.judged.push(judged);
            }
            Err(fault) => outcome.unjudged.push(Unjudged {
                task_id: asked.name.clone(),
                sample: sample.number,
                fault: fault.to_string(),
            }),
        }
    }
    shared.runner.discard(slot).await;
    outcome
}

fn millis(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}

impl Shared {
    async fn next(&self) -> Option<(Arc<Asked>, Sample)> {
        let mut queue = self.queue.lock().await;
        while queue.left.last().is_some_and(|(_, samples)| samples.is_empty()) {
            queue.left.pop();
        }
        let (problem, sample) = {
            let (problem, samples) = queue.left.last_mut()?;
            (*problem, samples.pop()?)
        };
        let present = queue.present.take().filter(|(place, _)| *place == problem);
        let asked = present.map_or_else(|| self.ask(problem), |(_, asked)| asked);
        queue.present = Some((problem, Arc::clone(&asked)));
        Some((asked, sample))
    }

    fn ask(&self, place: usize) -> Arc<Asked> {
        let Plan { benchmark, truths, base_only, .. } = &self.plan;
        let mut problem: BenchmarkProblem = benchmark.problem(place);
        let base_count = problem.base_count();
        let mut expected = truths[place].expected.clone();
        if *base_only {
            problem = problem.base_only();
            expected.truncate(base_count);
        }
        let prepared = Prepared::new(problem.task(expected), Seed(0));
        Arc::new(Asked { name: problem.name, base_count, prepared })
    }
}

fn told(asked: &Asked, sample: &Sample, result: TrialResult, base_only: bool) -> Judged {
    // Everything about a public benchmark is public.
    let result = result.disclosed(Disclose::All);
    let (base, _) = result.cases.split_at(asked.base_count.min(result.cases.len()));
    let failing =
        result.cases.iter().zip(&asked.prepared.cases).find(|(r, _)| r.verdict.is_wrong());
    let entry_point = asked.prepared.task.entry_point();
    Judged {
        task_id: asked.name.clone(),
        sample: sample.number,
        base: Verdict::of_cases(base.iter().map(|case| case.verdict)),
        plus: (!base_only).then_some(result.verdict),
        passed: result.passed,
        total: result.total,
        failing: failing.map(|(result, case)| Failing {
            case: result.name.clone(),
            input: case.short_call(entry_point),
            detail: result.detail.clone(),
        }),
        wall_ms: result.wall_ms,
        cpu_ms: result.cpu_ms,
        attempts: result.attempts.len(),
    }
}

/// pass@k on the benchmark's own cases and on all of them.
#[derive(Clone, Debug, Serialize)]
pub struct Estimates {
    /// On the benchmark's own cases
    pub base: Vec<PassAt>,
    /// On all cases, unless only the benchmark's own were judged
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plus: Option<Vec<PassAt>>,
}

/// pass@k over the problems that have samples.
pub fn estimates(judged: &[Judged]) -> Estimates {
    let counts = |right: &dyn Fn(&Judged) -> bool| {
        let mut problems = std::collections::BTreeMap::<&str, Counts>::new();
        for judged in judged {
            let counts = problems.entry(judged.task_id.as_str()).or_default();
            counts.samples += 1;
            counts.right += u32::from(right(judged));
        }
        pass_at(&problems.into_values().collect::<Vec<_>>())
    };
    let has_plus = judged.iter().any(|judged| judged.plus.is_some());
    Estimates {
        base: counts(&|judged| judged.base == Verdict::Accepted),
        plus: has_plus.then(|| counts(&|judged| judged.plus == Some(Verdict::Accepted))),
    }
}
