//! `miner`: parse, run one command, and turn what it came to into an exit status.

mod cli;
mod commands;
mod console;

use std::process::ExitCode;

use clap::Parser as _;

use cli::{Cli, Command};

#[tokio::main]
async fn main() -> ExitCode {
    let command = Cli::parse().command;
    if let Err(error) = commands::listen_for_interrupts() {
        console::complain(&format!("cannot listen for Ctrl-C: {error}"));
        return ExitCode::FAILURE;
    }
    let ran = match command {
        Command::Mine(args) => commands::mine::run(*args).await,
        Command::Try(args) => commands::tryout::run(args).await,
        Command::Upload(args) => commands::upload::run(args).await,
        Command::Status(args) => commands::status::run(args).await,
        Command::Init(args) => commands::init::run(&args),
    };
    match ran {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            console::complain(&failure.sentence());
            ExitCode::from(failure.status())
        }
    }
}
