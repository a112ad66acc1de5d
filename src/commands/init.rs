//! `arena init`: writes a commented agent.py to start from.

use std::path::PathBuf;

use clap::Args;
use miner::submit::agent_file::{MODEL_STARTER_AGENT, STARTER_AGENT, write_starter};

use crate::console::print_line;
use crate::exit::{CommandError, Result};

/// Arguments of `init`.
#[derive(Args)]
pub struct InitArgs {
    /// File to write; an existing one is never overwritten
    #[arg(default_value = "agent.py", value_name = "FILE")]
    file: PathBuf,
    /// Write an agent that asks a language model while it runs (docs/models.md)
    #[arg(long)]
    model: bool,
}

/// Writes the agent and prints the next steps.
pub fn run(args: &InitArgs) -> Result {
    let agent = if args.model { MODEL_STARTER_AGENT } else { STARTER_AGENT };
    write_starter(&args.file, agent).map_err(CommandError::input)?;
    let shown = args.file.display();
    let model = if args.model { " --model PROVIDER:NAME" } else { "" };
    print_line(&format!(
        "{shown} is ready: edit it, then 'arena check {shown}{model}', then 'arena upload {shown} --miner ID'"
    ));
    Ok(())
}
