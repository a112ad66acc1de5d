//! Accepts connections, and limits their number and duration.
//!
//! `axum::serve` has no limits, so this is its loop with a bound on connections and on a header's size and
//! time, a maximum duration of every connection, and a shutdown that lets requests in progress finish. It
//! speaks HTTP/1.1 only; a reverse proxy can add other versions.

use std::collections::HashMap;
use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;

use super::client_address::PeerAddress;
use super::live::ServerStopping;
use super::metrics::Metrics;
use super::quota::network;
use super::settings::HttpLimits;
use crate::log::log_line;

/// How long to wait when the system has no file descriptor left for a connection.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);

/// The limits of all connections together.
#[derive(Clone, Copy, Debug)]
pub(super) struct AcceptLimits {
    pub(super) http: HttpLimits,
    /// Concurrent connections of one address; `None` for any number.
    pub(super) per_address: Option<usize>,
}

/// Serves until `shutdown` completes, then lets the requests in progress finish.
pub(super) async fn serve(
    listener: TcpListener,
    router: Router,
    AcceptLimits { http: limits, per_address }: AcceptLimits,
    metrics: Arc<Metrics>,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(limits.header_time)
        .max_headers(limits.headers)
        .max_buf_size(limits.header_bytes);
    let connections = Arc::new(Semaphore::new(limits.connections));
    let addresses = AddressCounts::default();
    let (stopping, tasks) = (CancellationToken::new(), TaskTracker::new());
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        let next = accept(&listener, &connections);
        let (stream, peer, permit) = tokio::select! {
            biased;
            () = &mut shutdown => break,
            accepted = next => accepted?,
        };
        // Excess connections of an address are closed without a response, which would cost resources.
        let most = per_address.unwrap_or(usize::MAX);
        let Some(slot) = addresses.reserve(peer.ip(), most) else {
            metrics.connections_refused.inc();
            continue;
        };
        let stopping = stopping.clone();
        let connection = Connection { peer, _slot: slot, _permit: permit, limits, stopping };
        let open = OpenConnection::new(&metrics);
        let served = connection.serve(stream, http.clone(), router.clone());
        tasks.spawn(async move {
            served.await;
            drop(open);
        });
    }
    // No new connections while the old ones finish.
    drop(listener);
    stopping.cancel();
    tasks.close();
    let _ = tokio::time::timeout(limits.finish_time(), tasks.wait()).await;
    Ok(())
}

async fn accept(
    listener: &TcpListener,
    connections: &Arc<Semaphore>,
) -> io::Result<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let permit = connections.clone().acquire_owned().await.map_err(io::Error::other)?;
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => return Ok((stream, peer, permit)),
            // The client closed the connection before it was accepted.
            Err(error) if is_of_one_connection(&error) => {}
            // No descriptors or no memory: connections that end will release some.
            Err(error) => {
                log_line(format_args!("cannot accept a connection: {error}; trying again"));
                tokio::time::sleep(ACCEPT_RETRY).await;
            }
        }
    }
}

fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionReset
    )
}

/// The number of connections of each address.
#[derive(Clone, Default)]
struct AddressCounts(Arc<Mutex<HashMap<IpAddr, usize>>>);

impl AddressCounts {
    /// Reserves one more connection for the address if it has fewer than `most`.
    fn reserve(&self, address: IpAddr, most: usize) -> Option<AddressSlot> {
        let address = network(address.to_canonical());
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(address).or_default();
        if *count >= most {
            return None;
        }
        *count += 1;
        Some(AddressSlot { addresses: self.clone(), address })
    }
}

/// One connection of an address, counted until it is dropped.
struct AddressSlot {
    addresses: AddressCounts,
    address: IpAddr,
}

impl Drop for AddressSlot {
    fn drop(&mut self) {
        let mut counts = self.addresses.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.address);
            }
        }
    }
}

/// A connection in the figures, counted until it is dropped.
struct OpenConnection(Arc<Metrics>);

impl OpenConnection {
    fn new(metrics: &Arc<Metrics>) -> Self {
        metrics.connections.inc();
        Self(metrics.clone())
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.connections.dec();
    }
}

struct Connection {
    peer: SocketAddr,
    /// Held until the connection ends, as the permit is.
    _slot: AddressSlot,
    _permit: OwnedSemaphorePermit,
    limits: HttpLimits,
    stopping: CancellationToken,
}

impl Connection {
    async fn serve(self, stream: TcpStream, http: http1::Builder, router: Router) {
        // Responses are written at once; waiting for more to send only adds latency.
        let _ = stream.set_nodelay(true);
        let peer = PeerAddress(self.peer.ip().to_canonical());
        let stopping = ServerStopping(self.stopping.clone());
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(peer);
            request.extensions_mut().insert(stopping.clone());
            let router = router.clone();
            async move { Ok::<_, Infallible>(into_ok(router.oneshot(request.map(Body::new)).await)) }
        });
        let mut connection = pin!(http.serve_connection(TokioIo::new(stream), service));
        // An error means that the client is gone, so there is nothing to report.
        tokio::select! {
            _ = &mut connection => return,
            () = self.stopping.cancelled() => {}
            () = tokio::time::sleep(self.limits.connection_time) => {}
        }
        // The request in progress may finish; no other begins.
        connection.as_mut().graceful_shutdown();
        let _ = tokio::time::timeout(self.limits.finish_time(), connection).await;
    }
}

fn into_ok<T>(result: Result<T, Infallible>) -> T {
    let Ok(value) = result;
    value
}
