//! The words of the command line, their help, and the command that each one runs.

use clap::{Parser, Subcommand};

use crate::commands::{
    agents, cache, check, clean, completions, doctor, evaluate, export, fsck, gate, gauntlet,
    image, init, man, merge, mine, nats, payout_sim, rank, regrade, round, samples, serve, show,
    status, tasks, token, upload, verify, withdraw, work,
};
use crate::exit::Result;

/// Run competitions between agents that write code: judge them in a sandbox, score, rank and reward them.
#[derive(Parser)]
#[command(
    name = "arena",
    version,
    max_term_width = 100,
    after_help = "Examples:\n  \
        arena init && arena check agent.py           write an agent and see what it scores\n  \
        arena serve --store /srv/arena               accept agents, show tasks and rankings\n  \
        arena evaluate --store /srv/arena            run and rank every stored agent\n\n\
        mine, upload, status and withdraw take defaults from the nearest arena.toml (docs/miners.md).\n\
        Exit status: 0 done; 1 a fault or a failed expectation; 2 unusable arguments or input; 130 interrupted."
)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Subcommand)]
pub enum Command {
    /// Have a language model write an agent, check it and upload it
    #[command(
        after_help = "Examples:\n  arena mine --miner me --model sample:good\n  OPENAI_API_KEY=... arena mine \
            --miner me --model openai:gpt-4.1-mini\n  arena mine --miner me --model ollama:qwen3\n  \
            arena mine --miner me --model vllm:qwen3 --base-url http://gpu.example:8000/v1 --jobs 16\n\n\
            Defaults: a flag comes before the environment (ARENA_*), and that before the nearest arena.toml, which \
            may have platform, miner, model, base_url, price and jobs."
    )]
    Mine(Box<mine::MineArgs>),
    /// Run one local file as a validator would, and show what it fails
    #[command(
        after_help = "Examples:\n  arena check agent.py\n  arena check agent.py --family parsing --task 'two_*' --json\n  \
            arena check agent.py --benchmark evalplus:HumanEvalPlus.jsonl.gz"
    )]
    Check(Box<check::CheckArgs>),
    /// Upload an agent
    #[command(
        after_help = "Example:\n  arena upload agent.py --miner me --platform http://127.0.0.1:7878"
    )]
    Upload(upload::UploadArgs),
    /// Show whether your agent is judged, its rank, and why it failed
    #[command(after_help = "Example:\n  arena status --miner me --platform http://127.0.0.1:7878")]
    Status(status::StatusArgs),
    /// Take your agent out of the coming rounds
    #[command(
        after_help = "Example:\n  arena withdraw --miner me --platform http://127.0.0.1:7878"
    )]
    Withdraw(withdraw::WithdrawArgs),
    /// Write a commented agent.py to start from
    #[command(after_help = "Example:\n  arena init my_agent.py")]
    Init(init::InitArgs),
    /// Run every stored agent on every task, then rank and reward them
    ///
    /// Results are files in the store, so an interrupted evaluation continues where it stopped, and an
    /// unchanged agent is not run again.
    #[command(
        after_help = "Examples:\n  arena evaluate --open --freeze\n  arena evaluate\n  arena evaluate --close --json > round.json\n  \
            arena evaluate --store /srv/arena --jobs 4\n  \
            arena evaluate --task reverse_string --agent alice\n  \
            arena evaluate --close --sign-key ~/.ssh/arena --json > round.json\n  \
            arena evaluate --platform https://arena.example --validator-token-file token"
    )]
    Evaluate(Box<evaluate::EvaluateArgs>),
    /// Rank again from the stored results, without running anything
    #[command(
        after_help = "Examples:\n  arena rank\n  arena rank --payout winner-takes-all --json"
    )]
    Rank(rank::RankArgs),
    /// Judge stored answers again under changed tasks, without running any agent
    #[command(
        after_help = "Examples:\n  arena regrade\n  arena regrade --benchmark mbpp:fixed.jsonl --json\n  arena rank"
    )]
    Regrade(Box<regrade::RegradeArgs>),
    /// Compute what the closed rounds would have paid under another rule
    #[command(
        after_help = "Examples:\n  arena payout-sim --payout gated\n  arena payout-sim --payout gated --alpha 0.01 --json"
    )]
    PayoutSim(payout_sim::PayoutSimArgs),
    /// Show which trials of the round failed, and how, from the stored records
    #[command(
        after_help = "Examples:\n  arena show\n  arena show alice --failed\n  arena show alice reverse_string\n  \
            arena show alice --format junit > alice.xml\n  arena show --similar\n  arena show alice --similar"
    )]
    Show(show::ShowArgs),
    /// Recompute a closed round, and check its signature and its chain
    ///
    /// Takes a report, a published ranking, or the directory of an export. Commitment, scores, ranks and rewards must
    /// follow from the trials. With --receipt it checks a receipt of an upload instead. No network, store or container
    /// is needed, except by --rerun.
    #[command(
        after_help = "Examples:\n  arena evaluate --close --json > round.json\n  arena verify round.json\n  \
            arena verify round.json --signer validator.pub --previous earlier.json\n  \
            arena verify round.json --rerun 10 --store ./store\n  \
            arena verify exported --rerun all\n  \
            arena verify --receipt me-1.json --signer platform.pub"
    )]
    Verify(Box<verify::VerifyArgs>),
    /// Write a closed round with everything that a stranger needs to check it
    ///
    /// The sources of the round's agents and all cases of its tasks, hidden ones included, are in it, and become public
    /// with it. An open round is refused, because an export reveals the seed.
    #[command(after_help = "Examples:\n  arena export latest --to round-1\n  \
            arena export 20260101T120000Z-5eed0007 --to round-1 --store /srv/arena\n  \
            arena verify round-1 --rerun all")]
    Export(export::ExportArgs),
    /// List the tasks
    #[command(
        after_help = "Examples:\n  arena tasks\n  arena tasks --family parsing\n  arena tasks reverse_string"
    )]
    Tasks(tasks::TasksArgs),
    /// Judge a model's samples on a public benchmark and print pass@k
    #[command(
        after_help = "Examples:\n  arena samples --benchmark evalplus:HumanEvalPlus.jsonl.gz --samples samples.jsonl\n  \
            arena samples --benchmark humaneval:HumanEval.jsonl.gz --samples samples.jsonl --json"
    )]
    Samples(samples::SamplesArgs),
    /// Prove every task: the reference passes with time to spare, every wrong variant fails
    #[command(after_help = "Examples:\n  arena gate\n  arena gate --task reverse_string --seeds 3")]
    Gate(gate::GateArgs),
    /// Run hostile programs to prove that the sandbox of this machine holds
    #[command(
        after_help = "Examples:\n  arena gauntlet\n  arena gauntlet escape --json\n  arena gauntlet fork_bomb memory"
    )]
    Gauntlet(gauntlet::GauntletArgs),
    /// Merge the results of other stores: the parts of a split round
    #[command(
        after_help = "Example:\n  arena evaluate --partition 1/2     # on one machine, 2/2 on another\n  \
            arena merge part-1 part-2\n  arena rank"
    )]
    Merge(merge::MergeArgs),
    /// Run trials for a coordinator, until Ctrl-C or SIGTERM
    ///
    /// The coordinator is 'arena evaluate --nats'. Start and stop as many workers as you like, at any time; what a worker
    /// leaves undone comes to another one.
    #[command(after_help = "Examples:\n  arena work --nats nats://host:4222\n  \
            arena work --nats tls://host:4222 --nats-creds worker-1.nk --jobs 4")]
    Work(work::WorkArgs),
    /// Follow a round over many machines
    #[command(after_help = "Example:\n  arena round status --nats nats://host:4222")]
    Round(round::RoundArgs),
    /// Set up NATS servers for rounds over many machines
    #[command(after_help = "Example:\n  arena nats init cluster --workers 4")]
    Nats(nats::NatsCommandArgs),
    /// Show or prune the result cache
    #[command(after_help = "Examples:\n  arena cache\n  arena cache --prune")]
    Cache(cache::CacheArgs),
    /// Serve the HTTP API and the website until Ctrl-C or SIGTERM
    #[command(
        after_help = "Examples:\n  arena serve\n  arena serve --addr 0.0.0.0:7878 --store /srv/arena \
            --validator-token-file token\n  arena serve --sign-key /etc/arena/receipts"
    )]
    Serve(serve::ServeArgs),
    /// List the stored agents
    #[command(after_help = "Example:\n  arena agents --store /srv/arena --json")]
    Agents(agents::AgentsArgs),
    /// Replace the upload token of a miner who lost it
    #[command(after_help = "Example:\n  arena token alice --store /srv/arena")]
    Token(token::TokenArgs),
    /// Check every file of the store, and repair what is safe to repair
    #[command(after_help = "Examples:\n  arena fsck\n  arena fsck --repair --store /srv/arena")]
    Fsck(fsck::FsckArgs),
    /// Find, pull or build the image that agents run in
    #[command(after_help = "Examples:\n  arena image\n  arena image --refresh")]
    Image(image::ImageArgs),
    /// Diagnose this machine: Docker, image, sandbox and store
    #[command(after_help = "Example:\n  arena doctor")]
    Doctor(doctor::DoctorArgs),
    /// Remove containers left by crashed runs
    #[command(after_help = "Example:\n  arena clean")]
    Clean,
    /// Print a completion script for a shell
    #[command(after_help = "Example:\n  arena completions bash > /etc/bash_completion.d/arena")]
    Completions(completions::CompletionsArgs),
    /// Write manual pages
    #[command(after_help = "Example:\n  arena man ~/.local/share/man/man1")]
    Man(man::ManArgs),
}

impl Command {
    /// Runs the command to its end.
    pub async fn run(self) -> Result {
        match self {
            Self::Mine(args) => mine::run(*args).await,
            Self::Check(args) => check::run(*args).await,
            Self::Upload(args) => upload::run(args).await,
            Self::Status(args) => status::run(args).await,
            Self::Withdraw(args) => withdraw::run(args).await,
            Self::Init(args) => init::run(&args),
            Self::Evaluate(args) => evaluate::run(*args).await,
            Self::Rank(args) => rank::run(&args),
            Self::PayoutSim(args) => payout_sim::run(&args),
            Self::Regrade(args) => regrade::run(*args).await,
            Self::Show(args) => show::run(&args),
            Self::Verify(args) => verify::run(*args).await,
            Self::Export(args) => export::run(&args),
            Self::Tasks(args) => tasks::run(&args),
            Self::Samples(args) => samples::run(args).await,
            Self::Gate(args) => gate::run(args).await,
            Self::Gauntlet(args) => gauntlet::run(args).await,
            Self::Merge(args) => merge::run(&args),
            Self::Work(args) => work::run(args).await,
            Self::Round(args) => round::run(args).await,
            Self::Nats(args) => nats::run(&args),
            Self::Cache(args) => cache::run(&args),
            Self::Serve(args) => serve::run(args).await,
            Self::Agents(args) => agents::run(&args),
            Self::Token(args) => token::run(&args),
            Self::Fsck(args) => fsck::run(&args),
            Self::Image(args) => image::run(args).await,
            Self::Doctor(args) => doctor::run(&args).await,
            Self::Clean => clean::run().await,
            Self::Completions(args) => {
                completions::run(&args, <Cli as clap::CommandFactory>::command())
            }
            Self::Man(args) => man::run(&args, <Cli as clap::CommandFactory>::command()),
        }
    }
}
