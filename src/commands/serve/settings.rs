//! The settings of `serve`. Each is an option and an environment variable.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{BoolishValueParser, RangedI64ValueParser};
use clap::{Args, ValueEnum};
use platform::server::{HttpLimits, LogFile, LogFormat, PublicUrl, Quotas, ServerLog};

use crate::args::{BaseCodeArgs, ByteSize, SignKeyArgs, StoreArgs};
use crate::exit::{CommandError, Result};

/// Arguments of `serve`.
#[derive(Args)]
pub struct ServeArgs {
    /// Address to listen on; port 0 selects a free port
    #[arg(long, env = "ARENA_ADDR", default_value = "127.0.0.1:7878", value_name = "HOST:PORT")]
    pub addr: String,
    #[command(flatten)]
    pub store: StoreArgs,
    #[arg(
        long,
        env = "ARENA_VALIDATOR_TOKEN_FILE",
        value_name = "FILE",
        help = "File with the validator token, which grants reading sources and publishing rankings [default: \
            the token in ARENA_VALIDATOR_TOKEN]"
    )]
    pub validator_token_file: Option<PathBuf>,
    #[command(flatten)]
    pub sign_key: SignKeyArgs,
    #[command(flatten)]
    pub quotas: QuotaArgs,
    #[command(flatten)]
    pub limits: HttpLimitArgs,
    /// Do not mark similar agents on the page
    #[arg(long, env = "ARENA_NO_SIMILARITY", value_parser = BoolishValueParser::new())]
    pub no_similarity: bool,
    #[command(flatten)]
    pub base: BaseCodeArgs,
    /// Read the client's address from X-Forwarded-For, which your proxy must set
    #[arg(long, env = "ARENA_BEHIND_PROXY", value_parser = BoolishValueParser::new())]
    pub behind_proxy: bool,
    /// Where clients reach the platform: `https://HOST/PATH`, or only `/PATH` if a proxy serves it there
    #[arg(long, env = "ARENA_PUBLIC_URL", value_name = "URL", default_value = "/")]
    pub public_url: PublicUrl,
    #[command(flatten)]
    pub log: LogArgs,
    /// Address for the monitoring system alone: GET /metrics
    #[arg(long, env = "ARENA_METRICS_ADDR", value_name = "HOST:PORT")]
    pub metrics_addr: Option<String>,
    /// Stop when stdin is closed, so that no server outlives its parent process
    #[arg(long)]
    pub until_stdin_closes: bool,
}

/// What is logged, and where.
#[derive(Args)]
pub struct LogArgs {
    /// Form of the access and audit log: one line for each request and for each upload, token and ranking
    #[arg(long = "log", env = "ARENA_LOG", value_enum, default_value_t = LogChoice::Text, value_name = "FORMAT")]
    format: LogChoice,
    /// File to append the log to [default: stderr]
    #[arg(long = "log-file", env = "ARENA_LOG_FILE", value_name = "FILE")]
    file: Option<PathBuf>,
}

/// The forms of the log.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum LogChoice {
    Off,
    Text,
    Json,
}

impl LogArgs {
    /// Starts the log. Messages to the operator go into it as well.
    pub fn start(&self) -> Result<ServerLog> {
        let format = match self.format {
            LogChoice::Off => return Ok(ServerLog::default()),
            LogChoice::Text => LogFormat::Text,
            LogChoice::Json => LogFormat::Json,
        };
        let log = match &self.file {
            None => ServerLog::start(format, std::io::stderr()),
            Some(path) => {
                let file = LogFile::open(path).map_err(|error| {
                    let path = path.display();
                    CommandError::Input(format!(
                        "cannot write the log {path}: {error}; name another file with --log-file"
                    ))
                })?;
                ServerLog::start(format, file)
            }
        };
        let log = log.map_err(|error| {
            CommandError::Fault(format!("cannot start a thread for the log: {error}"))
        })?;
        let messages = log.clone();
        platform::log::redirect(move |text| messages.message(text));
        Ok(log)
    }
}

/// Upload quotas. A client may use an hour's quota at once; it is refilled evenly.
#[derive(Args)]
pub struct QuotaArgs {
    /// New versions of one agent per hour
    #[arg(long, env = "ARENA_VERSIONS_PER_HOUR", value_name = "N", default_value_t = Quotas::STANDARD.per_id_hour, value_parser = at_least_one())]
    versions_per_hour: u32,
    /// Uploads from one address per hour, refused ones included
    #[arg(long, env = "ARENA_UPLOADS_PER_HOUR", value_name = "N", default_value_t = Quotas::STANDARD.per_address_hour, value_parser = at_least_one())]
    uploads_per_hour: u32,
    /// New miner ids from one address per hour
    #[arg(long, env = "ARENA_NEW_IDS_PER_HOUR", value_name = "N", default_value_t = Quotas::STANDARD.new_ids_hour, value_parser = at_least_one())]
    new_ids_per_hour: u32,
    /// Lift the upload quotas and the limit on connections per address: for trusted networks only
    #[arg(long, env = "ARENA_NO_QUOTAS", value_parser = BoolishValueParser::new(),
        conflicts_with_all = ["versions_per_hour", "uploads_per_hour", "new_ids_per_hour"])]
    no_quotas: bool,
}

impl QuotaArgs {
    /// The quotas, or none.
    pub fn quotas(&self) -> Option<Quotas> {
        let quotas = Quotas {
            per_id_hour: self.versions_per_hour,
            per_address_hour: self.uploads_per_hour,
            new_ids_hour: self.new_ids_per_hour,
        };
        (!self.no_quotas).then_some(quotas)
    }
}

/// Limits of connections and requests.
#[derive(Args)]
pub struct HttpLimitArgs {
    /// Concurrent connections [default: 4096, or half of the files that the system lets the server open]
    #[arg(long, env = "ARENA_CONNECTIONS", value_name = "N", value_parser = at_least_one())]
    connections: Option<u32>,
    /// Concurrent connections of one address; not applied behind a proxy
    #[arg(long, env = "ARENA_CONNECTIONS_PER_ADDRESS", value_name = "N", default_value_t = 256, value_parser = at_least_one())]
    connections_per_address: u32,
    /// Time for a request, including the arrival of its body
    #[arg(long, env = "ARENA_REQUEST_TIME", value_name = "SECONDS", default_value_t = 30, value_parser = seconds())]
    request_time: u32,
    /// Time after which a connection takes no further request
    #[arg(long, env = "ARENA_CONNECTION_TIME", value_name = "SECONDS", default_value_t = 300, value_parser = seconds())]
    connection_time: u32,
    /// Largest ranking that the validator may publish
    #[arg(long, env = "ARENA_MAX_DOCUMENT_SIZE", value_name = "SIZE", default_value = "64M")]
    max_document_size: ByteSize,
}

impl HttpLimitArgs {
    /// The limits, with at most as many connections as the system allows.
    pub fn limits(&self, allowed: usize) -> HttpLimits {
        let standard = HttpLimits::STANDARD;
        let connections = self.connections.map_or(standard.connections, |n| n as usize);
        HttpLimits {
            connections: connections.min(allowed),
            connections_per_address: self.connections_per_address as usize,
            request_time: Duration::from_secs(self.request_time.into()),
            connection_time: Duration::from_secs(self.connection_time.into()),
            document_bytes: usize::try_from(self.max_document_size.0).unwrap_or(usize::MAX),
            ..standard
        }
    }
}

fn at_least_one() -> RangedI64ValueParser<u32> {
    clap::value_parser!(u32).range(1..)
}

/// A day is longer than any request needs.
fn seconds() -> RangedI64ValueParser<u32> {
    clap::value_parser!(u32).range(1..=86_400)
}
