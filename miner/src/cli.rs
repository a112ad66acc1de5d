//! The command line of `miner`.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use harness::session::Options;
use miner::model::ModelSpec;
use platform::MinerId;

/// Have a language model write an agent, try it the way validators do, and upload it.
#[derive(Parser)]
#[command(
    name = "miner",
    version,
    after_help = "Exit status: 0 done; 1 a fault; 2 bad usage or bad input; 130 interrupted."
)]
pub struct Cli {
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Subcommand)]
pub enum Command {
    /// Take the tasks from a platform, have code written for each, try it, and upload the agent
    #[command(
        after_help = "Examples:\n  miner mine --miner me --model sample:good\n  OPENAI_API_KEY=... \
        miner mine --miner me --model openai:gpt-4.1-mini\n  miner mine --miner me --model openai:qwen3 \
        --base-url http://127.0.0.1:11434/v1"
    )]
    Mine(Mine),
    /// Run a local file the way validators do
    #[command(
        after_help = "Examples:\n  miner try agent.py\n  miner try agent.py --task reverse_string --json"
    )]
    Try(Try),
    /// Upload a file
    #[command(
        after_help = "Example:\n  miner upload agent.py --miner me --platform http://127.0.0.1:8080"
    )]
    Upload(Upload),
}

/// Where the platform is, and who asks.
#[derive(Args)]
pub struct PlatformArgs {
    /// Address of the platform
    #[arg(
        long,
        env = "ARENA_PLATFORM",
        default_value = "http://127.0.0.1:8080",
        value_name = "URL"
    )]
    pub platform: String,
    /// File that keeps upload tokens [default: arena/tokens.json in your config folder]
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
}

/// Arguments of `mine`.
#[derive(Args)]
pub struct Mine {
    #[command(flatten)]
    pub platform: PlatformArgs,
    /// Your id: 1 to 64 of a-z, 0-9, _ and -
    #[arg(long, value_name = "ID")]
    pub miner: MinerId,
    /// Who writes: PROVIDER:NAME, or sample:good, sample:partial, sample:bad, which need no key
    #[arg(long, value_name = "MODEL")]
    pub model: ModelSpec,
    /// Address of the provider's API, for a server of your own
    #[arg(long, value_name = "URL")]
    pub base_url: Option<String>,
    /// File that holds the provider's key, instead of its environment variable
    #[arg(long, value_name = "FILE")]
    pub key_file: Option<PathBuf>,
    /// How often the model is asked about one task
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub attempts: u32,
    /// Only this task; may be given several times
    #[arg(long = "task", value_name = "ID")]
    pub tasks: Vec<String>,
    /// Do not run anything: needs no Docker, and answers are not checked
    #[arg(long)]
    pub no_try: bool,
    /// Do not upload
    #[arg(long)]
    pub no_upload: bool,
    /// Also write the agent to this file
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// A date for the agent's header
    #[arg(long)]
    pub date: Option<String>,
    /// Seed of the generated cases that answers are tried on [default: a fresh one]
    #[arg(long)]
    pub seed: Option<u64>,
    #[command(flatten)]
    pub options: Options,
    /// Print one JSON document to stdout, and nothing else
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `try`.
#[derive(Args)]
pub struct Try {
    /// The agent
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Only this task; may be given several times
    #[arg(long = "task", value_name = "ID")]
    pub tasks: Vec<String>,
    /// Seed of the generated cases [default: a fresh one]
    #[arg(long)]
    pub seed: Option<u64>,
    #[command(flatten)]
    pub options: Options,
    /// Print one JSON document to stdout, and nothing else
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `upload`.
#[derive(Args)]
pub struct Upload {
    /// The agent
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Your id: 1 to 64 of a-z, 0-9, _ and -
    #[arg(long, value_name = "ID")]
    pub miner: MinerId,
    #[command(flatten)]
    pub platform: PlatformArgs,
    /// Print one JSON document to stdout, and nothing else
    #[arg(long)]
    pub json: bool,
}
