//! `arena`: parses the command line, runs one command, and turns its end into an exit status.

mod agent_source;
mod args;
mod cli;
mod commands;
mod config;
mod console;
mod exit;
mod interrupt;
mod model;
mod nats;
mod output;
mod ranking;
mod sandbox;
mod task_source;

use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _};

use crate::cli::Cli;

#[tokio::main]
async fn main() -> ExitCode {
    let ended = match config::matches(&Cli::command()) {
        Ok(matches) => match Cli::from_arg_matches(&matches) {
            Ok(cli) => cli.command.run().await,
            Err(error) => error.exit(),
        },
        Err(error) => Err(error),
    };
    let Err(error) = ended else { return ExitCode::SUCCESS };
    if let Some(message) = error.message() {
        console::print_error(&message);
    }
    ExitCode::from(error.status())
}
