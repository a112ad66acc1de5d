//! The gateway behind a socket of this machine: what agents ask in a container, without the container.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use harness::gateway::base_url::BaseUrl;
use harness::gateway::model::ModelSettings;
use harness::gateway::provider::ProviderKind;
use harness::gateway::round::Gateway;
use harness::gateway::session::ModelSession;
use tasks::Sha256;
use tokio::io::{copy_bidirectional, duplex};
use tokio::net::{UnixListener, UnixStream};
use tokio::runtime::Runtime;

/// Bytes of a connection that may be under way, as in a container.
const WINDOW_BYTES: usize = 1 << 16;

/// The gateway of one trial, with a journal, as in a round. It ends when it is dropped.
pub struct HostGateway {
    /// The socket
    pub socket: PathBuf,
    _runtime: Runtime,
}

impl HostGateway {
    /// Serves the model at an address for a trial that may make so many calls.
    pub fn start(directory: &Path, address: SocketAddr, calls: usize) -> anyhow::Result<Self> {
        let base_url = BaseUrl::parse(&format!("http://{address}/v1"));
        let base_url = base_url.ok().context("the address of the mock is one")?;
        let mut settings = ModelSettings::new(ProviderKind::Ollama, "mock", base_url);
        settings.trial_budget = format!("calls={calls}").parse()?;
        let gateway = Gateway::open(settings, Some(directory.join("journals")))?;
        let session = ModelSession::begin(&gateway, &Sha256::of(b"a trial"))?;
        let socket = directory.join("model.sock");
        let runtime = Runtime::new()?;
        let listener = {
            let _inside = runtime.enter();
            UnixListener::bind(&socket)?
        };
        runtime.spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                tokio::spawn(serve(Arc::clone(&session), connection));
            }
        });
        Ok(Self { socket, _runtime: runtime })
    }
}

async fn serve(session: Arc<ModelSession>, mut connection: UnixStream) {
    let (mut ours, theirs) = duplex(WINDOW_BYTES);
    let serving = (session.line().serve)(theirs);
    let _ = tokio::join!(serving, copy_bidirectional(&mut connection, &mut ours));
}
