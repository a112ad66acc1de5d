//! A connection to the server, which comes back by itself after the server was away.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_nats::jetstream::{self, Context};
use async_nats::{Client, ConnectErrorKind, ConnectOptions, Event};
use harness::Fault;

use crate::identity::{Identity, NkeyFileError};

/// How long a request to the server may take before it is asked again.
const REQUEST: Duration = Duration::from_secs(5);
/// The file with the certificate of the server's authority, next to a key.
const CA_FILE: &str = "ca.pem";

/// Which server, and the key for it.
#[derive(Clone, Debug)]
pub struct NatsSettings {
    /// `nats://HOST:PORT` or `tls://HOST:PORT`, several with commas
    pub url: String,
    /// The file with the key; a server without authorization needs none
    pub key_file: Option<PathBuf>,
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectNatsError {
    /// The key cannot be read.
    #[error(transparent)]
    Key(#[from] NkeyFileError),
    /// The address is not one.
    #[error("'{}' is not the address of a NATS server: {why}; expected such as nats://host:4222", .url.escape_debug())]
    Address {
        /// What was given
        url: String,
        /// What is wrong
        why: String,
    },
    /// The server refuses the key.
    #[error(
        "the NATS server at {0} refuses this key; name the file of a key that its configuration lists with --nats-creds \
         ('arena nats init' writes both)"
    )]
    Refused(String),
    /// The server does not answer.
    #[error("no NATS server answers at {url}: {cause}; start it, or name another one with --nats")]
    Unreachable {
        /// The address
        url: String,
        /// Why the connection failed
        cause: String,
    },
}

/// Reports what happens to the connection, in a sentence.
pub type ConnectionListener = Arc<dyn Fn(String) + Send + Sync>;

/// A connection.
#[derive(Clone)]
pub struct NatsConnection {
    /// The server's address
    pub url: String,
    /// The key that it was opened with
    pub identity: Identity,
    /// Plain messages
    pub client: Client,
    /// Stored messages
    pub jetstream: Context,
}

impl NatsConnection {
    /// Connects. The first attempt must succeed; later the connection is opened again for as long as it takes.
    pub async fn open(
        settings: &NatsSettings,
        on_event: ConnectionListener,
    ) -> Result<Self, ConnectNatsError> {
        let NatsSettings { url, key_file } = settings;
        let addresses = addresses(url)?;
        let identity = key_file.as_deref().map(Identity::read).transpose()?;
        let secured = identity.is_some();
        let identity = identity.unwrap_or_else(Identity::random);
        let (address, lost) = (url.clone(), AtomicBool::new(false));
        let said = Mutex::new(String::new());
        let mut options = ConnectOptions::new()
            .name("arena")
            .custom_inbox_prefix(inbox(&identity))
            .request_timeout(Some(REQUEST))
            .subscription_capacity(1 << 16)
            .event_callback(move |event| {
                if matches!(event, Event::Disconnected) {
                    lost.store(true, Ordering::Relaxed);
                }
                // That the first connection stands is seen by what follows.
                let is_first = matches!(event, Event::Connected) && !lost.load(Ordering::Relaxed);
                if let Some(text) = event_text(&address, &event).filter(|_| !is_first) {
                    // Each attempt to connect again may fail for the same reason.
                    let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
                    if *said != text {
                        said.clone_from(&text);
                        on_event(text);
                    }
                }
                async {}
            });
        if secured {
            options = options.nkey(identity.seed());
        }
        if let Some(authority) = key_file.as_deref().and_then(Path::parent).map(|d| d.join(CA_FILE))
            && authority.exists()
        {
            options = options.add_root_certificates(authority).require_tls(true);
        }
        let client = options.connect(addresses).await.map_err(|error| match error.kind() {
            ConnectErrorKind::AuthorizationViolation | ConnectErrorKind::Authentication => {
                ConnectNatsError::Refused(url.clone())
            }
            _ => ConnectNatsError::Unreachable { url: url.clone(), cause: causes(&error) },
        })?;
        let jetstream = jetstream::new(client.clone());
        Ok(Self { url: url.clone(), identity, client, jetstream })
    }

    /// The fault of a request that the server failed.
    pub fn failed(&self, action: &'static str, cause: impl std::error::Error) -> Fault {
        Fault::Queue { url: self.url.clone(), action, cause: causes(&cause) }
    }
}

/// The prefix of the subjects on which replies come. It is a worker's own, so that no worker reads what is sent to
/// another one.
pub fn inbox(identity: &Identity) -> String {
    format!("_INBOX_{}", identity.id())
}

fn addresses(url: &str) -> Result<Vec<async_nats::ServerAddr>, ConnectNatsError> {
    let parse = |part: &str| {
        part.trim().parse::<async_nats::ServerAddr>().map_err(|error| ConnectNatsError::Address {
            url: part.to_owned(),
            why: error.to_string(),
        })
    };
    url.split(',').map(parse).collect()
}

fn event_text(url: &str, event: &Event) -> Option<String> {
    match event {
        Event::Disconnected => Some(format!("lost the connection to {url}; waiting for it")),
        Event::Connected => Some(format!("connected to {url} again")),
        Event::SlowConsumer(_) | Event::LameDuckMode | Event::Draining | Event::Closed => None,
        Event::ServerError(error) => Some(format!("{url}: {error}")),
        Event::ClientError(error) => Some(format!("{url}: {error}")),
    }
}

/// An error with everything that caused it.
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let more = inner.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = inner.source();
    }
    text
}
