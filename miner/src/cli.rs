//! The command line of `miner`.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use harness::sandbox::SandboxSettings;
use miner::budget::{Budget, Price};
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
        miner mine --miner me --model openai:gpt-4.1-mini\n  miner mine --miner me --model ollama:qwen3\n  \
        miner mine --miner me --model vllm:qwen3 --base-url http://gpu.example:8000/v1"
    )]
    Mine(Box<Mine>),
    /// Run a local file the way validators do
    #[command(
        after_help = "Examples:\n  miner try agent.py\n  miner try agent.py --task reverse_string --json"
    )]
    Try(Try),
    /// Show where your agent stands, and what it fails
    #[command(after_help = "Example:\n  miner status --miner me --platform http://127.0.0.1:8080")]
    Status(Status),
    /// Write a commented agent.py to start from
    #[command(after_help = "Example:\n  miner init my_agent.py")]
    Init(Init),
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
#[allow(clippy::struct_excessive_bools, reason = "they are the command line's flags")]
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
    /// What the whole run may use up: some of tokens=N,cost=USD,seconds=N
    #[arg(long, default_value = "tokens=2000000,seconds=7200", value_name = "LIMITS")]
    pub budget: Budget,
    /// What one task may use up
    #[arg(long, default_value = "tokens=200000,seconds=900", value_name = "LIMITS")]
    pub task_budget: Budget,
    /// US dollars for a million tokens of questions and of answers, if the provider does not say
    #[arg(long, value_name = "IN,OUT")]
    pub price: Option<Price>,
    /// How long one answer may get, in tokens
    #[arg(long, default_value_t = 16_384, value_parser = clap::value_parser!(u64).range(1..), value_name = "N")]
    pub max_output_tokens: u64,
    /// Only this task; may be given several times
    #[arg(long = "task", value_name = "ID")]
    pub tasks: Vec<String>,
    /// Go on from the answers that an earlier run has kept
    #[arg(long)]
    pub resume: bool,
    /// Folder for answers and agent [default: arena/ID in your state folder]
    #[arg(long, value_name = "FOLDER")]
    pub work: Option<PathBuf>,
    /// Folder for a transcript of every exchange, as JSON lines
    #[arg(long, value_name = "FOLDER")]
    pub transcripts: Option<PathBuf>,
    /// Folder to record the answers into, for --model replay:FOLDER
    #[arg(long, value_name = "FOLDER")]
    pub record: Option<PathBuf>,
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
    pub options: SandboxArgs,
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
    pub options: SandboxArgs,
    /// Print one JSON document to stdout, and nothing else
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `status`.
#[derive(Args)]
pub struct Status {
    #[command(flatten)]
    pub platform: PlatformArgs,
    /// Your id
    #[arg(long, value_name = "ID")]
    pub miner: MinerId,
    /// Do not run the agent to see which public cases it fails
    #[arg(long)]
    pub no_try: bool,
    /// Folder that holds the agent [default: arena/ID in your state folder]
    #[arg(long, value_name = "FOLDER")]
    pub work: Option<PathBuf>,
    #[command(flatten)]
    pub options: SandboxArgs,
    /// Print one JSON document to stdout, and nothing else
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `init`.
#[derive(Args)]
pub struct Init {
    /// Where to write it
    #[arg(default_value = "agent.py", value_name = "FILE")]
    pub file: PathBuf,
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
    /// Folder that keeps a copy for 'miner status' [default: arena/ID in your state folder]
    #[arg(long, value_name = "FOLDER")]
    pub work: Option<PathBuf>,
    #[command(flatten)]
    pub platform: PlatformArgs,
    /// Print one JSON document to stdout, and nothing else
    #[arg(long)]
    pub json: bool,
}

/// Where agents run.
#[derive(Args)]
pub struct SandboxArgs {
    /// Image to run agents in [default: python:3.11-slim; built from Debian packages if it cannot be pulled]
    #[arg(long, env = "ARENA_IMAGE", value_name = "REFERENCE")]
    pub image: Option<String>,
    /// OCI runtime that the Docker daemon knows, such as 'runsc' (gVisor)
    #[arg(long, value_name = "NAME")]
    pub runtime: Option<String>,
}

impl SandboxArgs {
    /// The sandbox that they ask for.
    pub fn settings(&self) -> SandboxSettings {
        SandboxSettings { image: self.image.clone(), runtime: self.runtime.clone() }
    }
}
