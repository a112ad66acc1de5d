//! A round over a NATS server: what the queue adds to a trial, how fast it hands out batches, and what its coordinator
//! remembers.

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use rustix::process::{Pid, Signal, kill_process};

use crate::program::{self, MeasuredProgram};
use crate::repeated_round::RepeatedRound;
use crate::report::{BenchReport, progress};
use crate::row::{BenchRow, RowFigures, RowSubject, RowTarget, number};
use crate::setup::BenchSetup;
use crate::tools;

/// Workers of one job each, and jobs of the local round.
const WORKERS: usize = 2;
/// Batches of the row without containers.
const BATCHES: u32 = 100_000;
/// Agents of the round with made-up records, on all built-in tasks.
const AGENTS: u32 = 10_000;

/// Measures the rows.
pub fn measure(setup: &BenchSetup, agents: u32, report: &mut BenchReport) -> anyhow::Result<()> {
    tools::check(&[("nats-server", "nats-server"), ("docker", "docker.io")])?;
    let setup =
        &BenchSetup { jobs: WORKERS, arena: setup.arena.clone(), dir: setup.dir.clone(), ..*setup };
    add_overhead(setup, agents, report)?;
    add_load(setup, report)
}

/// The same round on this machine and over a server, in turns.
fn add_overhead(setup: &BenchSetup, agents: u32, report: &mut BenchReport) -> anyhow::Result<()> {
    let round = RepeatedRound::prepare(setup, agents)?;
    let server = MeasuredNats::secured(setup)?;
    let _workers = (1..=WORKERS).map(|n| server.worker(setup, n)).collect::<Result<Vec<_>, _>>()?;
    let key = server.file("coordinator.nk");
    let over = ["--nats", &server.url, "--nats-creds", &key];
    let (mut queue, mut local) = (RoundTimes::default(), RoundTimes::default());
    for run in 1..=setup.runs {
        progress(&format!(
            "{agents} agents over a server and without: run {run} of {}",
            setup.runs
        ));
        local.measure(&round, &[])?;
        queue.measure(&round, &over)?;
    }
    let what = format!("{agents} agents x {} tasks", round.tasks.len());
    let subject = RowSubject {
        what: format!(
            "a trial of {what} over NATS with {WORKERS} workers of one job, from the first quarter on"
        ),
        against: format!("'arena evaluate --jobs {WORKERS}' on the same machine"),
        unit: "ms",
    };
    let figures = RowFigures { ours: queue.trial_ms, theirs: local.trial_ms };
    report.add(BenchRow::ratio(subject, figures, RowTarget::at_most(1.05)))?;
    for (how, seconds) in [
        ("over NATS, workers' controls included", queue.seconds),
        ("on one machine", local.seconds),
    ] {
        let whole = format!("the whole command for {what} {how}");
        report.add(BenchRow::without_target(whole, "s", seconds))?;
    }
    Ok(())
}

/// What the runs of a round took.
#[derive(Default)]
struct RoundTimes {
    seconds: Vec<f64>,
    trial_ms: Vec<f64>,
}

impl RoundTimes {
    /// Runs the round. A trial's time is that between two records, from the first quarter of the records to the last one:
    /// before that, workers look for a round and prove its tasks, which a round of hours does once.
    fn measure(&mut self, round: &RepeatedRound<'_>, more: &[&str]) -> anyhow::Result<()> {
        self.seconds.push(round.evaluate(more)?);
        let written = round.written()?;
        let first = written.len() / 4;
        let last = written.len() - 1;
        let between = written[last].duration_since(written[first])?;
        self.trial_ms.push(between.as_secs_f64() * 1e3 / number(last - first));
        Ok(())
    }
}

/// The rows without containers, from the example `load` of the crate `cluster`.
fn add_load(setup: &BenchSetup, report: &mut BenchReport) -> anyhow::Result<()> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = Command::new(cargo);
    build.args(["build", "--quiet", "--release", "--package", "cluster", "--example", "load"]);
    program::run(&mut build, "cargo build")?;
    let mut seconds = Vec::new();
    for run in 1..=setup.runs {
        progress(&format!("{BATCHES} batches: run {run} of {}", setup.runs));
        seconds.push(load(setup, "queue", BATCHES)?.seconds);
    }
    let what =
        format!("{BATCHES} batches published, and done by a worker that only acknowledges them");
    report.add(BenchRow::alone(what, "s", seconds, RowTarget::at_most(10.0)))?;
    progress(&format!("{AGENTS} agents whose records are made up, once"));
    let round = load(setup, "round", AGENTS)?;
    let megabytes = vec![number(round.peak_bytes / 1000) / 1e3];
    let what = format!("memory of the coordinator of {AGENTS} agents x 62 tasks, once");
    report.add(BenchRow::alone(what.clone(), "MB", megabytes, RowTarget::at_most(150.0)))?;
    let what = format!("{what}: its time");
    report.add(BenchRow::without_target(what, "s", vec![round.seconds]))
}

fn load(setup: &BenchSetup, mode: &str, count: u32) -> anyhow::Result<MeasuredProgram> {
    let server = MeasuredNats::open(setup)?;
    let mut command = Command::new("target/release/examples/load");
    // Its store is kept where everything else is measured too.
    command.args([mode, &server.url, &count.to_string()]).env("TMPDIR", &setup.dir);
    program::run(&mut command, "the example load")
}

/// A program that ends when its SIGTERM comes, at the latest when this is dropped.
struct RunningProgram(Child);

impl Drop for RunningProgram {
    fn drop(&mut self) {
        let _ = kill_process(Pid::from_child(&self.0), Signal::TERM);
        let _ = self.0.wait();
    }
}

/// A server with files of its own.
struct MeasuredNats {
    url: String,
    directory: tempfile::TempDir,
    process: RunningProgram,
}

impl MeasuredNats {
    /// A server without authorization.
    fn open(setup: &BenchSetup) -> anyhow::Result<Self> {
        let directory = tempfile::tempdir_in(&setup.dir)?;
        let mut command = Command::new("nats-server");
        command.arg("--jetstream").arg("--store_dir").arg(directory.path().join("data"));
        Self::start("nats://127.0.0.1", directory, command)
    }

    /// A server with TLS and keys, as `arena nats init` writes it.
    fn secured(setup: &BenchSetup) -> anyhow::Result<Self> {
        let directory = tempfile::tempdir_in(&setup.dir)?;
        let (files, data) = (directory.path().join("cluster"), directory.path().join("data"));
        let mut init = Command::new(&setup.arena);
        init.args(["nats", "init"]).arg(&files).args(["--workers", &WORKERS.to_string()]);
        program::run(init.arg("--data").arg(data), "arena nats init")?;
        let mut command = Command::new("nats-server");
        command.args(["--config", "localhost.conf"]).current_dir(files);
        Self::start("tls://localhost", directory, command)
    }

    fn start(
        host: &str,
        directory: tempfile::TempDir,
        mut command: Command,
    ) -> anyhow::Result<Self> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        command.args(["--addr", "127.0.0.1", "--port", &port.to_string()]);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let process = RunningProgram(command.spawn().context("cannot start nats-server")?);
        let mut server = Self { url: format!("{host}:{port}"), directory, process };
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            ensure!(server.process.0.try_wait()?.is_none(), "nats-server ended");
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(server)
    }

    /// The path of one of the files of `arena nats init`.
    fn file(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    fn path(&self, name: &str) -> PathBuf {
        let directory: &Path = self.directory.path();
        directory.join("cluster").join(name)
    }

    fn worker(&self, setup: &BenchSetup, number: usize) -> anyhow::Result<RunningProgram> {
        let mut command = Command::new(&setup.arena);
        command.args(["work", "--nats", &self.url, "--jobs", "1", "--nats-creds"]);
        command.arg(self.path(&format!("worker-{number}.nk")));
        command.arg("--cache").arg(self.directory.path().join(format!("cache-{number}")));
        command.stdout(Stdio::null()).stderr(Stdio::null());
        Ok(RunningProgram(command.spawn().context("cannot start arena work")?))
    }
}
