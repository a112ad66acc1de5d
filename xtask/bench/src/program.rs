//! Whole programs, measured from outside.

use std::io::Read;
use std::process::{Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

/// How often the memory of a running program is sampled.
const SAMPLE_EVERY: Duration = Duration::from_millis(20);

/// What a program took.
pub struct MeasuredProgram {
    /// Wall-clock time in seconds
    pub seconds: f64,
    /// What it printed on stdout
    pub stdout: String,
    /// Largest resident size in bytes that was sampled
    pub peak_bytes: u64,
}

/// Runs a program to its end. An exit status other than 0 is an error with its last line of stderr.
pub fn run(command: &mut Command, what: &str) -> anyhow::Result<MeasuredProgram> {
    let measured = run_to_any_end(command, what)?;
    match measured {
        (measured, None) => Ok(measured),
        (_, Some(failure)) => bail!("{what} {failure}"),
    }
}

/// Runs a program to its end, and also returns what it ended with if that was not 0.
pub fn run_to_any_end(
    command: &mut Command,
    what: &str,
) -> anyhow::Result<(MeasuredProgram, Option<String>)> {
    let started = Instant::now();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start {what}"))?;
    let status_file = format!("/proc/{}/status", child.id());
    let stdout = child.stdout.take().context("stdout is piped")?;
    let stderr = child.stderr.take().context("stderr is piped")?;
    let (ended, end) = channel();
    let (status, seconds, stdout, stderr, peak_bytes) = std::thread::scope(|scope| {
        let stdout = scope.spawn(move || read(stdout));
        let stderr = scope.spawn(move || read(stderr));
        let sampler = scope.spawn(move || {
            let mut peak_bytes = 0;
            while end.recv_timeout(SAMPLE_EVERY) == Err(RecvTimeoutError::Timeout) {
                peak_bytes = peak_bytes.max(peak_memory_bytes(&status_file));
            }
            peak_bytes
        });
        let status = child.wait();
        let seconds = started.elapsed().as_secs_f64();
        drop::<std::sync::mpsc::Sender<()>>(ended);
        let peak_bytes = sampler.join().unwrap_or_default();
        let (stdout, stderr) =
            (stdout.join().unwrap_or_default(), stderr.join().unwrap_or_default());
        (status, seconds, stdout, stderr, peak_bytes)
    });
    let status = status.with_context(|| format!("cannot wait for {what}"))?;
    let last = stderr.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let failure = (!status.success()).then(|| format!("ended with {status}: {last}"));
    Ok((MeasuredProgram { seconds, stdout, peak_bytes }, failure))
}

/// Largest resident size so far, from the `status` file of a process; 0 if it has ended.
pub fn peak_memory_bytes(status_file: &str) -> u64 {
    let text = std::fs::read_to_string(status_file).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kib.unwrap_or(0) << 10
}

fn read(mut pipe: impl Read) -> String {
    let mut bytes = Vec::new();
    let _ = pipe.read_to_end(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}
