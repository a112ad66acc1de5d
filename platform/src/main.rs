//! The binary `platform`: serves the API, and lets an operator look after what is stored.

use std::process::ExitCode;

use clap::Parser as _;

mod cli;

use cli::{Cli, Command, Failure, serve, stored};
use platform::log::log_line;

#[tokio::main]
async fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Serve(args) => serve::run(args).await,
        Command::Agents(args) => stored::agents(&args),
        Command::Verify(args) => stored::verify(&args),
        Command::Token(args) => stored::token(&args),
    };
    let (error, status) = match done {
        Ok(()) => return ExitCode::SUCCESS,
        Err(Failure::Input(error)) => (error, 2),
        Err(Failure::Fault(error)) => (error, 1),
    };
    log_line(format_args!("platform: {error:#}"));
    ExitCode::from(status)
}
