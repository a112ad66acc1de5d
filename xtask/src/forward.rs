//! Forwarding: the arena's binaries do the work, and their exit status is ours.

use std::process::{ExitCode, ExitStatus};

use xshell::{Shell, cmd};

use crate::children;

/// What is handed on as it is.
#[derive(clap::Args)]
pub struct Arguments {
    /// Arguments of the command; --help shows them
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGUMENTS")]
    rest: Vec<String>,
}

/// Builds a binary and runs one of its commands.
pub fn run(sh: &Shell, binary: &str, command: &str, args: &Arguments) -> anyhow::Result<ExitCode> {
    let rest = &args.rest;
    let run = cmd!(sh, "cargo run --quiet --package {binary} -- {command} {rest...}").quiet();
    Ok(code(children::run(run)?))
}

/// The exit status of a child as ours.
pub fn code(status: ExitStatus) -> ExitCode {
    // A child that a signal ended has no status; 130 is what shells say then.
    ExitCode::from(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(130))
}
