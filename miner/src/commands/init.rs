//! `miner init`: a commented agent.py to start from.

use miner::submit::agent_file;

use super::Failure;
use crate::cli::Init;
use crate::console;

/// Writes the starter agent to a new file.
pub fn run(args: &Init) -> Result<(), Failure> {
    let shown = args.file.display();
    agent_file::write_starter(&args.file)?;
    console::say(&format!(
        "{shown} is ready: edit it, then 'miner try {shown}', then 'miner upload {shown} --miner ID'"
    ));
    Ok(())
}
