//! `arena`: parses the command line, runs one command, and turns its end into an exit status.

mod args;
mod cli;
mod commands;
mod console;
mod exit;
mod interrupt;
mod output;
mod ranking;
mod sandbox;
mod task_source;

use std::process::ExitCode;

use clap::Parser as _;

use crate::cli::Cli;

#[tokio::main]
async fn main() -> ExitCode {
    let Err(error) = Cli::parse().command.run().await else { return ExitCode::SUCCESS };
    if let Some(message) = error.message() {
        console::print_error(&message);
    }
    ExitCode::from(error.status())
}
