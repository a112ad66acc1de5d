//! The command line of the binary `platform`: what can be asked for, and how a command ends.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use platform::store::{MinerId, Store};

pub(crate) mod serve;
pub(crate) mod stored;

/// The arena's platform: takes agents, serves tasks and rankings.
#[derive(Parser)]
#[command(
    version,
    after_help = "Examples:\n  platform serve --addr 127.0.0.1:0 --store ./store\n  platform agents --json"
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Serve the HTTP API until Ctrl-C or SIGTERM
    Serve(Serve),
    /// List the stored agents
    Agents(Agents),
    /// Check every file of the store, and say what is wrong
    Verify(Verify),
    /// Give a miner a new token, who has lost the old one
    Token(Token),
}

#[derive(Args)]
pub(crate) struct Serve {
    /// Where to listen; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:8080")]
    pub(crate) addr: String,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
    /// A file with the token that a validator must bring
    #[arg(long, value_name = "FILE")]
    pub(crate) validator_token_file: Option<PathBuf>,
    /// Lift the quotas on uploads: for trusted networks alone
    #[arg(long)]
    pub(crate) no_quotas: bool,
    /// Take the client's address from X-Forwarded-For, which a proxy of yours must set
    #[arg(long)]
    pub(crate) behind_proxy: bool,
    /// Stop when stdin ends, so that a parent that dies leaves no server behind
    #[arg(long)]
    pub(crate) until_stdin_closes: bool,
}

#[derive(Args)]
pub(crate) struct Agents {
    #[command(flatten)]
    pub(crate) store: StoreArgs,
    /// Print one JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
pub(crate) struct Verify {
    #[command(flatten)]
    pub(crate) store: StoreArgs,
    /// Mend what can be mended without losing or giving away anything
    #[arg(long)]
    pub(crate) repair: bool,
    /// Print one JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
pub(crate) struct Token {
    #[command(flatten)]
    pub(crate) store: StoreArgs,
    /// Whose token it is
    pub(crate) miner_id: MinerId,
}

#[derive(Args)]
pub(crate) struct StoreArgs {
    /// The folder that holds agents, results and rankings
    #[arg(long = "store", env = "BITSEC_STORE", default_value = "./store", value_name = "DIR")]
    pub(crate) root: PathBuf,
}

impl StoreArgs {
    pub(crate) fn open(&self) -> Result<Store, Failure> {
        Store::open(&self.root).map_err(|error| Failure::Input(error.into()))
    }
}

/// Why a command ends early, which decides the exit status.
pub(crate) enum Failure {
    /// What it was given cannot be used: status 2.
    Input(anyhow::Error),
    /// Something failed that should not have: status 1.
    Fault(anyhow::Error),
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Fault(error.into())
    }
}
