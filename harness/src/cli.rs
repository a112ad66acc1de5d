//! The command line of `harness`.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use harness::benchmark::file::SuiteFile;
use harness::round::partition::Partition;
use harness::round::run::Isolation;
use harness::sandbox::SandboxSettings;
use harness::scoring::reward::{Payout, Rao};
use harness::trial::record::Disclose;

/// Run agents on tasks in a locked-down sandbox, judge, score and rank them.
///
/// Results are files in the store, so an evaluation that was interrupted goes on where it was, and an
/// agent that did not change is not run again.
#[derive(Parser)]
#[command(
    name = "harness",
    version,
    after_help = "Exit status: 0 done; 1 a fault of the arena; 2 bad usage or bad input; 130 interrupted."
)]
pub struct Cli {
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Subcommand)]
pub enum Command {
    /// Run every stored agent on every task, then rank and reward them
    #[command(after_help = "Examples:\n  harness evaluate\n  harness evaluate --store /srv/arena \
        --jobs 4 --json > round.json\n  harness evaluate --task reverse_string --agent alice\n  harness evaluate --platform https://arena.example \
        --validator-token-file token")]
    Evaluate(Evaluate),
    /// Rank again from the results that are stored, without running anything
    #[command(
        after_help = "Examples:\n  harness rank\n  harness rank --payout winner-takes-all --json"
    )]
    Rank(Rank),
    /// Recompute a report: its commitment, scores, ranks and rewards
    #[command(
        after_help = "Example:\n  harness evaluate --json > round.json\n  harness verify round.json"
    )]
    Verify {
        /// What 'evaluate --json' printed
        #[arg(value_name = "REPORT")]
        report: PathBuf,
    },
    /// Prove every task: the reference passes with time to spare, every wrong variant is found out
    #[command(
        after_help = "Examples:\n  harness gate\n  harness gate --task reverse_string --seeds 3"
    )]
    Gate(Gate),
    /// Run one local file the way the validator would
    #[command(after_help = "Examples:\n  harness check agent.py\n  harness check agent.py --task \
        reverse_string --json")]
    Check(Check),
    /// Judge a model's samples on a public benchmark, and print pass@k
    #[command(after_help = "Examples:\n  harness samples --suite evalplus:HumanEvalPlus.jsonl.gz \
        --samples samples.jsonl\n  harness samples --suite humaneval:HumanEval.jsonl.gz --samples \
        samples.jsonl --json")]
    Samples(Samples),
    /// List the tasks
    #[command(after_help = "Example:\n  harness tasks --json")]
    Tasks {
        /// Print the public side of each task as one JSON document
        #[arg(long)]
        json: bool,
    },
    /// Find the image that agents run in, or pull or build it
    #[command(after_help = "Examples:\n  harness image\n  harness image --refresh")]
    Image {
        #[command(flatten)]
        options: SandboxArgs,
        /// Pull or build it again even if it is there
        #[arg(long)]
        refresh: bool,
    },
    /// Say what is wrong with this machine, and how to mend it
    Doctor {
        #[command(flatten)]
        store: StoreArgs,
        #[command(flatten)]
        options: SandboxArgs,
    },
    /// Say what the stored results take up, and remove those that no round finds again
    #[command(after_help = "Examples:\n  harness cache\n  harness cache --prune")]
    Cache(Cache),
    /// Take over the results of other stores: the parts of a round that was split
    #[command(
        after_help = "Example:\n  harness evaluate --partition 1/2     # on one machine, 2/2 on another\n  \
            harness merge part-1 part-2\n  harness rank"
    )]
    Merge(Merge),
    /// Remove the containers that harnesses which are dead left behind
    Clean,
    /// Measure the harness beside the ways everybody knows, in one run, as ratios
    #[command(after_help = "Examples:\n  harness bench --large-agents 0\n  harness bench --suite \
        evalplus:HumanEvalPlus.jsonl.gz --agents 0 --large-agents 0")]
    Bench(Bench),
    /// Run the hostile suite: is the sandbox of this machine holding?
    #[command(after_help = "Examples:\n  harness gauntlet\n  harness gauntlet escape --json\n  \
        harness gauntlet fork_bomb memory\n\nExit status: 0 everything holds; 1 something does not.")]
    Gauntlet(Gauntlet),
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

/// Where the store is.
#[derive(Args)]
pub struct StoreArgs {
    /// Folder of the store
    #[arg(long, env = "BITSEC_STORE", default_value = "./store", value_name = "FOLDER")]
    pub store: PathBuf,
}

/// How rewards are paid.
#[derive(Args)]
pub struct RewardArgs {
    /// Reward pool in simulated 'TAO'
    #[arg(long, default_value = "100", value_name = "TAO")]
    pub pool: Rao,
    /// How the pool is split
    #[arg(long, value_enum, default_value_t = Payout::Proportional)]
    pub payout: Payout,
}

/// Arguments of `evaluate`.
#[derive(Args)]
pub struct Evaluate {
    #[command(flatten)]
    pub store: StoreArgs,
    #[command(flatten)]
    pub options: SandboxArgs,
    #[command(flatten)]
    pub reward: RewardArgs,
    /// Take the round's list of tasks from this platform
    #[arg(long, value_name = "URL")]
    pub platform: Option<String>,
    /// Be that platform's validator: take its agents too, and put the rankings back. The file holds the
    /// validator's token; results are kept in the store here
    #[arg(long, requires = "platform", value_name = "FILE")]
    pub validator_token_file: Option<PathBuf>,
    /// Seed of the generated cases [default: the store's, drawn when it has none]
    #[arg(long)]
    pub seed: Option<u64>,
    /// Draw a new seed, and so begin a new round
    #[arg(long, conflicts_with = "seed")]
    pub new_seed: bool,
    /// Draw the secret seed of the next round, print its commitment, and evaluate nothing yet. The next
    /// 'evaluate' uses that seed, and its report reveals it
    #[arg(long, conflicts_with_all = ["seed", "new_seed"])]
    pub commit: bool,
    /// Ask the problems of a benchmark's file instead of the built-in tasks: 'evalplus:FILE' (HumanEval+, MBPP+)
    /// or 'humaneval:FILE' (the original; its assertions run beside the answer, so verdicts are advisory)
    #[arg(long, value_name = "SUITE")]
    pub suite: Option<SuiteFile>,
    /// Only the trials of this part, such as 1/4. Nobody is ranked; 'harness merge' and 'harness rank' follow
    #[arg(long, value_name = "K/N", conflicts_with = "validator_token_file")]
    pub partition: Option<Partition>,
    /// Only this task; may be given several times
    #[arg(long = "task", value_name = "ID")]
    pub tasks: Vec<String>,
    /// Only this agent; may be given several times. The store's rankings are left as they are
    #[arg(long = "agent", value_name = "MINER_ID")]
    pub agents: Vec<String>,
    /// Containers at work at the same time [default: one per processor]
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub jobs: Option<u16>,
    /// What gets a container of its own
    #[arg(long, value_enum, default_value_t = Isolation::Agent)]
    pub isolation: Isolation,
    /// What is told of failed cases
    #[arg(long, value_enum, default_value_t)]
    pub disclose: Disclose,
    /// Print one JSON document to stdout, and nothing else
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `rank`.
#[derive(Args)]
pub struct Rank {
    #[command(flatten)]
    pub store: StoreArgs,
    /// Ask the problems of a benchmark's file instead of the built-in tasks: 'evalplus:FILE' (HumanEval+, MBPP+)
    /// or 'humaneval:FILE' (the original; its assertions run beside the answer, so verdicts are advisory)
    #[arg(long, value_name = "SUITE")]
    pub suite: Option<SuiteFile>,
    #[command(flatten)]
    pub reward: RewardArgs,
    /// What is told of failed cases
    #[arg(long, value_enum, default_value_t)]
    pub disclose: Disclose,
    /// Print one JSON document to stdout, and nothing else
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `check`.
#[derive(Args)]
pub struct Check {
    /// The agent
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    #[command(flatten)]
    pub options: SandboxArgs,
    /// Ask the problems of a benchmark's file instead of the built-in tasks: 'evalplus:FILE' (HumanEval+, MBPP+)
    /// or 'humaneval:FILE' (the original; its assertions run beside the answer, so verdicts are advisory)
    #[arg(long, value_name = "SUITE")]
    pub suite: Option<SuiteFile>,
    /// Where the expected values of a benchmark are kept
    #[command(flatten)]
    pub store: StoreArgs,
    /// Only this task; may be given several times
    #[arg(long = "task", value_name = "ID")]
    pub tasks: Vec<String>,
    /// Seed of the generated cases [default: a fresh one]
    #[arg(long)]
    pub seed: Option<u64>,
    /// What is told of failed cases
    #[arg(long, value_enum, default_value_t)]
    pub disclose: Disclose,
    /// Print one JSON document to stdout, and nothing else
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `cache`.
#[derive(Args)]
pub struct Cache {
    #[command(flatten)]
    pub store: StoreArgs,
    /// The benchmark that the round asked, if it was one
    #[arg(long, value_name = "SUITE")]
    pub suite: Option<SuiteFile>,
    /// Remove the results that the present round does not find again
    #[arg(long)]
    pub prune: bool,
    /// Print one JSON document to stdout, and nothing else
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `merge`.
#[derive(Args)]
pub struct Merge {
    /// The stores whose results are taken over
    #[arg(value_name = "FOLDER", required = true)]
    pub folders: Vec<PathBuf>,
    #[command(flatten)]
    pub store: StoreArgs,
}

/// Arguments of `samples`.
#[derive(Args)]
pub struct Samples {
    /// The benchmark: 'evalplus:FILE' for HumanEval+ or MBPP+, 'humaneval:FILE' for the original one, whose
    /// assertions run beside the samples, so that its verdicts are advisory. JSONL, plain or gzip
    #[arg(long, value_name = "SUITE")]
    pub suite: SuiteFile,
    /// The samples, a JSONL file: on each line a task's id with 'solution' or 'completion'
    #[arg(long = "samples", value_name = "FILE")]
    pub file: PathBuf,
    /// Where to write a line of JSON for each sample [default: beside the samples, *_verdicts.jsonl]
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Only the cases of the original benchmark
    #[arg(long)]
    pub base_only: bool,
    /// Stop calling a sample at its first case that is not accepted
    #[arg(long)]
    pub first_failure: bool,
    /// Containers at work at the same time [default: one per processor]
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub jobs: Option<u16>,
    /// Where expected values are kept, so that canonical solutions run once
    #[command(flatten)]
    pub store: StoreArgs,
    #[command(flatten)]
    pub options: SandboxArgs,
    /// Print one JSON document to stdout, and nothing else
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `bench`.
#[derive(Args)]
pub struct Bench {
    #[command(flatten)]
    pub options: SandboxArgs,
    /// Agents in the round that is measured beside 'docker run'; 0 leaves it out
    #[arg(long, default_value_t = 20)]
    pub agents: u32,
    /// Runs of each row; the median is told
    #[arg(long, default_value_t = 3)]
    pub runs: u32,
    /// The data for the rows beside EvalPlus: HumanEval+ as 'evalplus:FILE'. They are left out without it
    #[arg(long, value_name = "SUITE")]
    pub suite: Option<SuiteFile>,
    /// Agents in the large round of which one changes; 0 leaves it out
    #[arg(long, default_value_t = 1_000)]
    pub large_agents: u32,
    /// Measure 'cargo xtask demo' too, from the root of the source tree
    #[arg(long)]
    pub demo: bool,
    /// Where the programs that are measured against are installed
    #[arg(long, default_value = "target/bench", value_name = "FOLDER")]
    pub peers: PathBuf,
    /// Put the rows of this file, which another benchmark wrote, into the table as well
    #[arg(long, value_name = "FILE")]
    pub rows: Vec<PathBuf>,
    /// Write the rows to this file as JSON
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Containers at work at the same time [default: one per processor]
    #[arg(long)]
    pub jobs: Option<u16>,
    /// Print one JSON document to stdout, and nothing else
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `gauntlet`.
#[derive(Args)]
pub struct Gauntlet {
    /// Only the agents with one of these in their names, such as 'escape' or 'memory'
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
    #[command(flatten)]
    pub options: SandboxArgs,
    /// Agents at work at the same time [default: one more than processors]
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub jobs: Option<u16>,
    /// Print one JSON document to stdout, and nothing else
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `gate`.
#[derive(Args)]
pub struct Gate {
    #[command(flatten)]
    pub options: SandboxArgs,
    /// Only this task; may be given several times
    #[arg(long = "task", value_name = "ID")]
    pub tasks: Vec<String>,
    /// In how many seeds each wrong variant must be found out
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub seeds: u16,
    /// Containers at work at the same time [default: one per processor]
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub jobs: Option<u16>,
}
