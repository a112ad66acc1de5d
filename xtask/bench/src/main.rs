//! `cargo xtask bench`: measures the arena against its peers.
//!
//! Every row is measured in one run, taking turns with its peer, and reported as a ratio of medians: machines
//! drift, and a ratio drifts less than a time. The arena is measured from outside, as the release build of
//! its binary, so nothing in the arena itself knows about peers. Only what the gateway alone adds to a call is measured
//! with its library, because no command serves it without a container.

mod agents;
mod cluster;
mod demo;
mod docker_run;
mod evalplus;
mod gateway;
mod gauntlet;
mod http_request;
mod large_round;
mod mining;
mod platform;
mod program;
mod repeated_round;
mod report;
mod row;
mod setup;
mod similarity;
mod tools;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};

use report::BenchReport;
use setup::BenchSetup;

/// The command line.
#[derive(Parser)]
#[command(
    about = "Measure the arena against 'docker run', EvalPlus and a FastAPI server",
    long_about = None,
    name = "cargo xtask bench",
    bin_name = "cargo xtask bench",
    after_help = "Examples:\n  cargo xtask bench --benchmark evalplus:HumanEvalPlus.jsonl.gz\n  \
        cargo xtask bench platform --runs 5 --output rows.json\n\n\
        Exit status: 0 measured, whether or not every target is reached; 1 a fault; 2 bad usage."
)]
struct BenchArgs {
    /// Groups of rows to measure [default: all; evalplus only with --benchmark]
    groups: Vec<RowGroup>,
    /// Data for the rows against EvalPlus: HumanEval+ as 'evalplus:FILE'
    #[arg(long, value_name = "BENCHMARK", value_parser = benchmark_path)]
    benchmark: Option<PathBuf>,
    /// Runs of each row; the median is reported
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=1000))]
    runs: u32,
    /// Agents in the round that is measured against 'docker run'
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
    agents: u32,
    /// Agents in the large round of which one changes
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..))]
    large_agents: u32,
    /// Agents among which near copies are searched
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(100..=50_000))]
    similar_agents: u32,
    /// Agents in the round that two workers share
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(10..=1000))]
    cluster_agents: u32,
    /// Containers that run at the same time [default: one per processor]
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1024))]
    jobs: Option<u16>,
    /// Also write the rows to this file, as a JSON array
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Print the rows as one JSON document instead of a table
    #[arg(long)]
    json: bool,
    /// The `arena` binary to measure
    #[arg(long, hide = true, default_value = "target/release/arena")]
    arena: PathBuf,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum RowGroup {
    /// HTTP rows: GET /tasks, uploads, many agents, slow connections
    Platform,
    /// A round of agents and tasks against 'docker run --rm' for each trial
    DockerRun,
    /// HumanEval+ against `evalplus.evaluate` and against the bare calls
    Evalplus,
    /// A large round of which one agent changed
    LargeRound,
    /// A round over a NATS server: time per trial, batches, memory of the coordinator
    Cluster,
    /// Near copies among many agents
    Similarity,
    /// A mining run with several jobs against one
    Mining,
    /// Agents that ask a model: added time, events, overspending, failures, memory
    Gateway,
    /// CPU time of an honest agent that shares the machine with hostile ones
    Gauntlet,
    /// 'cargo xtask demo' after the build
    Demo,
}

fn main() -> ExitCode {
    match run(&BenchArgs::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: &BenchArgs) -> anyhow::Result<()> {
    let jobs = cli.jobs.map_or_else(processors, usize::from);
    let dir = tools::directory()?;
    let setup = BenchSetup { arena: std::path::absolute(&cli.arena)?, dir, jobs, runs: cli.runs };
    let mut report = BenchReport::new(cli.output.clone());
    let selected = |group| match group {
        _ if !cli.groups.is_empty() => cli.groups.contains(&group),
        RowGroup::Evalplus => cli.benchmark.is_some(),
        _ => true,
    };
    for group in RowGroup::value_variants().iter().filter(|group| selected(**group)) {
        match group {
            RowGroup::Platform => platform::measure(&setup, &mut report)?,
            RowGroup::DockerRun => docker_run::measure(&setup, cli.agents, &mut report)?,
            RowGroup::Evalplus => {
                let data = cli.benchmark.as_deref().ok_or_else(|| {
                    anyhow::anyhow!("the evalplus rows need their data: --benchmark evalplus:FILE")
                })?;
                evalplus::measure(&setup, data, &mut report)?;
            }
            RowGroup::LargeRound => large_round::measure(&setup, cli.large_agents, &mut report)?,
            RowGroup::Cluster => cluster::measure(&setup, cli.cluster_agents, &mut report)?,
            RowGroup::Similarity => {
                similarity::measure(&setup, cli.similar_agents, &mut report)?;
            }
            RowGroup::Mining => mining::measure(&setup, &mut report)?,
            RowGroup::Gateway => gateway::measure(&setup, &mut report)?,
            RowGroup::Gauntlet => gauntlet::measure(&setup, &mut report)?,
            RowGroup::Demo => demo::measure(&setup, &mut report)?,
        }
    }
    report.print(cli.json)
}

/// Accepts `evalplus:FILE`, the way the arena's own commands take it, and returns the absolute path.
fn benchmark_path(text: &str) -> Result<PathBuf, String> {
    let path = text
        .strip_prefix("evalplus:")
        .ok_or_else(|| format!("expected evalplus:FILE, got '{text}'"))?;
    std::path::absolute(path).map_err(|error| format!("{path}: {error}"))
}

fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
