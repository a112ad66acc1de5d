//! `arena init`: writes a commented agent.py to start from.

use std::path::PathBuf;

use clap::Args;
use miner::submit::agent_file::write_starter;

use crate::console::print_line;
use crate::exit::{CommandError, Result};

/// Arguments of `init`.
#[derive(Args)]
pub struct InitArgs {
    /// File to write; an existing one is never overwritten
    #[arg(default_value = "agent.py", value_name = "FILE")]
    file: PathBuf,
}

/// Writes the agent and prints the next steps.
pub fn run(args: &InitArgs) -> Result {
    write_starter(&args.file).map_err(CommandError::input)?;
    let shown = args.file.display();
    print_line(&format!(
        "{shown} is ready: edit it, then 'arena check {shown}', then 'arena upload {shown} --miner ID'"
    ));
    Ok(())
}
