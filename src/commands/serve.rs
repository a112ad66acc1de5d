//! `arena serve`: from the arguments to a running server, and to its end.

use std::io::Write as _;
use std::path::PathBuf;

use clap::Args;
use clap::builder::RangedI64ValueParser;
use harness::round::remote::read_token;
use platform::server::{self, HttpLimits, PublicUrl, Quotas, Settings};
use platform::signing::SigningKey;
use platform::store::Store;
use rustix::process::{Resource, getrlimit, setrlimit};
use tokio::net::TcpListener;

use crate::args::{BaseCodeArgs, SignKeyArgs, StoreArgs};
use crate::console::print_line;
use crate::exit::{CommandError, Result};
use crate::interrupt;

/// Holds the validator token when no file is named.
const TOKEN_VARIABLE: &str = "ARENA_VALIDATOR_TOKEN";

/// Arguments of `serve`.
#[derive(Args)]
pub struct ServeArgs {
    /// Address to listen on; port 0 selects a free port
    #[arg(long, default_value = "127.0.0.1:7878", value_name = "HOST:PORT")]
    addr: String,
    #[command(flatten)]
    store: StoreArgs,
    #[arg(
        long,
        value_name = "FILE",
        help = "File with the validator token, which grants reading sources and publishing rankings [default: \
            the token in ARENA_VALIDATOR_TOKEN]"
    )]
    validator_token_file: Option<PathBuf>,
    #[command(flatten)]
    sign_key: SignKeyArgs,
    #[command(flatten)]
    quotas: QuotaArgs,
    /// Do not mark similar agents on the page
    #[arg(long)]
    no_similarity: bool,
    #[command(flatten)]
    base: BaseCodeArgs,
    /// Read the client's address from X-Forwarded-For, which your proxy must set
    #[arg(long)]
    behind_proxy: bool,
    /// Where clients reach the platform: `https://HOST/PATH`, or only `/PATH` if a proxy serves it there
    #[arg(long, env = "ARENA_PUBLIC_URL", value_name = "URL", default_value = "/")]
    public_url: PublicUrl,
    /// Stop when stdin is closed, so that no server outlives its parent process
    #[arg(long)]
    until_stdin_closes: bool,
}

/// Upload quotas. A client may use an hour's quota at once; it is refilled evenly.
#[derive(Args)]
struct QuotaArgs {
    /// New versions of one agent per hour
    #[arg(long, value_name = "N", default_value_t = Quotas::STANDARD.per_id_hour, value_parser = at_least_one())]
    versions_per_hour: u32,
    /// Uploads from one address per hour, refused ones included
    #[arg(long, value_name = "N", default_value_t = Quotas::STANDARD.per_address_hour, value_parser = at_least_one())]
    uploads_per_hour: u32,
    /// New miner ids from one address per hour
    #[arg(long, value_name = "N", default_value_t = Quotas::STANDARD.new_ids_hour, value_parser = at_least_one())]
    new_ids_per_hour: u32,
    /// Lift the upload quotas and the limit on connections per address: for trusted networks only
    #[arg(long, conflicts_with_all = ["versions_per_hour", "uploads_per_hour", "new_ids_per_hour"])]
    no_quotas: bool,
}

impl QuotaArgs {
    fn quotas(&self) -> Option<Quotas> {
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

/// Serves until a signal comes, and finishes the requests under way.
pub async fn run(args: ServeArgs) -> Result {
    let sign_key = args.sign_key.read()?;
    let signer = sign_key.as_ref().map(SigningKey::public);
    let store = args.store.open_or_create()?;
    if let Err(error) = store.add_missing_programs() {
        print_line(&format!("warning: {error}"));
    }
    let settings = Settings {
        validator_token: validator_token(&args)?,
        sign_key,
        quotas: args.quotas.quotas(),
        behind_proxy: args.behind_proxy,
        public_url: args.public_url,
        limits: HttpLimits { connections: connections()?, ..HttpLimits::STANDARD },
        similarity: if args.no_similarity { None } else { Some(args.base.read()?) },
    };
    let listener = TcpListener::bind(&args.addr).await.map_err(|error| {
        CommandError::Input(format!(
            "cannot listen on {}: {error}; stop what listens there, or name another address with --addr",
            args.addr
        ))
    })?;
    let address = listener.local_addr().map_err(failed("look up the address of the socket"))?;
    interrupt::listen()?;
    // A reader of this line may connect, or send a signal, at once. If it cannot be written, as on a full
    // disk, the server still runs.
    let _ = writeln!(std::io::stdout(), "listening on http://{address}");
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
    server::serve(listener, store, settings, shutdown).await.map_err(failed("serve"))
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

/// Returns how many connections to accept: few enough that they leave file descriptors for the store. The
/// soft limit on descriptors is raised to the hard one first.
fn connections() -> Result<usize> {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit)
        .map_err(|error| failed("raise the limit on open files")(error.into()))?;
    let standard = HttpLimits::STANDARD.connections;
    let half = limit.maximum.and_then(|most| usize::try_from(most / 2).ok());
    Ok(half.map_or(standard, |half| standard.min(half)))
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
