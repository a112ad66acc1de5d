//! `arena merge`: takes over the results of other stores, such as the parts of a split round.

use std::path::PathBuf;

use clap::Args;
use harness::round::cache::merge;

use crate::args::StoreArgs;
use crate::console::print_line;
use crate::exit::{CommandError, Result};

/// Arguments of `merge`.
#[derive(Args)]
pub struct MergeArgs {
    /// Stores to take results from
    #[arg(value_name = "DIR", required = true)]
    parts: Vec<PathBuf>,
    #[command(flatten)]
    store: StoreArgs,
}

/// Merges each store; the status is 1 if a result was refused.
pub fn run(args: &MergeArgs) -> Result {
    let store = args.store.open_or_create()?;
    let mut refused = Vec::new();
    for part in &args.parts {
        let mut merged = merge(&store, part)?;
        let (taken, known) = (merged.taken, merged.known);
        print_line(&format!("{}: {taken} results taken, {known} known", part.display()));
        refused.append(&mut merged.refused);
    }
    for reason in &refused {
        print_line(&format!("refused: {reason}"));
    }
    if refused.is_empty() { Ok(()) } else { Err(CommandError::Reported) }
}
