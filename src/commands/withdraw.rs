//! `arena withdraw`: takes an agent out of the coming rounds.

use clap::Args;
use miner::submit::token::TokenFile;
use platform::client::Client;
use serde_json::json;

use crate::args::{MinerIdArgs, OutputArgs, PlatformArgs};
use crate::console::{print_json, print_line};
use crate::exit::{CommandError, Result};
use crate::interrupt::abort_on_signal;

/// Arguments of `withdraw`.
#[derive(Args)]
pub struct WithdrawArgs {
    #[command(flatten)]
    miner: MinerIdArgs,
    #[command(flatten)]
    platform: PlatformArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// Withdraws the agent with the token that the first upload returned.
pub async fn run(args: WithdrawArgs) -> Result {
    let (url, miner) = (&args.platform.url, &args.miner.id);
    let client = Client::new(url)?;
    let tokens = TokenFile::at(args.platform.token_file.clone())?;
    let token = tokens.get(url, miner)?.ok_or_else(|| {
        CommandError::Input(format!(
            "{} holds no token of '{miner}' on {url}: only its owner can withdraw it; name the right file with --token-file",
            tokens.path().display()
        ))
    })?;
    abort_on_signal(async { Ok(client.withdraw(miner, &token).await?) }).await?;
    print_line(&format!(
        "{miner} is withdrawn from the coming rounds; 'arena upload' with the same token brings it back"
    ));
    if args.output.json {
        print_json(&json!({ "withdrawn": miner }))?;
    }
    Ok(())
}
