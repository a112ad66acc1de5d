//! From sockets to a running server, and to its end.

use std::future::Future;
use std::io;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::accept::{self, AcceptLimits};
use super::metrics;
use super::observe::Observer;
use super::routes::{self, RouterContext};
use super::settings::Settings;
use crate::store::Store;

/// The sockets of a server.
#[derive(Debug)]
pub struct Listeners {
    /// For everyone.
    pub public: TcpListener,
    /// For the monitoring system: `GET /metrics`. No one else should reach it.
    pub metrics: Option<TcpListener>,
}

impl From<TcpListener> for Listeners {
    fn from(public: TcpListener) -> Self {
        Self { public, metrics: None }
    }
}

/// Serves the API until `shutdown` completes, then finishes the requests in progress.
pub async fn serve(
    listeners: impl Into<Listeners>,
    store: Store,
    settings: Settings,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let Listeners { public, metrics } = listeners.into();
    let limits = settings.limits;
    // Behind a proxy all connections come from one address.
    let is_limited = settings.quotas.is_some() && !settings.behind_proxy;
    let per_address = is_limited.then_some(limits.connections_per_address);
    let observer = Arc::new(Observer::new(&settings));
    let figures = observer.metrics.clone();
    let stopping = CancellationToken::new();
    let stopped = stopping.clone().cancelled_owned();
    let monitoring = async {
        let Some(listener) = metrics else { return Ok(()) };
        let router = metrics::router(figures.clone(), store.clone());
        axum::serve(listener, router).with_graceful_shutdown(stopped).await
    };
    let limits = AcceptLimits { http: limits, per_address };
    let context = RouterContext { address: public.local_addr()?, observer };
    let router = routes::router(store.clone(), settings, context);
    let public = async {
        let served = accept::serve(public, router, limits, figures.clone(), shutdown).await;
        stopping.cancel();
        served
    };
    tokio::try_join!(public, monitoring).map(drop)
}
