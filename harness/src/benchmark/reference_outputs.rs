//! What the canonical solutions of a benchmark return: the expected values of its problems.
//!
//! A canonical solution runs in a trusted container, which no candidate ever enters, and what it returned is kept in a
//! file under a key of everything that decided it.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;

use platform::store::write_atomically;
use serde::{Deserialize, Serialize};
use tasks::benchmark::{BenchmarkProblem, Expected};
use tasks::{CallOutcome, Case, Limits, Seed, Sha256, Task, TaskId};

use crate::Fault;
use crate::benchmark::file::Benchmark;
use crate::round::lease::ContainerLease;
use crate::round::pool::{WorkQueue, run_workers};
use crate::round::retry::RetryPolicy;
use crate::sandbox::{CallEnd, CallPlan, Container, PROTOCOL_VERSION, Sandbox};
use crate::trial::judge::{call_failure, load_failure};
use crate::trial::run::CleanOr;

/// Limits of a canonical solution. It is trusted, so they only end what would never end.
const TRUSTED: Limits = Limits {
    call_cpu_ms: 60_000,
    calls_wall_ms: 600_000,
    calls_per_batch: u32::MAX,
    value_bytes: 64 << 20,
    values_bytes: 1 << 30,
    memory_bytes: 8 << 30,
    ..Limits::STANDARD
};

/// How much more CPU time than the canonical solution a sample may use, as in EvalPlus.
const TIME_FACTOR: u64 = 4;

/// What the canonical solution of one problem returned, and how long it took: one file of the cache.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ReferenceOutput {
    /// The results, in the order of the inputs
    pub expected: Vec<Expected>,
    /// CPU time of all calls together, in milliseconds
    pub cpu_ms: u64,
    /// CPU time of the slowest of them, in milliseconds
    pub slowest_call_ms: u64,
}

impl ReferenceOutput {
    /// Returns a problem as a task with these expected values. A sample has four times as much time as the canonical
    /// solution, and at least the time that every answer has.
    pub fn task(self, benchmark: &Benchmark, problem: &BenchmarkProblem) -> Task {
        let mut task = problem.task(self.expected);
        if task.id.is_private() {
            task.title = task.id.to_string();
        }
        let limits = &mut task.limits;
        limits.memory_bytes = benchmark.memory_bytes;
        limits.call_cpu_ms = limits.call_cpu_ms.max(TIME_FACTOR * self.slowest_call_ms);
        limits.calls_wall_ms = limits.calls_wall_ms.max(TIME_FACTOR * self.cpu_ms);
        task
    }
}

/// A problem that cannot be judged, because its canonical solution does not produce expected values.
#[derive(Clone, Debug, Serialize)]
pub struct LeftOutProblem {
    /// Its name in the benchmark
    pub task_id: String,
    /// Its name as a task
    #[serde(skip)]
    pub id: TaskId,
    /// Why, in words
    pub reason: String,
}

impl fmt::Display for LeftOutProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { task_id, reason, .. } = self;
        write!(f, "{task_id} is left out: its canonical solution cannot be used: {reason}")
    }
}

/// What the canonical solutions of some problems returned.
#[derive(Debug, Default)]
pub struct ReferenceResults {
    /// The outputs, by the place of the problem in the benchmark
    pub outputs: BTreeMap<usize, ReferenceOutput>,
    /// The problems without, in the order of the benchmark
    pub left_out: Vec<LeftOutProblem>,
}

/// A cache of reference outputs.
#[derive(Clone, Debug)]
pub struct ReferenceOutputs {
    directory: PathBuf,
}

/// How missing reference outputs are computed.
#[derive(Clone)]
pub struct ReferenceRun {
    /// Where canonical solutions run
    pub sandbox: Sandbox,
    /// Containers at work at the same time
    pub jobs: usize,
    /// Gets the name of each problem whose canonical solution has to run
    pub on_run: Arc<dyn Fn(&str) + Send + Sync>,
}

impl ReferenceOutputs {
    /// The cache in this directory.
    pub fn in_directory(directory: PathBuf) -> Self {
        Self { directory }
    }

    /// Looks up what the canonical solution of a problem returned in this image. A file that
    /// holds something else counts as missing and is replaced later.
    pub fn look_up(
        &self,
        benchmark: &Benchmark,
        index: usize,
        image: &str,
    ) -> Option<ReferenceOutput> {
        let bytes = std::fs::read(self.path(benchmark, index, image)).ok()?;
        serde_json::from_slice(&bytes).ok()
    }

    /// Returns what the canonical solutions of these problems returned. Missing outputs are computed.
    pub async fn of(
        &self,
        benchmark: &Arc<Benchmark>,
        problems: impl IntoIterator<Item = usize>,
        run: ReferenceRun,
    ) -> Result<ReferenceResults, Fault> {
        let image = run.sandbox.image().key();
        let (mut results, mut missing) = (ReferenceResults::default(), Vec::new());
        for index in problems {
            match self.look_up(benchmark, index, &image) {
                Some(output) => {
                    results.outputs.insert(index, output);
                }
                None => missing.push(index),
            }
        }
        let jobs = run.jobs.min(missing.len());
        let shared = Arc::new(SharedRun {
            cache: self.clone(),
            benchmark: Arc::clone(benchmark),
            sandbox: run.sandbox.with_limits(TRUSTED),
            image,
            queue: WorkQueue::new(missing),
            retry: RetryPolicy::default(),
            on_run: run.on_run,
        });
        let computed = run_workers(jobs, || work(Arc::clone(&shared))).await?;
        let mut left_out = BTreeMap::new();
        for (index, output) in computed.into_iter().flatten() {
            match output {
                Ok(output) => {
                    results.outputs.insert(index, output);
                }
                Err(reason) => {
                    left_out.insert(index, reason);
                }
            }
        }
        let entry = |index: usize| &benchmark.entries[index];
        let left_out = left_out.into_iter().map(|(index, reason)| LeftOutProblem {
            task_id: entry(index).name.clone(),
            id: entry(index).id.clone(),
            reason,
        });
        results.left_out = left_out.collect();
        Ok(results)
    }

    /// The file of what the canonical solution of a problem returned in this image.
    pub fn path(&self, benchmark: &Benchmark, index: usize, image: &str) -> PathBuf {
        let digest = benchmark.digest(index);
        let key = Sha256::of(format!("{digest}\n{image}\n{PROTOCOL_VERSION}\n").as_bytes());
        self.directory.join(format!("{key}.json"))
    }
}

/// What the workers share.
struct SharedRun {
    cache: ReferenceOutputs,
    benchmark: Arc<Benchmark>,
    image: String,
    queue: WorkQueue<usize>,
    retry: RetryPolicy,
    sandbox: Sandbox,
    on_run: Arc<dyn Fn(&str) + Send + Sync>,
}

/// A reference output, or why there is none, in words.
type Computed = Result<ReferenceOutput, String>;

async fn work(shared: Arc<SharedRun>) -> Result<Vec<(usize, Computed)>, Fault> {
    let SharedRun { cache, benchmark, image, queue, retry, sandbox, on_run } = &*shared;
    let mut lease = ContainerLease::new(sandbox);
    let mut computed = Vec::new();
    while let Some(index) = queue.next() {
        on_run(&benchmark.entries[index].name);
        let problem = benchmark.problem(index);
        let output = compute(&problem, retry, &mut lease).await?;
        if let Ok(output) = &output {
            let bytes = serde_json::to_vec(output).expect("values are plain data");
            write_atomically(&cache.path(benchmark, index, image), &bytes)?;
        }
        computed.push((index, output));
    }
    lease.discard().await;
    Ok(computed)
}

/// Computes a reference output, with as many attempts as a trial has.
async fn compute(
    problem: &BenchmarkProblem,
    retry: &RetryPolicy,
    lease: &mut ContainerLease,
) -> Result<Computed, Fault> {
    let mut attempts = retry.attempts();
    loop {
        let permit = attempts.permit().await;
        match compute_once(problem, lease).await {
            Ok(output) => {
                attempts.succeeded();
                return Ok(output);
            }
            Err(fault) => {
                drop(permit);
                attempts.failed(fault, &|_| ()).await?;
            }
        }
    }
}

async fn compute_once(
    problem: &BenchmarkProblem,
    lease: &mut ContainerLease,
) -> Result<Computed, Fault> {
    let mut container = lease.take().await?;
    let done = call_canonical(&mut container, problem).await;
    // The solution is trusted, so it leaves the container fit for the next one unless it failed.
    let done = done.map(|value| CleanOr { clean: value.is_ok(), value });
    lease.put_back(container, done).await
}

/// Calls a canonical solution with every input of its problem.
async fn call_canonical(
    container: &mut Container,
    problem: &BenchmarkProblem,
) -> Result<Computed, Fault> {
    let inputs = problem.inputs();
    if inputs.is_empty() {
        return Ok(Ok(ReferenceOutput::default()));
    }
    let (mut expected, mut failed) = (Vec::with_capacity(inputs.len()), None);
    let on_end = |end| {
        expected.push(match end {
            CallEnd::Outcome(CallOutcome::Returned(value)) => Expected::Returned(value),
            CallEnd::Outcome(CallOutcome::Digest(digest)) => Expected::Digest(digest),
            other => {
                failed = Some(call_failure(&other, &TRUSTED));
                return ControlFlow::Break(());
            }
        });
        ControlFlow::Continue(())
    };
    let source = problem.canonical();
    let plan = CallPlan {
        source: &source,
        entry_point: &problem.entry_point,
        calls: &inputs,
        hidden: true,
        limits: &TRUSTED,
    };
    let run = container.make_calls(plan, on_end).await?;
    if let Some(why) = load_failure(&problem.entry_point, &TRUSTED, &run.load) {
        return Ok(Err(why));
    }
    if failed.is_some() || expected.len() < inputs.len() {
        let why = failed.unwrap_or_else(|| call_failure(&run.rest, &TRUSTED));
        let name = problem.case_name(expected.len());
        return Ok(Err(format!("its call for {name} failed: {why}")));
    }
    if let Some(case) = rejected_by_itself(problem, &expected) {
        return Ok(Err(format!("its own result of {case} would fail")));
    }
    let (cpu_ms, slowest_call_ms) = (run.usage.cpu_ms, run.slowest_call_ms);
    Ok(Ok(ReferenceOutput { expected, cpu_ms, slowest_call_ms }))
}

/// Returns the first case whose expected value does not pass its own check. Such a value, for example an object, would
/// fail every sample.
fn rejected_by_itself(problem: &BenchmarkProblem, expected: &[Expected]) -> Option<String> {
    let cases = problem.task(expected.to_vec()).cases(Seed(0));
    let outcome = |expected: &Expected| match expected.clone() {
        Expected::Returned(value) => CallOutcome::Returned(value),
        Expected::Digest(digest) => CallOutcome::Digest(digest),
    };
    let wrong = |(case, own): &(Case, &Expected)| case.check.judge(&outcome(own)).is_wrong();
    cases.into_iter().zip(expected).find(wrong).map(|(case, _)| case.name)
}
