//! Where a worker runs trials: it turns the specification of a round into tasks and a sandbox, or says why it cannot.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use harness::Fault;
use harness::benchmark::file::{Benchmark, BenchmarkFile};
use harness::benchmark::reference_outputs::ReferenceRun;
use harness::benchmark::tasks::{TaskFilter, built_in, of_benchmark};
use harness::round::controls::prove;
use harness::round::plan::{Isolation, RoundPlan};
use harness::round::runner::TrialRunner;
use harness::round::stopping::StopRules;
use harness::sandbox::{self, ImageEvent, Sandbox, SandboxSettings, SitePackages};
use harness::trial::instance::RoundTask;
use platform::store::Store;
use tasks::{Sha256, Task, TaskId};

use crate::files::Files;
use crate::wire::{RoundSpec, SpecFile};
use crate::worker::dispatcher::WorkerListener;

/// A round that this worker can run.
pub struct PreparedRound {
    /// Its tasks
    pub tasks: Arc<[RoundTask]>,
    /// Runs its trials; records are not kept here
    pub runner: TrialRunner,
}

/// Why a worker takes no work.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// It is not the right worker for the round.
    #[error("{0}")]
    Refused(String),
    /// The arena failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// Prepares rounds.
pub trait Workshop: Send + Sync {
    /// Returns the key of the image that agents run in here, to be compared with the round's before anything else.
    fn image(&self) -> BoxFuture<'_, Result<String, Fault>>;

    /// Prepares a round whose image and versions are right.
    fn prepare<'a>(
        &'a self,
        spec: &'a RoundSpec,
        files: &'a Files,
    ) -> BoxFuture<'a, Result<PreparedRound, PrepareError>>;
}

/// The workshop that uses the machine's Docker.
pub struct DockerWorkshop {
    /// What the user chose about the sandbox
    pub settings: SandboxSettings,
    /// Where expected values of benchmarks are kept between rounds
    pub cache: PathBuf,
    /// Containers at work at the same time
    pub jobs: usize,
    /// Receives what happens
    pub on_event: WorkerListener,
    /// Receives the progress of pulling or building an image
    pub on_image: Arc<dyn Fn(ImageEvent) + Send + Sync>,
}

impl Workshop for DockerWorkshop {
    fn image(&self) -> BoxFuture<'_, Result<String, Fault>> {
        Box::pin(async {
            let sandbox = sandbox::open(&self.settings, &*self.on_image).await?;
            Ok(sandbox.image().id.clone())
        })
    }

    fn prepare<'a>(
        &'a self,
        spec: &'a RoundSpec,
        files: &'a Files,
    ) -> BoxFuture<'a, Result<PreparedRound, PrepareError>> {
        Box::pin(async {
            let packages =
                if spec.site_packages { SitePackages::Visible } else { SitePackages::Hidden };
            let memory_bytes = spec.memory_bytes;
            let settings = SandboxSettings { memory_bytes, packages, ..self.settings.clone() };
            let sandbox = sandbox::open(&settings, &*self.on_image).await?;
            let prepared = self.prepare_in(&sandbox, spec, files).await;
            if prepared.is_err() {
                sandbox.cleanup().await?;
            }
            prepared
        })
    }
}

impl DockerWorkshop {
    async fn prepare_in(
        &self,
        sandbox: &Sandbox,
        spec: &RoundSpec,
        files: &Files,
    ) -> Result<PreparedRound, PrepareError> {
        let defined = self.tasks(sandbox, spec, files).await?;
        let tasks = round_tasks(spec, &defined)?;
        let shrinking = Duration::from_millis(spec.shrinking_ms);
        // A machine proves its tasks itself before it judges any agent by them.
        let plan = RoundPlan {
            agents: Vec::new(),
            tasks: Arc::clone(&tasks),
            repeat: 1,
            stop: StopRules::default(),
            results: None,
            jobs: self.jobs,
            jobs_per_agent: self.jobs,
            isolation: Isolation::Agent,
            partition: None,
            shrinking: Duration::ZERO,
            model: None,
        };
        (self.on_event)(format!("proving {} tasks", tasks.len()));
        let (_, unsound) = prove(sandbox, &plan, &(Arc::new(|_| ()) as _)).await?;
        if let Some(fault) = unsound.first() {
            return Err(PrepareError::Refused(format!(
                "{} of {} tasks are not sound on this machine; {}: {}; 'arena doctor' tests it",
                unsound.len(),
                tasks.len(),
                fault.task,
                fault.fault
            )));
        }
        let runner = TrialRunner::new(sandbox.clone(), None, shrinking);
        Ok(PreparedRound { tasks, runner })
    }

    /// The tasks of a round: those of its benchmark or the built-in ones, and its private ones.
    async fn tasks(
        &self,
        sandbox: &Sandbox,
        spec: &RoundSpec,
        files: &Files,
    ) -> Result<Vec<Task>, PrepareError> {
        let (private, public): (Vec<_>, Vec<_>) =
            spec.tasks.iter().map(|task| task.id.clone()).partition(TaskId::is_private);
        let mut tasks = match &spec.benchmark {
            _ if public.is_empty() => Vec::new(),
            None => built_in(&TaskFilter::ids(&public)).map_err(refused)?,
            Some(file) => {
                let benchmark = self.benchmark(spec, file, files).await?;
                self.problems(sandbox, benchmark, &public).await?
            }
        };
        if let Some(file) = spec.private.as_ref().filter(|_| !private.is_empty()) {
            let benchmark = self.benchmark(spec, file, files).await?.into_private();
            tasks.extend(self.problems(sandbox, benchmark, &private).await?);
        }
        Ok(tasks)
    }

    async fn benchmark(
        &self,
        spec: &RoundSpec,
        file: &SpecFile,
        files: &Files,
    ) -> Result<Benchmark, PrepareError> {
        let SpecFile { format, sha256 } = file;
        let path = self.cache.join(format!("{sha256}.benchmark"));
        let cached = std::fs::read(&path).is_ok_and(|bytes| Sha256::of(&bytes) == *sha256);
        if !cached {
            let bytes = files.get(sha256).await?.ok_or_else(|| {
                PrepareError::Refused(format!("the benchmark's file {sha256} is not on the server"))
            })?;
            write_file(&path, &bytes)?;
        }
        let named = format!("{format}:{}", path.display());
        let file: BenchmarkFile = named.parse().map_err(refused)?;
        let memory_bytes = spec.memory_bytes.unwrap_or(tasks::Limits::STANDARD.memory_bytes);
        Benchmark::read(&file, memory_bytes).map_err(refused)
    }

    async fn problems(
        &self,
        sandbox: &Sandbox,
        benchmark: Benchmark,
        ids: &[TaskId],
    ) -> Result<Vec<Task>, PrepareError> {
        (self.on_event)(format!("computing the expected values of {} problems", ids.len()));
        let store = Store::open(&self.cache).map_err(Fault::from)?;
        let on_run = Arc::new(|_: &str| ());
        let run = ReferenceRun { sandbox: sandbox.clone(), jobs: self.jobs, on_run };
        let filter = TaskFilter::ids(ids);
        let found = of_benchmark(&Arc::new(benchmark), &filter, &store, run).await;
        Ok(found.map_err(refused)?.tasks)
    }
}

/// The tasks in the order of the round. Each must have the digest that the round states.
pub fn round_tasks(spec: &RoundSpec, defined: &[Task]) -> Result<Arc<[RoundTask]>, PrepareError> {
    let tasks = spec.tasks.iter().map(|stated| {
        let task = defined.iter().find(|task| task.id == stated.id);
        let task = task.map(|task| RoundTask::new(task.clone(), spec.seed));
        task.filter(|task| task.digest == stated.digest).ok_or_else(|| {
            PrepareError::Refused(format!(
                "task {} is another one here than at the coordinator; run the same version of the arena",
                stated.id
            ))
        })
    });
    tasks.collect()
}

fn refused(error: impl std::fmt::Display) -> PrepareError {
    PrepareError::Refused(error.to_string())
}

fn write_file(path: &Path, bytes: &[u8]) -> Result<(), Fault> {
    let directory = path.parent().expect("it is in the cache");
    let written = std::fs::create_dir_all(directory).and_then(|()| std::fs::write(path, bytes));
    written.map_err(|cause| Fault::File { action: "write", path: path.to_owned(), cause })
}
