//! The HTTP server: what miners, validators and readers use.
//!
//! It takes a listener and a shutdown future, so that a test can bind port 0 and stop it. The store's calls
//! block on the disk, so they run on threads for blocking work.

use std::future::Future;
use std::io;

use tokio::net::TcpListener;

use crate::store::Store;

mod accept;
mod app;
mod auth;
mod board;
mod extract;
mod middleware;
mod openapi;
mod page;
mod problem;
mod public_url;
mod quota;
mod routes;
mod settings;
mod similar_agents;
mod submission;

pub use public_url::{ParsePublicUrlError, PublicUrl};
pub use routes::router;
pub use settings::{HttpLimits, Quotas, Settings};

/// Serves the API until `shutdown` completes, then finishes the requests in progress.
pub async fn serve(
    listener: TcpListener,
    store: Store,
    settings: Settings,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let limits = settings.limits;
    // Behind a proxy all connections come from one address.
    let is_limited = settings.quotas.is_some() && !settings.behind_proxy;
    let per_address = is_limited.then_some(limits.connections_per_address);
    accept::serve(listener, router(store, settings), limits, per_address, shutdown).await
}
