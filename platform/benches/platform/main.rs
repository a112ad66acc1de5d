//! The platform's figures, side by side in one run on one machine, as medians of runs taken in turns.
//!
//! `cargo bench -p platform` wants wrk and Python; it writes and starts the `FastAPI` twin itself. Where it
//! is the processor that counts, each server has the first core and what asks it the second.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use clap::{Parser, ValueEnum};
use platform::store::Store;
use platform::store::disk::Disk;

mod row;
mod server;
mod slow;
mod tools;

use row::{Better, Row};
use server::{Server, get};
use slow::SlowConnections;
use tools::wrk;

/// In the words of taskset.
const ONE_CORE: &str = "0";
const CLIENT_CORE: &str = "1";
const ALL_CORES: &str = "0-1";

/// How long each load lasts.
const LOAD: Duration = Duration::from_secs(5);

/// Measure the platform beside a `FastAPI` twin and beside the disk.
#[derive(Parser)]
#[command(
    bin_name = "cargo bench -p platform --",
    after_help = "Examples:\n  cargo bench -p platform\n  cargo bench -p platform -- --runs 5 --json /tmp/rows.json tasks\n\n\
        Exit status: 0 measured, whether or not every figure is reached; 1 a fault; 2 bad usage."
)]
struct Args {
    /// What to measure; everything unless said otherwise
    parts: Vec<Part>,
    /// How often
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..))]
    runs: u8,
    /// Write the rows there too, as a JSON array; a relative path starts at the package's folder
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// What cargo says when it benches, and leaves out when it tests
    #[arg(long, hide = true)]
    bench: bool,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Part {
    /// GET /tasks
    Tasks,
    /// Uploads that are on the disk
    Uploads,
    /// A store of 10,000 agents
    ManyAgents,
    /// 1,000 connections that never get to the point
    SlowConnections,
}

fn main() -> ExitCode {
    // `cargo test --benches` builds this and wants nothing measured; what it says is not for us to parse.
    if !std::env::args().any(|arg| arg == "--bench") {
        return ExitCode::SUCCESS;
    }
    match run(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> anyhow::Result<()> {
    tools::check(&[("wrk", "wrk"), ("python3", "python3"), ("taskset", "util-linux")])?;
    let wanted = |part| args.parts.is_empty() || args.parts.contains(&part);
    let mut rows = Vec::new();
    if wanted(Part::Tasks) {
        rows.extend(tasks(args.runs)?);
    }
    if wanted(Part::Uploads) {
        rows.extend(uploads(args.runs)?);
    }
    if wanted(Part::ManyAgents) {
        rows.extend(many_agents(args.runs)?);
    }
    if wanted(Part::SlowConnections) {
        rows.extend(slow_connections(args.runs)?);
    }
    row::print(&rows);
    if let Some(path) = &args.json {
        let json = serde_json::to_vec_pretty(&rows)?;
        fs::write(path, json).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

/// Keeps this thread off the core that is measured.
fn run_on(core: &str) -> anyhow::Result<()> {
    let mut cores = rustix::thread::CpuSet::new();
    cores.set(core.parse()?);
    Ok(rustix::thread::sched_setaffinity(None, &cores)?)
}

/// A folder for stores, where cargo builds: the system's own for temporary files may lie in memory, where
/// nothing has to be made durable.
fn folder() -> anyhow::Result<tempfile::TempDir> {
    Ok(tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?)
}

/// Says on stderr how far it is.
fn say(part: &str, run: u8) {
    eprintln!("bench: {part}, run {run}");
}

fn tasks(runs: u8) -> anyhow::Result<[Row; 2]> {
    let folder = folder()?;
    let platform = Server::platform(&folder.path().join("ours"), ONE_CORE)?;
    let tasks = get(&platform.url, "/tasks")?;
    let twin = Server::twin(&folder.path().join("theirs"), ONE_CORE, &tasks)?;
    let (mut ours, mut usual, mut ready_made) = (vec![], vec![], vec![]);
    for run in 1..=runs {
        say("GET /tasks", run);
        ours.push(wrk(&format!("{}/tasks", platform.url), &[], LOAD)?.requests_per_s);
        usual.push(wrk(&format!("{}/tasks", twin.url), &[], LOAD)?.requests_per_s);
        ready_made.push(wrk(&format!("{}/ready-made", twin.url), &[], LOAD)?.requests_per_s);
    }
    let what = "GET /tasks on one core";
    Ok([
        Row::ratio(
            (what, "the same endpoint in FastAPI on uvicorn, one worker", "requests/s"),
            (ours.clone(), usual),
            (Better::Higher, 10.0),
        ),
        Row::ratio(
            (what, "the same with a body that was made ahead", "requests/s"),
            (ours, ready_made),
            (Better::Higher, 1.0),
        ),
    ])
}

fn uploads(runs: u8) -> anyhow::Result<[Row; 2]> {
    let folder = folder()?;
    let script = folder.path().join("upload.lua");
    fs::write(&script, include_str!("upload.lua"))?;
    let script = script.to_str().context("temporary folders are UTF-8")?;
    let platform = Server::platform(&folder.path().join("ours"), ALL_CORES)?;
    let twin = Server::twin(&folder.path().join("theirs"), ALL_CORES, b"[]")?;
    let load = |server: &Server, run| {
        let url = format!("{}/upload/agent", server.url);
        Ok::<_, anyhow::Error>(wrk(&url, &[script, &format!("run{run}")], LOAD)?.requests_per_s)
    };
    let (mut ours, mut theirs, mut fsyncs) = (vec![], vec![], vec![]);
    for run in 1..=runs {
        say("uploads", run);
        // Before and after, for other work on the disk comes and goes.
        let before = single_fsyncs(folder.path())?;
        ours.push(load(&platform, run)?);
        fsyncs.push(before.midpoint(single_fsyncs(folder.path())?));
        theirs.push(load(&twin, run)?);
    }
    let what = "acknowledged (fsynced) uploads from 16 clients";
    Ok([
        Row::ratio(
            (what, "the disk's rate of single fsyncs", "uploads/s"),
            (ours.clone(), fsyncs),
            (Better::Higher, 1.0),
        ),
        Row::ratio(
            (what, "the same endpoint in FastAPI on uvicorn, one worker", "uploads/s"),
            (ours, theirs),
            (Better::Higher, 1.0),
        ),
    ])
}

/// How often the disk can make 4 KiB durable, one after the other.
fn single_fsyncs(folder: &Path) -> anyhow::Result<f64> {
    const TIME: Duration = Duration::from_millis(2_500);
    let mut file = File::create(folder.join("fsync"))?;
    let (start, mut count) = (Instant::now(), 0_u32);
    while start.elapsed() < TIME {
        file.write_all(&[0; 4096])?;
        file.sync_all()?;
        count += 1;
    }
    Ok(f64::from(count) / start.elapsed().as_secs_f64())
}

/// Makes a large store in a short time.
#[derive(Debug)]
struct NeverSyncs;

impl Disk for NeverSyncs {
    fn sync(&self, _: &File) -> std::io::Result<()> {
        Ok(())
    }

    fn sync_directory(&self, _: &Path) -> std::io::Result<()> {
        Ok(())
    }
}

fn many_agents(runs: u8) -> anyhow::Result<[Row; 3]> {
    const AGENTS: usize = 10_000;
    let folder = folder()?;
    let store = Store::open_on(folder.path(), Arc::new(NeverSyncs))?;
    for n in 0..AGENTS {
        store.put_agent(&format!("miner{n}").parse()?, format!("print({n})").as_bytes(), None)?;
    }
    let (mut starts, mut first, mut last) = (vec![], vec![], vec![]);
    for run in 1..=runs {
        say("10,000 agents", run);
        let server = Server::platform(folder.path(), ONE_CORE)?;
        starts.push(ms(server.started_in));
        first.push(p99_ms(&server.url, "/agents?limit=100")?);
        last.push(p99_ms(&server.url, "/agents?limit=100&after=miner9899")?);
    }
    let row = |what, ours, bound| Row::absolute(what, "ms", ours, (Better::Lower, bound));
    Ok([
        row("start with 10,000 stored agents", starts, 1000.0),
        row("GET /agents?limit=100 of 10,000, first page, 99th of 100", first, 50.0),
        row("GET /agents?limit=100 of 10,000, last page, 99th of 100", last, 50.0),
    ])
}

/// The time below which 99 of 100 answers came, on connections of their own. What a server has to do when
/// it starts is over by then.
fn p99_ms(url: &str, path: &str) -> anyhow::Result<f64> {
    for _ in 0..100 {
        get(url, path)?;
    }
    let mut times = Vec::new();
    for _ in 0..100 {
        let start = Instant::now();
        get(url, path)?;
        times.push(ms(start.elapsed()));
    }
    times.sort_by(f64::total_cmp);
    Ok(times[98])
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

fn slow_connections(runs: u8) -> anyhow::Result<[Row; 3]> {
    const CONNECTIONS: u32 = 1_000;
    let folder = folder()?;
    let (mut p99, mut p99_alone) = (vec![], vec![]);
    let (mut memory, mut memory_alone, mut memory_at_first) = (vec![], vec![], vec![]);
    for run in 1..=runs {
        say("slow connections", run);
        // A new server each time, for one that has seen a thousand connections keeps what they took.
        let server = Server::platform(folder.path(), ONE_CORE)?;
        let url = format!("{}/tasks", server.url);
        wrk(&url, &[], LOAD)?;
        p99_alone.push(wrk(&url, &[], LOAD)?.p99_ms);
        memory_alone.push(server.memory_mib()?);
        let slow = SlowConnections::open(&server.url, CONNECTIONS)?;
        // After two rounds of bytes it has met them all.
        wrk(&url, &[], Duration::from_secs(2))?;
        memory_at_first.push(server.memory_mib()?);
        p99.push(wrk(&url, &[], LOAD)?.p99_ms);
        memory.push(server.memory_mib()?);
        slow.close()?;
    }
    let more = memory.iter().zip(&memory_alone).map(|(with, without)| with - without);
    let kib_each = more.map(|mib| mib * 1024.0 / f64::from(CONNECTIONS)).collect();
    Ok([
        Row::ratio(
            ("99th percentile of GET /tasks beside 1,000 slow connections", "without them", "ms"),
            (p99, p99_alone),
            (Better::Lower, 1.25),
        ),
        Row::ratio(
            ("memory after seven seconds of 1,000 slow connections", "after two seconds", "MiB"),
            (memory, memory_at_first),
            (Better::Lower, 1.1),
        ),
        Row::absolute("memory of a slow connection", "KiB", kib_each, (Better::Lower, 32.0)),
    ])
}
