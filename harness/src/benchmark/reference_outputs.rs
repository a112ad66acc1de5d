//! What the canonical solutions of a benchmark return: the expected values of its problems.
//!
//! A canonical solution runs in a trusted container, which no candidate ever enters, and what it returned is kept in a
//! file under a key of everything that decided it.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;

use platform::store::write_atomically;
use serde::{Deserialize, Serialize};
use tasks::benchmark::{BenchmarkProblem, Expected};
use tasks::{CallOutcome, Case, Limits, Seed, Sha256};

use crate::Fault;
use crate::benchmark::file::Benchmark;
use crate::round::lease::ContainerLease;
use crate::round::pool::{WorkQueue, run_workers};
use crate::round::retry::RetryPolicy;
use crate::sandbox::{CallEnd, CallPlan, Container, LoadOutcome, PROTOCOL_VERSION, Sandbox};
use crate::trial::run::CleanOr;

/// Limits of a canonical solution. It is trusted, so they only end what would never end.
const TRUSTED: Limits = Limits {
    call_cpu_ms: 60_000,
    calls_wall_ms: 600_000,
    value_bytes: 64 << 20,
    values_bytes: 1 << 30,
    ..Limits::STANDARD
};

/// What the canonical solution of one problem returned, and how long it took: one file of the cache.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ReferenceOutput {
    /// The results, in the order of the inputs
    pub expected: Vec<Expected>,
    /// CPU time of all calls together, in milliseconds
    pub cpu_ms: u64,
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

    /// Returns what every canonical solution of a benchmark returned, in the order of its problems. Missing ones
    /// are computed.
    pub async fn of(
        &self,
        benchmark: &Arc<Benchmark>,
        run: ReferenceRun,
    ) -> Result<Vec<ReferenceOutput>, Fault> {
        let image = run.sandbox.image().id.clone();
        let mut outputs: Vec<Option<ReferenceOutput>> =
            (0..benchmark.entries.len()).map(|i| self.look_up(benchmark, i, &image)).collect();
        let missing: Vec<usize> = (0..outputs.len()).filter(|i| outputs[*i].is_none()).collect();
        let jobs = run.jobs.min(missing.len());
        let shared = Arc::new(SharedRun {
            cache: self.clone(),
            benchmark: Arc::clone(benchmark),
            image,
            queue: WorkQueue::new(missing),
            retry: RetryPolicy::default(),
            run,
        });
        let computed = run_workers(jobs, || work(Arc::clone(&shared))).await?;
        for (index, output) in computed.into_iter().flatten() {
            outputs[index] = Some(output);
        }
        let computed = |output: Option<_>| output.expect("every missing output was computed");
        Ok(outputs.into_iter().map(computed).collect())
    }

    fn path(&self, benchmark: &Benchmark, index: usize, image: &str) -> PathBuf {
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
    run: ReferenceRun,
}

async fn work(shared: Arc<SharedRun>) -> Result<Vec<(usize, ReferenceOutput)>, Fault> {
    let SharedRun { cache, benchmark, image, queue, retry, run } = &*shared;
    let mut lease = ContainerLease::new(&run.sandbox);
    let mut computed = Vec::new();
    while let Some(index) = queue.next() {
        (run.on_run)(&benchmark.entries[index].name);
        let problem = benchmark.problem(index);
        let output = compute(&problem, retry, &mut lease).await?;
        let bytes = serde_json::to_vec(&output).expect("values are plain data");
        write_atomically(&cache.path(benchmark, index, image), &bytes)?;
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
) -> Result<ReferenceOutput, Fault> {
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
) -> Result<ReferenceOutput, Fault> {
    let mut container = lease.take().await?;
    let done = call_canonical(&mut container, problem).await;
    // The solution is trusted, so it leaves the container fit for the next one.
    let done = done.map(|value| CleanOr { value, clean: true });
    lease.put_back(container, done).await
}

/// Calls a canonical solution with every input of its problem.
async fn call_canonical(
    container: &mut Container,
    problem: &BenchmarkProblem,
) -> Result<ReferenceOutput, Fault> {
    let unusable = |what: String| Fault::Canonical { problem: problem.name.clone(), what };
    let inputs = problem.inputs();
    if inputs.is_empty() {
        return Ok(ReferenceOutput { expected: Vec::new(), cpu_ms: 0 });
    }
    let (mut expected, mut failed) = (Vec::with_capacity(inputs.len()), None);
    let on_end = |end| {
        let result = match end {
            CallEnd::Outcome(CallOutcome::Returned(value)) => Ok(Expected::Returned(value)),
            CallEnd::Outcome(CallOutcome::Digest(digest)) => Ok(Expected::Digest(digest)),
            CallEnd::Outcome(other) => Err(format!("its input {} {other}", expected.len() + 1)),
            end => Err(format!("its input {} ended with {end:?}", expected.len() + 1)),
        };
        match result {
            Ok(result) => {
                expected.push(result);
                ControlFlow::Continue(())
            }
            Err(what) => {
                failed = Some(what);
                ControlFlow::Break(())
            }
        }
    };
    let source = problem.canonical();
    let plan = CallPlan {
        source: &source,
        entry_point: &problem.entry_point,
        calls: &inputs,
        limits: &TRUSTED,
    };
    let run = container.make_calls(plan, on_end).await?;
    match (run.load, failed) {
        (LoadOutcome::Ready, None) if expected.len() == inputs.len() => {
            match rejected_by_itself(problem, &expected) {
                Some(case) => Err(unusable(format!("its own result of {case} would fail"))),
                None => Ok(ReferenceOutput { expected, cpu_ms: run.usage.cpu_ms }),
            }
        }
        (LoadOutcome::Ready, Some(what)) => Err(unusable(what)),
        (LoadOutcome::Ready, None) => Err(unusable("its time was up".to_owned())),
        (load, _) => Err(unusable(format!("loading it gave {load:?}"))),
    }
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
