//! `cargo xtask`: what the source tree needs beyond the `arena` binary: a demo, the tests, benchmarks, and the
//! skeleton of a task.
//!
//! It parses, builds what is needed, and hands over. Every word that is not its own goes to `arena`. It
//! depends on none of the arena's crates.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use xshell::Shell;
use xtask::error::BadInput;
use xtask::{bench, children, demo, forward, new_task, setup, test};

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
struct XtaskArgs {
    #[command(subcommand)]
    command: XtaskCommand,
}

#[derive(Subcommand)]
enum XtaskCommand {
    /// Show everything end to end: a platform, four miners, a round in Docker, rankings and rewards
    Demo(setup::Consent),
    /// Run the project's tests: formatting, lints, every test, and the controls on an empty store
    Test(setup::Consent),
    /// Measure the performance against peers, as ratios in one run
    #[command(disable_help_flag = true)]
    Bench(bench::BenchArguments),
    /// Write the skeleton of a new task
    NewTask(new_task::Arguments),
    /// A command of `arena`
    #[command(external_subcommand)]
    Arena(Vec<OsString>),
}

fn main() -> ExitCode {
    let cli = XtaskArgs::parse();
    match run(cli.command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::from(if error.is::<BadInput>() { 2 } else { 1 })
        }
    }
}

fn run(command: XtaskCommand) -> anyhow::Result<ExitCode> {
    let sh = Shell::new()?;
    sh.change_dir(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a workspace"));
    children::watch_signals()?;
    match command {
        XtaskCommand::Demo(consent) => demo::run(&sh, &consent),
        XtaskCommand::Test(consent) => test::run(&sh, &consent),
        XtaskCommand::Bench(args) => bench::run(&sh, &args),
        XtaskCommand::NewTask(args) => new_task::run(&sh, &args),
        XtaskCommand::Arena(words) => forward::run(&sh, &words),
    }
}
