//! Connections: how many, for how long, and how they end.
//!
//! `axum::serve` has no limits, so this is its loop with limits: a bound on connections and on a
//! header's size and time, an end to every connection, and a shutdown that lets requests under way
//! finish. HTTP/1.1 alone is spoken; a proxy that wants more can speak it before us.

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

use super::HttpLimits;
use super::quota::network;
use super::wire::Wire;
use crate::tell;

/// How long to wait when the system has no file descriptor left for a connection.
const BREATH: Duration = Duration::from_millis(100);

/// Who is at the other end of the connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer(pub(super) IpAddr);

/// Serves until `shutdown` completes, and then lets the requests under way finish. No address has more than
/// `per_address` connections.
pub(super) async fn serve(
    listener: TcpListener,
    router: Router,
    limits: HttpLimits,
    per_address: Option<usize>,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(limits.header_time)
        .max_headers(limits.headers)
        .max_buf_size(limits.header_bytes);
    let connections = Arc::new(Semaphore::new(limits.connections));
    let addresses = Addresses::default();
    let (stopping, tasks) = (CancellationToken::new(), TaskTracker::new());
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        let next = accept(&listener, &connections);
        let (stream, peer, permit) = tokio::select! {
            biased;
            () = &mut shutdown => break,
            accepted = next => accepted?,
        };
        // One that has all that it may have is not even answered: that would cost what it wants us to spend.
        let most = per_address.unwrap_or(usize::MAX);
        let Some(place) = addresses.place(peer.ip(), most) else { continue };
        let stopping = stopping.clone();
        let connection = Connection { peer, _place: place, _permit: permit, limits, stopping };
        tasks.spawn(connection.serve(stream, http.clone(), router.clone()));
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
            // The other end gave up before we came to it.
            Err(error) if is_of_one_connection(&error) => {}
            // No descriptors or no memory: connections that end will give some back.
            Err(error) => {
                tell(format_args!("cannot accept a connection: {error}; trying again"));
                tokio::time::sleep(BREATH).await;
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

/// How many connections each address has.
#[derive(Clone, Default)]
struct Addresses(Arc<Mutex<HashMap<IpAddr, usize>>>);

impl Addresses {
    /// A place for one more connection from there, if there are fewer than `most`.
    fn place(&self, address: IpAddr, most: usize) -> Option<Place> {
        let address = network(address.to_canonical());
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(address).or_default();
        if *count >= most {
            return None;
        }
        *count += 1;
        Some(Place { addresses: self.clone(), address })
    }
}

/// One connection of an address, until it is dropped.
struct Place {
    addresses: Addresses,
    address: IpAddr,
}

impl Drop for Place {
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

struct Connection {
    peer: SocketAddr,
    /// Held until the connection ends, as the permit is.
    _place: Place,
    _permit: OwnedSemaphorePermit,
    limits: HttpLimits,
    stopping: CancellationToken,
}

impl Connection {
    async fn serve(self, stream: TcpStream, http: http1::Builder, router: Router) {
        // Answers are written at once; waiting for more to send only adds latency.
        let _ = stream.set_nodelay(true);
        let peer = Peer(self.peer.ip().to_canonical());
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(peer);
            let router = router.clone();
            async move { Ok::<_, Infallible>(into_ok(router.oneshot(request.map(Body::new)).await)) }
        });
        let wire = TokioIo::new(Wire::new(stream, self.limits));
        let mut connection = pin!(http.serve_connection(wire, service));
        // How a connection ends is the other end's affair: there is nobody left to tell.
        tokio::select! {
            _ = &mut connection => return,
            () = self.stopping.cancelled() => {}
            () = tokio::time::sleep(self.limits.connection_time) => {}
        }
        // The request under way may finish; no other begins.
        connection.as_mut().graceful_shutdown();
        let _ = tokio::time::timeout(self.limits.finish_time(), connection).await;
    }
}

fn into_ok<T>(result: Result<T, Infallible>) -> T {
    let Ok(value) = result;
    value
}
