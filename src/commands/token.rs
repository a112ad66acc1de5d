//! `arena token`: replaces the upload token of a miner who lost it.

use std::io::{self, Write as _};

use clap::Args;
use platform::MinerId;

use crate::args::StoreArgs;
use crate::exit::{CommandError, Result};

/// Arguments of `token`.
#[derive(Args)]
pub struct TokenArgs {
    #[command(flatten)]
    store: StoreArgs,
    /// Miner whose token to replace
    #[arg(value_name = "MINER_ID")]
    miner_id: MinerId,
}

/// Voids the old token and prints the new one.
pub fn run(args: &TokenArgs) -> Result {
    let token = args.store.open_existing()?.reset_token(&args.miner_id)?;
    // Unlike a list, a token that was not read is lost, so a closed pipe is an error here.
    let mut stdout = io::stdout();
    writeln!(stdout, "{token}").and_then(|()| stdout.flush()).map_err(|error| {
        CommandError::Fault(format!(
            "the old token of {} is void and the new one could not be printed ({error}); run the command again \
             for another",
            args.miner_id
        ))
    })
}
