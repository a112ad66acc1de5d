//! `platform serve`: from the arguments to a running server, and to its end.

use std::io::Write as _;
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use platform::log::log_line;
use platform::server::{self, HttpLimits, Settings};
use platform::store::Store;
use rustix::process::{Resource, getrlimit, setrlimit};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use super::{Failure, Serve};

pub(crate) async fn run(args: Serve) -> Result<(), Failure> {
    let store = args.store.open()?;
    let validator_token =
        validator_token(args.validator_token_file.as_ref()).map_err(Failure::Input)?;
    let settings = Settings {
        validator_token,
        quotas: args.quotas.quotas(),
        behind_proxy: args.behind_proxy,
        limits: HttpLimits { connections: connections()?, ..HttpLimits::STANDARD },
    };
    let listener = listen(&args.addr).await.map_err(Failure::Input)?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    // Whoever reads this line may connect, or send a signal, at once. A log on a full disk takes no line, and
    // that keeps nobody from connecting either.
    let _ = writeln!(std::io::stdout(), "listening on http://{}", listener.local_addr()?);
    let checked = store.clone();
    tokio::task::spawn_blocking(move || tell_damaged(&checked));
    let shutdown = async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            () = stdin_closes(), if args.until_stdin_closes => {}
        }
    };
    Ok(server::serve(listener, store, settings, shutdown).await?)
}

/// Nothing that is damaged keeps the rest from being served, so somebody has to be told.
fn tell_damaged(store: &Store) {
    match store.agents() {
        Ok(listing) => {
            listing
                .damaged
                .iter()
                .for_each(|damaged| log_line(format_args!("platform: {damaged}")));
        }
        Err(error) => log_line(format_args!("platform: {error}")),
    }
}

/// How many connections there may be: few enough that strangers' connections leave file descriptors for
/// the store, of which as many are asked for as the system allows.
fn connections() -> std::io::Result<usize> {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit)?;
    let standard = HttpLimits::STANDARD.connections;
    let half = limit.maximum.and_then(|most| usize::try_from(most / 2).ok());
    Ok(half.map_or(standard, |half| standard.min(half)))
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
        Some(path) => std::fs::read_to_string(path).with_context(|| {
            format!("cannot read the validator's token from {}", path.display())
        })?,
        None => std::env::var("ARENA_VALIDATOR_TOKEN").unwrap_or_default(),
    };
    let token = token.trim();
    if let (true, Some(path)) = (token.is_empty(), file) {
        bail!("{} is empty: write the validator's token into it", path.display());
    }
    Ok((!token.is_empty()).then(|| token.to_owned()))
}
