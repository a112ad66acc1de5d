//! Samples of a model, judged on a benchmark's problems: what `evalplus.evaluate` does, in the sandbox.
//!
//! All samples of a file come from one model, so they share containers as the trials of an agent do: each
//! runs in a process of its own, forked from a warm interpreter, and a container is discarded after anything but a
//! clean trial. Long problems come first, so that no worker is left with one at the end.

use std::collections::{BTreeMap, HashMap};
use std::convert::Infallible;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use platform::store::write_atomically;
use serde::Serialize;
use tasks::{Seed, Verdict};
use tokio::sync::Mutex;

use crate::Fault;
use crate::benchmark::file::Benchmark;
use crate::benchmark::reference_outputs::ReferenceOutput;
use crate::benchmark::sample_file::ModelSample;
use crate::round::lease::ContainerLease;
use crate::round::pool::run_workers;
use crate::round::runner::{AnswerTrial, TrialRunner};
use crate::sandbox::Sandbox;
use crate::scoring::pass_at::{PassAt, SampleCounts, pass_at};
use crate::trial::instance::RoundTask;
use crate::trial::judge::StopPolicy;
use crate::trial::record::{Disclose, TrialRecord};

/// The verdict on one sample: a line of the verdicts file.
#[derive(Clone, Debug, Serialize)]
pub struct SampleVerdict {
    /// The problem
    pub task_id: String,
    /// Zero-based sample index
    pub sample: u32,
    /// The verdict on the benchmark's own cases
    pub base: Verdict,
    /// The verdict on all cases, unless only the benchmark's own were judged
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plus: Option<Verdict>,
    /// Cases that were accepted
    pub passed: u32,
    /// Cases in all
    pub total: u32,
    /// The first case that was not accepted
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failing: Option<FailingCase>,
    /// Wall-clock time of all calls, in milliseconds
    pub wall_ms: u64,
    /// CPU time of all calls, in milliseconds
    pub cpu_ms: u64,
    /// Number of attempts; more than one after a fault
    pub attempts: usize,
}

/// A case that was not accepted.
#[derive(Clone, Debug, Serialize)]
pub struct FailingCase {
    /// Its name: `base_3`, `plus_17`
    pub case: String,
    /// The call, shortened
    pub input: String,
    /// What happened and what should have happened
    pub detail: String,
}

/// A sample whose trial ended in a fault.
#[derive(Clone, Debug, Serialize)]
pub struct UnjudgedSample {
    /// The problem
    pub task_id: String,
    /// Zero-based sample index
    pub sample: u32,
    /// What failed
    pub fault: String,
}

/// Which cases of a problem are judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CaseSet {
    /// The benchmark's own cases and the additional ones
    BaseAndPlus,
    /// Only the benchmark's own
    Base,
}

/// What to judge, and how.
pub struct SamplesPlan {
    /// The benchmark
    pub benchmark: Arc<Benchmark>,
    /// What its canonical solutions returned, by the place of the problem
    pub outputs: BTreeMap<usize, ReferenceOutput>,
    /// The samples. Those of problems without an output are not judged
    pub samples: Vec<ModelSample>,
    /// The cases
    pub cases: CaseSet,
    /// When the calls of a sample are stopped
    pub stop: StopPolicy,
    /// Containers at work at the same time
    pub jobs: usize,
}

/// Receives each verdict as soon as it is known.
pub type SamplesListener = Arc<dyn Fn(&SampleVerdict) + Send + Sync>;

/// Where the time of judging went. Times of workers are sums over all of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SamplesProfile {
    /// From the first sample to the last, in milliseconds of wall-clock time
    pub wall_ms: u64,
    /// Time that workers waited for their first containers, in milliseconds
    pub start_ms: u64,
    /// Time that they waited for a problem to be parsed, in milliseconds
    pub prepare_ms: u64,
    /// Time that they waited for trials, in milliseconds; the next two are part of it
    pub trials_ms: u64,
    /// Wall-clock time of the calls inside the containers, in milliseconds
    pub calls_wall_ms: u64,
    /// CPU time of the calls inside the containers, in milliseconds
    pub calls_cpu_ms: u64,
}

/// The outcome of judging samples.
#[derive(Debug, Default)]
pub struct SamplesOutcome {
    /// Every sample that has a verdict, by problem and index
    pub judged: Vec<SampleVerdict>,
    /// The others
    pub unjudged: Vec<UnjudgedSample>,
    /// Where the time went
    pub profile: SamplesProfile,
}

/// Judges samples. Samples that end in faults are part of the outcome and not an error.
pub async fn judge(
    sandbox: &Sandbox,
    mut plan: SamplesPlan,
    on_judged: SamplesListener,
) -> SamplesOutcome {
    let mut groups = HashMap::<usize, Vec<ModelSample>>::new();
    let known = |sample: &ModelSample| plan.outputs.contains_key(&sample.problem);
    for sample in std::mem::take(&mut plan.samples).into_iter().filter(known) {
        groups.entry(sample.problem).or_default().push(sample);
    }
    let mut left: Vec<_> = groups.into_iter().collect();
    left.sort_by_key(|(problem, _)| (plan.outputs[problem].cpu_ms, *problem));
    let (jobs, started) = (plan.jobs, Instant::now());
    let shared = Arc::new(SharedSamples {
        runner: TrialRunner::new(sandbox.clone(), None, Duration::ZERO),
        queue: Mutex::new(SampleQueue { left, present: None }),
        plan,
        on_judged,
    });
    let Ok(outcomes) = run_workers(jobs, || work(Arc::clone(&shared))).await;
    let mut outcome = SamplesOutcome::default();
    for SamplesOutcome { judged, unjudged, profile } in outcomes {
        outcome.judged.extend(judged);
        outcome.unjudged.extend(unjudged);
        outcome.profile.start_ms += profile.start_ms;
        outcome.profile.prepare_ms += profile.prepare_ms;
        outcome.profile.trials_ms += profile.trials_ms;
    }
    outcome.profile.wall_ms = millis(started);
    outcome.profile.calls_wall_ms = outcome.judged.iter().map(|judged| judged.wall_ms).sum();
    outcome.profile.calls_cpu_ms = outcome.judged.iter().map(|judged| judged.cpu_ms).sum();
    let places = shared.plan.benchmark.places();
    outcome.judged.sort_by_key(|judged| (places[judged.task_id.as_str()], judged.sample));
    outcome
}

/// What the workers share.
struct SharedSamples {
    runner: TrialRunner,
    plan: SamplesPlan,
    on_judged: SamplesListener,
    queue: Mutex<SampleQueue>,
}

/// The samples that are left, problem by problem, the last problem first.
struct SampleQueue {
    left: Vec<(usize, Vec<ModelSample>)>,
    present: Option<(usize, Arc<ParsedProblem>)>,
}

/// A problem, for as long as it is judged.
struct ParsedProblem {
    name: String,
    base_count: usize,
    task: RoundTask,
}

async fn work(shared: Arc<SharedSamples>) -> Result<SamplesOutcome, Infallible> {
    let mut outcome = SamplesOutcome::default();
    let profile = &mut outcome.profile;
    let mut lease = ContainerLease::start(shared.runner.sandbox());
    let mut began = Instant::now();
    lease.wait().await;
    profile.start_ms = millis(began);
    loop {
        began = Instant::now();
        let Some((problem, sample)) = shared.next().await else { break };
        profile.prepare_ms += millis(began);
        began = Instant::now();
        let judged = shared.judge(&problem, &sample, &mut lease).await;
        profile.trials_ms += millis(began);
        match judged {
            Ok(judged) => {
                (shared.on_judged)(&judged);
                outcome.judged.push(judged);
            }
            Err(fault) => outcome.unjudged.push(UnjudgedSample {
                task_id: problem.name.clone(),
                sample: sample.index,
                fault: fault.to_string(),
            }),
        }
    }
    lease.discard().await;
    Ok(outcome)
}

fn millis(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}

impl SharedSamples {
    async fn next(&self) -> Option<(Arc<ParsedProblem>, ModelSample)> {
        let mut queue = self.queue.lock().await;
        while queue.left.last().is_some_and(|(_, samples)| samples.is_empty()) {
            queue.left.pop();
        }
        let (place, sample) = {
            let (place, samples) = queue.left.last_mut()?;
            (*place, samples.pop()?)
        };
        let present = queue.present.take().filter(|(present, _)| *present == place);
        let problem = present.map_or_else(|| self.parse(place), |(_, problem)| problem);
        queue.present = Some((place, Arc::clone(&problem)));
        Some((problem, sample))
    }

    async fn judge(
        &self,
        problem: &ParsedProblem,
        sample: &ModelSample,
        lease: &mut ContainerLease,
    ) -> Result<SampleVerdict, Fault> {
        let (task, stop, cases) = (&problem.task, self.plan.stop, self.plan.cases);
        let Some(answer) = &sample.answer else { return Ok(no_source(problem, sample, cases)) };
        let trial = AnswerTrial { answer, task, stop };
        let record = self.runner.judge(trial, lease, &|_| {}).await?;
        Ok(verdict(problem, sample, record, cases))
    }

    fn parse(&self, place: usize) -> Arc<ParsedProblem> {
        let SamplesPlan { benchmark, outputs, cases, .. } = &self.plan;
        let mut problem = benchmark.problem(place);
        let base_count = problem.base_count();
        let mut output = outputs[&place].clone();
        if *cases == CaseSet::Base {
            problem = problem.base_only();
            output.expected.truncate(base_count);
        }
        let task = RoundTask::new(output.task(benchmark, &problem), Seed(0));
        Arc::new(ParsedProblem { name: problem.name, base_count, task })
    }
}

/// The verdict on a sample whose text cannot be a source, which Python would refuse to compile.
fn no_source(problem: &ParsedProblem, sample: &ModelSample, cases: CaseSet) -> SampleVerdict {
    let all = &problem.task.cases;
    let entry_point = problem.task.task.entry_point();
    SampleVerdict {
        task_id: problem.name.clone(),
        sample: sample.index,
        base: Verdict::NoSolution,
        plus: (cases == CaseSet::BaseAndPlus).then_some(Verdict::NoSolution),
        passed: 0,
        total: u32::try_from(all.len()).unwrap_or(u32::MAX),
        failing: all.first().map(|case| FailingCase {
            case: case.name.clone(),
            input: case.short_call(entry_point),
            detail: "the answer is not Python source: it has a lone surrogate".to_owned(),
        }),
        wall_ms: 0,
        cpu_ms: 0,
        attempts: 0,
    }
}

fn verdict(
    problem: &ParsedProblem,
    sample: &ModelSample,
    record: TrialRecord,
    cases: CaseSet,
) -> SampleVerdict {
    let base = record.cases.iter().take(problem.base_count).map(|case| case.verdict);
    let base = Verdict::of_cases(base);
    // Everything about a public benchmark is public.
    let record = record.disclosed(Disclose::All);
    let failing = record.cases.iter().zip(&problem.task.cases).find(|(result, _)| !result.passed);
    let entry_point = problem.task.task.entry_point();
    SampleVerdict {
        task_id: problem.name.clone(),
        sample: sample.index,
        base,
        plus: (cases == CaseSet::BaseAndPlus).then_some(record.verdict),
        passed: record.passed,
        total: record.total,
        failing: failing.map(|(result, case)| FailingCase {
            case: result.name.clone(),
            input: case.short_call(entry_point),
            detail: result.detail.clone(),
        }),
        wall_ms: record.wall_ms,
        cpu_ms: record.cpu_ms,
        attempts: record.attempts.len(),
    }
}

/// pass@k on the benchmark's own cases and on all of them.
#[derive(Clone, Debug, Serialize)]
pub struct PassEstimates {
    /// On the benchmark's own cases
    pub base: Vec<PassAt>,
    /// On all cases, unless only the benchmark's own were judged
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plus: Option<Vec<PassAt>>,
}

/// Estimates pass@k over the problems that have samples.
pub fn estimates(judged: &[SampleVerdict]) -> PassEstimates {
    let counts = |right: &dyn Fn(&SampleVerdict) -> bool| {
        let mut problems = BTreeMap::<&str, SampleCounts>::new();
        for judged in judged {
            let counts = problems.entry(judged.task_id.as_str()).or_default();
            counts.samples += 1;
            counts.right += u32::from(right(judged));
        }
        pass_at(&problems.into_values().collect::<Vec<_>>())
    };
    let has_plus = judged.iter().any(|judged| judged.plus.is_some());
    PassEstimates {
        base: counts(&|judged| judged.base == Verdict::Accepted),
        plus: has_plus.then(|| counts(&|judged| judged.plus == Some(Verdict::Accepted))),
    }
}

/// Writes a line of JSON for each verdict. A regular file is replaced as a whole.
pub fn write_verdicts(path: &Path, verdicts: &[SampleVerdict]) -> Result<(), Fault> {
    let line = |verdict| serde_json::to_string(verdict).expect("verdicts are plain data") + "\n";
    let lines: String = verdicts.iter().map(line).collect();
    if path.is_file() || !path.exists() {
        return Ok(write_atomically(path, lines.as_bytes())?);
    }
    // A pipe or a device cannot be replaced.
    std::fs::write(path, lines).map_err(|cause| Fault::File {
        action: "write",
        path: path.to_owned(),
        cause,
    })
}
