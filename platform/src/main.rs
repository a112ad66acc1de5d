//! The binary `platform`: serves the API, and shows an operator what is stored.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand};
use platform::api::AgentView;
use platform::server::{self, HttpLimits, Quotas, Settings};
use platform::store::Store;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

/// The arena's platform: takes agents, serves tasks and rankings.
#[derive(Parser)]
#[command(
    version,
    after_help = "Examples:\n  platform serve --addr 127.0.0.1:0 --store ./store\n  platform agents --json"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the HTTP API until Ctrl-C or SIGTERM
    Serve(Serve),
    /// List the stored agents
    Agents(Agents),
}

#[derive(Args)]
struct Serve {
    /// Where to listen; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:8080")]
    addr: String,
    #[command(flatten)]
    store: StoreArgs,
    /// A file with the token that a validator must bring
    #[arg(long, value_name = "FILE")]
    validator_token_file: Option<PathBuf>,
    /// Lift the quotas on uploads: for trusted networks alone
    #[arg(long)]
    no_quotas: bool,
    /// Take the client's address from X-Forwarded-For, which a proxy of yours must set
    #[arg(long)]
    behind_proxy: bool,
    /// Stop when stdin ends, so that a parent that dies leaves no server behind
    #[arg(long)]
    until_stdin_closes: bool,
}

#[derive(Args)]
struct Agents {
    #[command(flatten)]
    store: StoreArgs,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct StoreArgs {
    /// The folder that holds agents, results and rankings
    #[arg(long = "store", env = "BITSEC_STORE", default_value = "./store", value_name = "DIR")]
    root: PathBuf,
}

impl StoreArgs {
    fn open(&self) -> Result<Store, Failure> {
        Store::open(&self.root).map_err(|error| Failure::Input(error.into()))
    }
}

/// Why a command ends early, which decides the exit status.
enum Failure {
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

#[tokio::main]
async fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Serve(args) => serve(args).await,
        Command::Agents(args) => agents(&args),
    };
    let (error, status) = match done {
        Ok(()) => return ExitCode::SUCCESS,
        Err(Failure::Input(error)) => (error, 2),
        Err(Failure::Fault(error)) => (error, 1),
    };
    eprintln!("platform: {error:#}");
    ExitCode::from(status)
}

async fn serve(args: Serve) -> Result<(), Failure> {
    let store = args.store.open()?;
    let validator_token =
        validator_token(args.validator_token_file.as_ref()).map_err(Failure::Input)?;
    let settings = Settings {
        validator_token,
        quotas: if args.no_quotas { None } else { Some(Quotas::STANDARD) },
        behind_proxy: args.behind_proxy,
        limits: HttpLimits::STANDARD,
    };
    let listener = listen(&args.addr).await.map_err(Failure::Input)?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    // Whoever reads this line may connect, or send a signal, at once.
    println!("listening on http://{}", listener.local_addr()?);
    let shutdown = async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            () = stdin_closes(), if args.until_stdin_closes => {}
        }
    };
    Ok(server::serve(listener, store, settings, shutdown).await?)
}

async fn listen(addr: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(addr).await.with_context(|| {
        format!("cannot listen on {addr}: stop what listens there, or name another with --addr")
    })
}

/// A thread of its own reads stdin: it may wait there for ever, and ends with the process.
async fn stdin_closes() {
    let (sender, closed) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        let _ = sender.send(());
    });
    let _ = closed.await;
}

fn validator_token(file: Option<&PathBuf>) -> anyhow::Result<Option<String>> {
    let token = match file {
        Some(path) => Some(std::fs::read_to_string(path).with_context(|| {
            format!("cannot read the validator's token from {}", path.display())
        })?),
        None => std::env::var("BITSEC_VALIDATOR_TOKEN").ok(),
    };
    Ok(token.map(|token| token.trim().to_owned()).filter(|token| !token.is_empty()))
}

fn agents(args: &Agents) -> Result<(), Failure> {
    let listing = args.store.open()?.agents()?;
    for damaged in &listing.damaged {
        eprintln!("platform: {damaged}");
    }
    if args.json {
        let views: Vec<_> = listing.agents.into_iter().map(AgentView::from).collect();
        println!("{}", serde_json::to_string_pretty(&views)?);
    } else {
        for agent in listing.agents {
            println!(
                "{:<24} v{:<4} {} {:>7} bytes  {}",
                agent.miner_id,
                agent.version,
                agent.sha256.short(),
                agent.size,
                agent.uploaded_at
            );
        }
    }
    Ok(())
}
