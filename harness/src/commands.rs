//! The commands, one file each, and what they have in common.

pub mod bench;
pub mod cache;
pub mod check;
pub mod clean;
pub mod doctor;
pub mod evaluate;
pub mod gate;
pub mod gauntlet;
pub mod image;
pub mod rank;
pub mod remote;
pub mod samples;
pub mod standings;
pub mod tasks;
pub mod verify;

use std::future::Future;
use std::io::Write as _;

use std::sync::Arc;

use crate::cli::SandboxArgs;
use ::tasks::Task;
use harness::Fault;
use harness::benchmark::file::{self as benchmark, Benchmark, SuiteFile, Truths};
use harness::console::Console;
use harness::sandbox::{self, Sandbox};
use platform::store::{RoundFile, Store, StoreError};

/// Why a command did not come to its end.
pub enum Failure {
    /// The arena failed.
    Fault(Box<Fault>),
    /// The arena failed, and it was said already.
    Faults,
    /// The user asked for something that is not there, or gave something that cannot be used.
    Input(String),
    /// The user, or the system, asked to stop.
    Interrupted,
}

impl Failure {
    /// What to tell the user.
    pub fn sentence(&self) -> Option<String> {
        match self {
            Self::Fault(fault) => Some(fault.to_string()),
            Self::Input(sentence) => Some(sentence.clone()),
            Self::Interrupted => Some("interrupted; what was finished is kept".to_owned()),
            Self::Faults => None,
        }
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Self::Fault(Box::new(fault))
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::from(Fault::from(error))
    }
}

/// Opens a sandbox, lets `work` use it, and removes every container again, also when the work fails or
/// the user interrupts it.
pub async fn with_sandbox<T, W>(
    options: &SandboxArgs,
    console: &Console,
    work: impl FnOnce(Sandbox) -> W,
) -> Result<T, Failure>
where
    W: Future<Output = Result<T, Failure>>,
{
    let on_event = |event| console.image_event(event);
    let settings = options.settings();
    let opening = sandbox::open(&settings, &on_event);
    let sandbox = tokio::select! {
        sandbox = opening => sandbox?,
        () = interrupted() => return Err(Failure::Interrupted),
    };
    console.image(sandbox.image());
    let worked = tokio::select! {
        worked = work(sandbox.clone()) => worked,
        () = interrupted() => Err(Failure::Interrupted),
    };
    console.finish();
    let cleaned = sandbox.cleanup().await;
    let value = worked?;
    cleaned?;
    Ok(value)
}

/// Waits for Ctrl-C or for the system's request to end.
pub async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}

/// The tasks of these ids, or all if there are none.
pub fn chosen_tasks(ids: &[String]) -> Result<Vec<Task>, Failure> {
    chosen(::tasks::all(), ids)
}

fn chosen(mut tasks: Vec<Task>, ids: &[String]) -> Result<Vec<Task>, Failure> {
    if let Some(unknown) = ids.iter().find(|id| !tasks.iter().any(|task| task.id.as_str() == **id))
    {
        return Err(Failure::Input(format!(
            "there is no task '{}'; 'harness tasks' lists those there are, and --suite names the file of a \
             benchmark's",
            unknown.escape_debug()
        )));
    }
    tasks.retain(|task| ids.is_empty() || ids.iter().any(|id| id == task.id.as_str()));
    Ok(tasks)
}

/// What is said of a suite whose verdicts a candidate can forge.
pub const ADVISORY: &str = "advisory: these verdicts rest on assertions that run beside the answers; nobody is ranked by them in public";

/// The tasks of a benchmark's file, or the built-in ones if there is none; of these ids, or all.
pub async fn asked_tasks(
    suite: Option<&SuiteFile>,
    ids: &[String],
    store: &Store,
    options: &SandboxArgs,
    console: &Console,
) -> Result<Vec<Task>, Failure> {
    let Some(suite) = suite else { return chosen_tasks(ids) };
    if suite.is_advisory() {
        console.say(ADVISORY);
    }
    let benchmark = Arc::new(read_benchmark(suite)?);
    let truths = Truths::in_folder(store.expected_dir());
    let work = |sandbox: Sandbox| {
        let (benchmark, told) = (Arc::clone(&benchmark), console.clone());
        let on_run = Arc::new(move |name: &str| told.working_out(name));
        async move { Ok(truths.of(&sandbox, &benchmark, processors(), on_run).await?) }
    };
    let truths = with_sandbox(options, console, work).await?;
    chosen(benchmark::tasks(&benchmark, truths), ids)
}

/// The tasks of a round that was run before, without running anything.
pub fn stored_tasks(
    suite: Option<&SuiteFile>,
    store: &Store,
    round: &RoundFile,
) -> Result<Vec<Task>, Failure> {
    let ids: Vec<_> = round.tasks.iter().map(ToString::to_string).collect();
    let Some(suite) = suite else { return chosen_tasks(&ids) };
    let benchmark = read_benchmark(suite)?;
    let truths = Truths::in_folder(store.expected_dir());
    let known = |index| {
        truths.look_up(&benchmark, index, &round.image).ok_or_else(|| {
            Failure::Input(format!(
                "the expected values of {} are not in {}; run 'harness evaluate' with the same suite first",
                benchmark.entries[index].name,
                store.root().display()
            ))
        })
    };
    let truths = (0..benchmark.entries.len()).map(known).collect::<Result<_, _>>()?;
    chosen(benchmark::tasks(&benchmark, truths), &ids)
}

/// Reads a benchmark's file.
pub fn read_benchmark(suite: &SuiteFile) -> Result<Benchmark, Failure> {
    let benchmark = Benchmark::read(suite).map_err(|error| Failure::Input(error.to_string()))?;
    Ok(benchmark)
}

/// One worker for each processor: starting a container is work for the processor, so more only wait.
pub fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Prints a document or a text on stdout.
pub fn print(text: &str) -> Result<(), Failure> {
    match anstream::stdout().write_all(text.as_bytes()) {
        Ok(()) => Ok(()),
        // Whoever was reading has read enough.
        Err(cause) if cause.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        Err(cause) => {
            Err(Fault::File { action: "write to", path: "standard output".into(), cause }.into())
        }
    }
}

/// Prints one JSON document on stdout.
pub fn print_json(document: &impl serde::Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(document).expect("documents are plain data");
    print(&format!("{text}\n"))
}
