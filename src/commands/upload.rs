//! `arena upload`: sends a file to the platform, with the token of the miner id if it is known here.

use std::path::PathBuf;

use clap::Args;
use miner::submit::agent_file::read_agent;
use miner::submit::receipt::keep;
use miner::submit::token::TokenFile;
use miner::submit::upload::{AgentUpload, PublicReceipt};
use platform::MinerId;
use platform::api::Receipt;
use serde_json::json;

use crate::args::{MinerIdArgs, OutputArgs, PlatformArgs, ProfileArgs};
use crate::console::{print_json, print_line};
use crate::exit::{CommandError, Result};
use crate::interrupt::finish_despite_signal;

/// Arguments of `upload`.
#[derive(Args)]
pub struct UploadArgs {
    /// The agent
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    miner: MinerIdArgs,
    #[command(flatten)]
    profile: ProfileArgs,
    #[command(flatten)]
    platform: PlatformArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// Checks the file's form and uploads it.
pub async fn run(args: UploadArgs) -> Result {
    let source = read_agent(&args.file).map_err(CommandError::input)?;
    let receipt =
        upload(&args.platform, MinedFile { miner: &args.miner.id, source, profile: &args.profile })
            .await?;
    if args.output.json {
        print_json(&json!({ "upload": PublicReceipt::from(&receipt) }))?;
    }
    Ok(())
}

/// An agent to upload, and what its miner says about itself.
pub struct MinedFile<'a> {
    /// Who uploads it
    pub miner: &'a MinerId,
    /// Its source
    pub source: String,
    /// The miner's profile
    pub profile: &'a ProfileArgs,
}

/// Uploads an agent, prints its version, and keeps a signed receipt. A new token is on the disk when this returns. The first Ctrl-C
/// does not stop it: the platform may have the agent already, and reports its token only once.
pub async fn upload(platform: &PlatformArgs, file: MinedFile<'_>) -> Result<Receipt> {
    let MinedFile { miner, source, profile } = file;
    let profile = &profile.edits();
    let tokens = TokenFile::at(platform.token_file.clone())?;
    let sent = source.clone();
    let upload = AgentUpload { platform: &platform.url, miner, source, tokens: &tokens, profile };
    let receipt = finish_despite_signal("the upload", upload.send()).await??;
    let Receipt { miner_id, version, sha256, unchanged, .. } = &receipt;
    let how = if *unchanged { "is already stored as" } else { "uploaded as" };
    print_line(&format!("{miner_id} {how} version {version}, sha256 {}", sha256.short()));
    match keep(&tokens, &platform.url, &receipt, &sent) {
        Ok(Some(path)) => print_line(&format!("receipt: {}", path.display())),
        Ok(None) => {}
        // The agent is stored; uploading it again gives another receipt.
        Err(error) => print_line(&format!("warning: {error}")),
    }
    Ok(receipt)
}
