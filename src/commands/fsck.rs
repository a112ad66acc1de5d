//! `arena fsck`: checks every file of the store, and repairs what is safe to repair.

use std::fmt::Write as _;

use clap::Args;
use platform::store::Repair;

use crate::args::{OutputArgs, StoreArgs};
use crate::console::{print, print_json};
use crate::exit::{CommandError, Result};

/// Arguments of `fsck`.
#[derive(Args)]
pub struct FsckArgs {
    #[command(flatten)]
    store: StoreArgs,
    /// Repair what can be repaired without losing or disclosing anything
    #[arg(long)]
    repair: bool,
    #[command(flatten)]
    output: OutputArgs,
}

/// Prints every issue; the status is 1 if one is left.
pub fn run(args: &FsckArgs) -> Result {
    let store = args.store.open_existing()?;
    let issues = if args.repair { store.fsck_and_repair()? } else { store.fsck()? };
    if args.output.json {
        print_json(&issues)?;
    } else {
        let mut text = String::new();
        for issue in &issues {
            let _ = writeln!(text, "{issue}");
        }
        if issues.is_empty() {
            let _ = writeln!(text, "{} is in order", store.root().display());
        }
        print(&text)?;
    }
    match issues.iter().filter(|issue| !matches!(issue.repair, Repair::Done(_))).count() {
        0 => Ok(()),
        1 => Err(CommandError::Fault("1 file is not in order".to_owned())),
        left => Err(CommandError::Fault(format!("{left} files are not in order"))),
    }
}
