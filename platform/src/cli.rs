//! The command line of the binary `platform`: what can be asked for, and how a command ends.

use std::path::PathBuf;

use clap::builder::RangedI64ValueParser;
use clap::{Args, Parser, Subcommand};
use platform::MinerId;
use platform::server::Quotas;
use platform::store::Store;

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
    #[command(flatten)]
    pub(crate) quotas: QuotaArgs,
    /// Take the client's address from X-Forwarded-For, which a proxy of yours must set
    #[arg(long)]
    pub(crate) behind_proxy: bool,
    /// Stop when stdin ends, so that a parent that dies leaves no server behind
    #[arg(long)]
    pub(crate) until_stdin_closes: bool,
}

/// All of an hour's ration may come at once; after that it comes back evenly.
#[derive(Args)]
pub(crate) struct QuotaArgs {
    /// New versions of one agent in an hour
    #[arg(long, value_name = "N", default_value_t = Quotas::STANDARD.per_id_hour, value_parser = at_least_one())]
    versions_per_hour: u32,
    /// Uploads from one address in an hour, those included that are refused
    #[arg(long, value_name = "N", default_value_t = Quotas::STANDARD.per_address_hour, value_parser = at_least_one())]
    uploads_per_hour: u32,
    /// New miner ids from one address in an hour
    #[arg(long, value_name = "N", default_value_t = Quotas::STANDARD.new_ids_hour, value_parser = at_least_one())]
    new_ids_per_hour: u32,
    /// Lift the quotas on uploads, and the bound on the connections of one address: for trusted networks alone
    #[arg(long, conflicts_with_all = ["versions_per_hour", "uploads_per_hour", "new_ids_per_hour"])]
    no_quotas: bool,
}

impl QuotaArgs {
    pub(crate) fn quotas(&self) -> Option<Quotas> {
        let quotas = Quotas {
            per_id_hour: self.versions_per_hour,
            per_address_hour: self.uploads_per_hour,
            new_ids_hour: self.new_ids_per_hour,
        };
        (!self.no_quotas).then_some(quotas)
    }
}

fn at_least_one() -> RangedI64ValueParser<u32> {
    clap::value_parser!(u32).range(1..)
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
    #[arg(long = "store", env = "ARENA_STORE", default_value = "./store", value_name = "DIR")]
    pub(crate) root: PathBuf,
}

impl StoreArgs {
    pub(crate) fn open(&self) -> Result<Store, Failure> {
        Store::open(&self.root).map_err(|error| Failure::Input(error.into()))
    }

    /// For whoever looks after a store: where a name is mistyped, an empty store would seem in order.
    pub(crate) fn open_existing(&self) -> Result<Store, Failure> {
        let agents = self.root.join("agents");
        if agents.is_dir() {
            return self.open();
        }
        Err(Failure::Input(anyhow::anyhow!(
            "{} is not there, so this is no store: name one with --store or ARENA_STORE",
            agents.display()
        )))
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
