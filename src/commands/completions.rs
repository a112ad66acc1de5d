//! `arena completions`: prints a completion script for a shell.

use clap::Args;
use clap_complete::Shell;

use crate::console::print;
use crate::exit::Result;

/// Arguments of `completions`.
#[derive(Args)]
pub struct CompletionsArgs {
    /// Shell to complete for
    #[arg(value_enum, value_name = "SHELL")]
    shell: Shell,
}

/// Prints the script for the command line `cli`.
pub fn run(args: &CompletionsArgs, mut cli: clap::Command) -> Result {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut cli, "arena", &mut script);
    print(&String::from_utf8(script).expect("completion scripts are text"))
}
