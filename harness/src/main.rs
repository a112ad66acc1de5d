//! `harness`: parse, run one command, and turn what it came to into an exit status.

mod cli;
mod commands;

use std::process::ExitCode;

use clap::Parser as _;

use cli::{Cli, Command};
use commands::Failure;

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    let ran = match cli.command {
        Command::Evaluate(args) => commands::evaluate::run(args).await,
        Command::Rank(args) => commands::rank::run(&args),
        Command::Verify { report } => commands::verify::run(&report),
        Command::Gate(args) => commands::gate::run(args).await,
        Command::Check(args) => commands::check::run(args).await,
        Command::Samples(args) => commands::samples::run(args).await,
        Command::Tasks { json } => commands::tasks::run(json),
        Command::Image { options, refresh } => commands::image::run(&options, refresh).await,
        Command::Doctor { store, options } => commands::doctor::run(&store, &options).await,
        Command::Cache(args) => commands::cache::run(&args),
        Command::Merge(args) => commands::cache::merge(&args),
        Command::Clean => commands::clean::run().await,
        Command::Bench(args) => commands::bench::run(args).await,
        Command::Gauntlet(args) => commands::gauntlet::run(args).await,
    };
    match ran {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if let Some(sentence) = failure.sentence() {
                let _ = std::io::Write::write_fmt(
                    &mut anstream::stderr(),
                    format_args!("harness: {sentence}\n"),
                );
            }
            ExitCode::from(match failure {
                Failure::Faults | Failure::Fault(_) => 1,
                Failure::Input(_) => 2,
                Failure::Interrupted => 130,
            })
        }
    }
}
