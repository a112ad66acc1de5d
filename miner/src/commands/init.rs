//! `miner init`: a commented agent.py to start from.

use std::fs::File;
use std::io::{ErrorKind, Write as _};

use super::Failure;
use crate::cli::Init;
use crate::console;

/// The agent that miners start from.
pub const STARTER: &str = include_str!("../starter/agent.py");

/// Writes it, and never over something that is there.
pub fn run(args: &Init) -> Result<(), Failure> {
    let shown = args.file.display();
    let written =
        File::create_new(&args.file).and_then(|mut file| file.write_all(STARTER.as_bytes()));
    written.map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => {
            Failure::Input(format!("{shown} is there already; name another file"))
        }
        _ => Failure::Input(format!("cannot write {shown}: {error}; name another file")),
    })?;
    console::say(&format!(
        "{shown} is ready: edit it, then 'miner try {shown}', then 'miner upload {shown} --miner ID'"
    ));
    Ok(())
}
