//! `arena man`: writes manual pages.

use std::path::PathBuf;

use clap::Args;

use crate::console::print_line;
use crate::exit::{CommandError, Result};

/// Arguments of `man`.
#[derive(Args)]
pub struct ManArgs {
    /// Directory to write arena.1 and a page for each command into
    #[arg(value_name = "DIR")]
    directory: PathBuf,
}

/// Writes a page for the command line `cli`, and one for each of its commands.
pub fn run(args: &ManArgs, cli: clap::Command) -> Result {
    let directory = &args.directory;
    std::fs::create_dir_all(directory)
        .and_then(|()| clap_mangen::generate_to(cli, directory))
        .map_err(|error| {
            let shown = directory.display();
            CommandError::Input(format!(
                "cannot write manual pages to {shown}: {error}; name another directory"
            ))
        })?;
    print_line(&format!("manual pages: {}", directory.display()));
    Ok(())
}
