//! `cargo xtask`: what the source tree needs beyond the `arena` binary: a demo, the tests, benchmarks, and the
//! skeleton of a task.
//!
//! It parses, builds what is needed, and hands over. Every word that is not its own goes to `arena`. It
//! depends on none of the arena's crates.

mod bench;
mod children;
mod demo;
mod forward;
mod new_task;
mod setup;
mod test;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use xshell::Shell;

/// Build, demonstrate, test and run the arena from its source tree.
#[derive(Parser)]
#[command(
    name = "cargo xtask",
    bin_name = "cargo xtask",
    after_help = "Every other WORD runs `arena WORD`: mine, check, upload, status, init, evaluate, rank, verify, tasks, \
        serve, doctor and more; `cargo run -- --help` lists them.\n\n\
        Examples:\n  cargo xtask demo --setup      everything, from nothing, on a fresh machine\n  \
        cargo xtask check agent.py    run a file as a validator would\n  \
        cargo xtask mine --help       show the help of a command of `arena`\n\n\
        Exit status: 0 done; 1 a fault or a failed expectation; 2 unusable arguments or input; 130 interrupted."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Show everything end to end: a platform, three miners, a round in Docker, rankings and rewards
    Demo(setup::Consent),
    /// Run the project's tests: formatting, lints, every test, and the controls on an empty store
    Test(setup::Consent),
    /// Measure every row of the performance table, as ratios in one run
    Bench(bench::Arguments),
    /// Write the skeleton of a new task
    NewTask(new_task::Arguments),
    /// A command of `arena`
    #[command(external_subcommand)]
    Arena(Vec<OsString>),
}

/// Arguments or input that cannot be used.
#[derive(Debug)]
struct BadInput(String);

impl std::fmt::Display for BadInput {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for BadInput {}

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
        Command::Bench(args) => bench::run(&sh, &args),
        Command::NewTask(args) => new_task::run(&sh, &args),
        Command::Arena(words) => forward::run(&sh, &words),
    }
}
