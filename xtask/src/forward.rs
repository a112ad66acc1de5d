//! Passes words on to the `arena` binary, and its exit status back.

use std::ffi::OsString;
use std::process::{ExitCode, ExitStatus};

use xshell::{Shell, cmd};

use crate::children;
use crate::setup::{self, ARENA};

/// Builds `arena` and runs it with these words.
pub fn run(sh: &Shell, words: &[OsString]) -> anyhow::Result<ExitCode> {
    let built = children::run(setup::build(sh).arg("--quiet").quiet())?;
    if !built.success() {
        return Ok(code(built));
    }
    Ok(code(children::run(cmd!(sh, "{ARENA} {words...}").quiet())?))
}

/// Returns the exit status of a child as this process's own.
pub fn code(status: ExitStatus) -> ExitCode {
    // A child that a signal ended has no status; shells report 130 then.
    ExitCode::from(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(130))
}
