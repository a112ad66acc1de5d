//! Whole programs, measured from outside.

use std::process::Stdio;
use std::time::{Duration, Instant};

use tokio::process::Command;

use super::{Better, Report, Row, peer};
use crate::commands::Failure;

/// What a program took.
pub struct Took {
    /// Wall-clock time in seconds
    pub seconds: f64,
    /// What it printed on stdout
    pub stdout: String,
    /// Largest resident size in bytes, as far as it was seen
    pub peak_bytes: u64,
}

/// How often the size of a program is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// Runs a program to its end, which must be a good one.
pub async fn run(mut command: Command, what: &str) -> Result<Took, Failure> {
    let started = Instant::now();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|cause| peer(what, cause))?;
    let status_file = child.id().map(|id| format!("/proc/{id}/status"));
    let errors = tokio::spawn(read(child.stderr.take().expect("stderr is piped")));
    let output = tokio::spawn(read(child.stdout.take().expect("stdout is piped")));
    let mut peak_bytes = 0;
    let status = loop {
        tokio::select! {
            status = child.wait() => break status.map_err(|cause| peer(what, cause))?,
            () = tokio::time::sleep(LOOK) => {}
        }
        let text = status_file.as_deref().and_then(|path| std::fs::read_to_string(path).ok());
        let line = text.as_deref().and_then(|t| t.lines().find_map(|l| l.strip_prefix("VmHWM:")));
        let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
        peak_bytes = peak_bytes.max(kib.unwrap_or(0) << 10);
    };
    let seconds = started.elapsed().as_secs_f64();
    let (stdout, errors) = (output.await.unwrap_or_default(), errors.await.unwrap_or_default());
    if status.success() {
        return Ok(Took { seconds, stdout, peak_bytes });
    }
    let last = errors.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
    Err(peer(what, format!("it ended with {status}: {last}")))
}

async fn read(mut pipe: impl tokio::io::AsyncRead + Unpin) -> String {
    let mut bytes = Vec::new();
    let _ = tokio::io::AsyncReadExt::read_to_end(&mut pipe, &mut bytes).await;
    String::from_utf8_lossy(&bytes).into_owned()
}

/// `cargo xtask demo`, built before.
pub async fn demo(runs: u32, report: &mut Report<'_>) -> Result<(), Failure> {
    let mut seconds = Vec::new();
    // The first run builds, and is not counted.
    for run in 0..=runs {
        report.say(&format!("cargo xtask demo: run {run} of {runs}"));
        let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.args(["xtask", "demo"]);
        let took = self::run(command, "the demo").await?;
        if run > 0 {
            seconds.push(took.seconds);
        }
    }
    let reach = (Better::Lower, "15 s or less", 15.0);
    report.add(Row::alone("'cargo xtask demo' after the build".to_owned(), "s", seconds, reach))
}
