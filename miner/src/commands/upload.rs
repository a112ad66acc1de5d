//! `miner upload FILE`: sends a file to the platform, with the token of its id if that is known here.

use miner::submit::agent_file::read_agent;
use miner::submit::token::TokenFile;
use miner::submit::upload::{AgentUpload, PublicReceipt};
use miner::work_directory::WorkDirectory;
use platform::MinerId;
use platform::store::{Receipt, write_atomically};

use super::{Failure, despite_interrupt};
use crate::cli::{PlatformArgs, Upload};
use crate::console;

/// Validates the file, uploads it, and keeps the token.
pub async fn run(args: Upload) -> Result<(), Failure> {
    let source = read_agent(&args.file)?;
    let work = WorkDirectory::open(args.work.as_deref(), &args.miner)?;
    let receipt = upload(&args.platform, &args.miner, source.clone()).await?;
    write_atomically(&work.agent(), source.as_bytes())?;
    console::uploaded(&receipt);
    if args.json {
        console::document(&serde_json::json!({ "upload": PublicReceipt::from(&receipt) }))?;
    }
    Ok(())
}

/// Uploads an agent. The first Ctrl-C does not end this: the platform may have accepted the agent already, and sends
/// the token only once.
pub async fn upload(
    platform: &PlatformArgs,
    miner: &MinerId,
    source: String,
) -> Result<Receipt, Failure> {
    let tokens = TokenFile::at(platform.token_file.clone())?;
    let upload = AgentUpload { platform: &platform.platform, miner, source, tokens: &tokens };
    Ok(despite_interrupt(upload.send(), "the upload").await?)
}
