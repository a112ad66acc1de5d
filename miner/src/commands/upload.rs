//! `miner upload FILE`: sends a file to the platform, with the token of its id if that is known here.

use miner::token::TokenFile;
use miner::work::WorkFolder;
use platform::MinerId;
use platform::api::Receipt;
use platform::client::{Client, ClientError};
use platform::store::write_atomically;

use super::{Failure, despite_interrupt, read_agent};
use crate::cli::{PlatformArgs, Upload};
use crate::console;

/// Looks at the file, uploads it, and keeps the token.
pub async fn run(args: Upload) -> Result<(), Failure> {
    let source = read_agent(&args.file)?;
    let folder = WorkFolder::open(args.work.as_deref(), &args.miner).map_err(Failure::Input)?;
    let receipt = upload(&args.platform, &args.miner, source.clone()).await?;
    write_atomically(&folder.agent(), source.as_bytes())?;
    console::uploaded(&receipt);
    if args.json {
        console::document(&serde_json::json!({ "upload": shown(&receipt) }))?;
    }
    Ok(())
}

/// Uploads an agent. A token that comes back is on the disk when this returns. The first Ctrl-C does not end
/// this: the platform may have the agent already, and tells the token once.
pub async fn upload(
    platform: &PlatformArgs,
    miner: &MinerId,
    source: String,
) -> Result<Receipt, Failure> {
    let tokens = TokenFile::at(platform.token_file.clone())?;
    let client = Client::new(&platform.platform)?;
    let token = tokens.get(&platform.platform, miner)?;
    let sending = client.upload(miner, source, token.as_deref());
    let receipt = despite_interrupt(sending, "the upload").await;
    let receipt = receipt.map_err(|error| explained(error, miner, &tokens))?;
    if let Some(token) = &receipt.token {
        tokens.put(&platform.platform, miner, token)?;
    }
    Ok(receipt)
}

/// What of a receipt may be printed: all but the token.
pub fn shown(receipt: &Receipt) -> serde_json::Value {
    let Receipt { miner_id, version, sha256, .. } = receipt;
    serde_json::json!({ "miner_id": miner_id, "version": version, "sha256": sha256 })
}

fn explained(error: ClientError, miner: &MinerId, tokens: &TokenFile) -> Failure {
    match error.status().map(|status| status.as_u16()) {
        Some(401 | 403) => Failure::Input(format!(
            "the id '{miner}' is taken, and {} holds no token that owns it ({error}); take another id \
             with --miner, or name the right file with --token-file",
            tokens.path().display()
        )),
        _ => error.into(),
    }
}
