//! `arena serve`: from the arguments to a running server, and to its end.

use std::io::Write as _;

use harness::round::remote::read_token;
use platform::server::{self, Listeners, Settings};
use platform::signing::SigningKey;
use platform::store::Store;
use rustix::process::{Resource, getrlimit, setrlimit};
use tokio::net::TcpListener;

use crate::console::print_line;
use crate::exit::{CommandError, Result};
use crate::interrupt;

mod settings;

pub use settings::ServeArgs;

/// Holds the validator token when no file is named.
const TOKEN_VARIABLE: &str = "ARENA_VALIDATOR_TOKEN";

/// Serves until a signal comes, and finishes the requests under way.
pub async fn run(args: ServeArgs) -> Result {
    let sign_key = args.sign_key.read()?;
    let signer = sign_key.as_ref().map(SigningKey::public);
    let store = args.store.open_or_create()?;
    if let Err(error) = store.add_missing_programs() {
        print_line(&format!("warning: {error}"));
    }
    let log = args.log.start()?;
    let settings = Settings {
        validator_token: validator_token(&args)?,
        sign_key,
        quotas: args.quotas.quotas(),
        behind_proxy: args.behind_proxy,
        public_url: args.public_url,
        log: log.clone(),
        limits: args.limits.limits(allowed_connections()?),
        similarity: if args.no_similarity { None } else { Some(args.base.read()?) },
    };
    let listener = listen("--addr", &args.addr).await?;
    let metrics = match &args.metrics_addr {
        Some(address) => Some(listen("--metrics-addr", address).await?),
        None => None,
    };
    let address = listener.local_addr().map_err(failed("look up the address of the socket"))?;
    let metrics_address = metrics.as_ref().and_then(|metrics| metrics.local_addr().ok());
    interrupt::listen()?;
    // A reader of this line may connect, or send a signal, at once. If it cannot be written, as on a full
    // disk, the server still runs.
    let _ = writeln!(std::io::stdout(), "listening on http://{address}");
    if let Some(metrics) = metrics_address {
        print_line(&format!("metrics: http://{metrics}/metrics"));
    }
    if let Some(signer) = signer {
        print_line(&format!("receipts are signed by {}", signer.fingerprint()));
    }
    let checked = store.clone();
    tokio::task::spawn_blocking(move || report_damaged(&checked));
    let shutdown = async move {
        tokio::select! {
            () = interrupt::received() => {}
            () = stdin_closed(), if args.until_stdin_closes => {}
        }
    };
    let listeners = Listeners { public: listener, metrics };
    let served = server::serve(listeners, store, settings, shutdown).await;
    // Waits for the disk, which nothing else needs this thread for any more.
    log.flush();
    served.map_err(failed("serve"))
}

/// Binds the address that an option names.
async fn listen(option: &str, address: &str) -> Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|error| {
        CommandError::Input(format!(
            "cannot listen on {address}: {error}; stop what listens there, or name another address with {option}"
        ))
    })
}

fn failed(action: &str) -> impl Fn(std::io::Error) -> CommandError {
    move |error| CommandError::Fault(format!("cannot {action}: {error}"))
}

/// Damaged agents do not keep the others from being served, so the operator must hear of them.
fn report_damaged(store: &Store) {
    match store.agents() {
        Ok(listing) => {
            listing.damaged.iter().for_each(|damaged| print_line(&format!("warning: {damaged}")));
        }
        Err(error) => print_line(&format!("warning: {error}")),
    }
}

/// Returns the number of connections that the system allows: few enough that they leave file descriptors for the store.
/// The soft limit on descriptors is raised to the hard one first.
fn allowed_connections() -> Result<usize> {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit)
        .map_err(|error| failed("raise the limit on open files")(error.into()))?;
    Ok(limit.maximum.and_then(|most| usize::try_from(most / 2).ok()).unwrap_or(usize::MAX))
}

/// Waits for the end of stdin in a thread of its own, which may block until the process ends.
async fn stdin_closed() {
    let (sender, closed) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        let _ = sender.send(());
    });
    let _ = closed.await;
}

fn validator_token(args: &ServeArgs) -> Result<Option<String>> {
    if let Some(path) = &args.validator_token_file {
        return Ok(Some(read_token(path)?.to_string()));
    }
    let token = std::env::var(TOKEN_VARIABLE).unwrap_or_default().trim().to_owned();
    Ok((!token.is_empty()).then_some(token))
}
