//! `cargo xtask`: drives the arena from its source tree.
//!
//! It is thin on purpose: it parses, builds what is needed, and hands over to the binaries, which do the
//! same on a server that has no cargo. It depends on none of the arena's crates.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use xshell::Shell;
use xtask::error::BadInput;
use xtask::{bench, children, demo, forward, new_task, setup, test};

/// An open arena for agents that write code.
#[derive(Parser)]
#[command(
    name = "cargo xtask",
    bin_name = "cargo xtask",
    after_help = "Examples:\n  cargo xtask demo --setup      everything, from nothing, on a fresh machine\n  \
        cargo xtask check agent.py    what the validator would say of a file\n  \
        cargo xtask evaluate --help   each command has help of its own\n\n\
        Exit status: 0 done; 1 a fault, or an expectation that failed; 2 bad usage or bad input."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Everything end to end: a platform, three miners, a round in Docker, rankings and rewards
    Demo(setup::Consent),
    /// The project's own tests: formatting, lints, every test, and the controls on an empty store
    Test(setup::Consent),
    /// Serve the API and the page
    #[command(disable_help_flag = true)]
    Platform(forward::Arguments),
    /// Have an LLM write an agent, try it, upload it
    #[command(disable_help_flag = true)]
    Mine(forward::Arguments),
    /// Upload a file
    #[command(disable_help_flag = true)]
    Upload(forward::Arguments),
    /// Run a round over the store, print and write the rankings
    #[command(disable_help_flag = true)]
    Evaluate(forward::Arguments),
    /// Rank again from stored results
    #[command(disable_help_flag = true)]
    Rank(forward::Arguments),
    /// The scoring path on one local file: what the validator would say
    #[command(disable_help_flag = true)]
    Check(forward::Arguments),
    /// List the tasks
    #[command(disable_help_flag = true)]
    Tasks(forward::Arguments),
    /// Find the image that agents run in, or pull or build it
    #[command(disable_help_flag = true)]
    Image(forward::Arguments),
    /// Say what is wrong with this machine
    #[command(disable_help_flag = true)]
    Doctor(forward::Arguments),
    /// Remove what killed runs left behind
    #[command(disable_help_flag = true)]
    Clean(forward::Arguments),
    /// Write the skeleton of a new task
    NewTask(new_task::Arguments),
    /// Prove every task: its reference passes, its wrong variants do not
    #[command(disable_help_flag = true)]
    Gate(forward::Arguments),
    /// Recompute a report of 'evaluate --json'
    #[command(disable_help_flag = true)]
    Verify(forward::Arguments),
    /// Judge a model's samples on a public benchmark, and print pass@k
    #[command(disable_help_flag = true)]
    Samples(forward::Arguments),
    /// Say what the stored results take up, and remove those that no round finds again
    #[command(disable_help_flag = true)]
    Cache(forward::Arguments),
    /// Bring the parts of a round together that was split with 'evaluate --partition'
    #[command(disable_help_flag = true)]
    Merge(forward::Arguments),
    /// Measure every row of the performance table, as ratios side by side in one run
    Bench(bench::BenchArguments),
    /// Run the hostile suite: is the sandbox of this machine holding?
    #[command(disable_help_flag = true)]
    Gauntlet(forward::Arguments),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(cli.command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::from(if error.is::<BadInput>() { 2 } else { 1 })
        }
    }
}

fn run(command: Command) -> anyhow::Result<ExitCode> {
    let sh = Shell::new()?;
    sh.change_dir(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a workspace"));
    children::watch_signals()?;
    match command {
        Command::Demo(consent) => demo::run(&sh, &consent),
        Command::Test(consent) => test::run(&sh, &consent),
        Command::Platform(args) => forward::run(&sh, "platform", "serve", &args),
        Command::Mine(args) => forward::run(&sh, "miner", "mine", &args),
        Command::Upload(args) => forward::run(&sh, "miner", "upload", &args),
        Command::Evaluate(args) => forward::run(&sh, "harness", "evaluate", &args),
        Command::Rank(args) => forward::run(&sh, "harness", "rank", &args),
        Command::Check(args) => forward::run(&sh, "harness", "check", &args),
        Command::Tasks(args) => forward::run(&sh, "harness", "tasks", &args),
        Command::Image(args) => forward::run(&sh, "harness", "image", &args),
        Command::Doctor(args) => forward::run(&sh, "harness", "doctor", &args),
        Command::Clean(args) => forward::run(&sh, "harness", "clean", &args),
        Command::NewTask(args) => new_task::run(&sh, &args),
        Command::Gate(args) => forward::run(&sh, "harness", "gate", &args),
        Command::Verify(args) => forward::run(&sh, "harness", "verify", &args),
        Command::Samples(args) => forward::run(&sh, "harness", "samples", &args),
        Command::Cache(args) => forward::run(&sh, "harness", "cache", &args),
        Command::Merge(args) => forward::run(&sh, "harness", "merge", &args),
        Command::Bench(args) => bench::run(&sh, &args),
        Command::Gauntlet(args) => forward::run(&sh, "harness", "gauntlet", &args),
    }
}
