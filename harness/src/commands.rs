//! The commands, one file each, and what they have in common.

pub mod bench;
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

use ::tasks::Task;
use harness::Fault;
use harness::console::Console;
use harness::sandbox::Sandbox;
use harness::session::{self, Options};
use platform::store::StoreError;

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
    options: &Options,
    console: &Console,
    work: impl FnOnce(Sandbox) -> W,
) -> Result<T, Failure>
where
    W: Future<Output = Result<T, Failure>>,
{
    let on_event = |event| console.image_event(event);
    let opening = session::open(options, &on_event);
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
    let mut tasks = ::tasks::all();
    if let Some(unknown) = ids.iter().find(|id| !tasks.iter().any(|task| task.id.as_str() == **id))
    {
        return Err(Failure::Input(format!(
            "there is no task '{}'; 'harness tasks' lists those there are",
            unknown.escape_debug()
        )));
    }
    tasks.retain(|task| ids.is_empty() || ids.iter().any(|id| id == task.id.as_str()));
    Ok(tasks)
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
