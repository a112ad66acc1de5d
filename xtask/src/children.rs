//! Processes that xtask starts. None of them outlives it.
//!
//! On Ctrl-C a terminal signals the children too; `kill` signals xtask alone. In both cases xtask passes the
//! signal on, waits until its children have cleaned up, and only then ends.

use std::process::{Child, Command, ExitStatus};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context as _;
use rustix::process::{Pid, Signal, kill_process};

static RUNNING: Mutex<Vec<u32>> = Mutex::new(Vec::new());
static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// Passes SIGINT, SIGTERM and SIGHUP on to the children.
pub fn watch_signals() -> anyhow::Result<()> {
    ctrlc::set_handler(|| {
        INTERRUPTED.store(true, Ordering::SeqCst);
        for child in running().iter() {
            let pid = i32::try_from(*child).ok().and_then(Pid::from_raw);
            // A child that ended meanwhile cannot be signalled, and need not be.
            let _ = pid.map(|pid| kill_process(pid, Signal::TERM));
        }
    })
    .context("cannot install a signal handler")
}

/// Whether xtask received a signal to end.
pub fn interrupted() -> bool {
    INTERRUPTED.load(Ordering::SeqCst)
}

/// Runs a command to its end.
pub fn run(command: impl Into<Command>) -> anyhow::Result<ExitStatus> {
    let mut child = start(command)?;
    let status = child.child.wait().with_context(|| format!("cannot wait for {}", child.name));
    child.forget();
    status
}

/// Starts a command that runs alongside others. It is stopped when the value is dropped.
pub fn start(command: impl Into<Command>) -> anyhow::Result<RunningChild> {
    let mut command = command.into();
    let name = command.get_program().to_string_lossy().into_owned();
    let child = command.spawn().with_context(|| format!("cannot start {name}"))?;
    running().push(child.id());
    Ok(RunningChild { child, name })
}

/// A child that runs.
pub struct RunningChild {
    /// The process
    pub child: Child,
    name: String,
}

impl RunningChild {
    /// Closes the child's stdin and waits for its end.
    pub fn stop(mut self) -> anyhow::Result<ExitStatus> {
        drop(self.child.stdin.take());
        let status = self.child.wait().with_context(|| format!("cannot wait for {}", self.name));
        self.forget();
        status
    }

    fn forget(&self) {
        running().retain(|child| *child != self.child.id());
    }
}

impl Drop for RunningChild {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
        self.forget();
    }
}

fn running() -> std::sync::MutexGuard<'static, Vec<u32>> {
    RUNNING.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
