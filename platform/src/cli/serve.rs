//! `platform serve`: from the arguments to a running server, and to its end.

use std::path::PathBuf;

use anyhow::Context as _;
use platform::server::{self, HttpLimits, Quotas, Settings};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use super::{Failure, Serve};

pub(crate) async fn run(args: Serve) -> Result<(), Failure> {
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
