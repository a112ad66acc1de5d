//! The host's end of an agent's connections to its model.
//!
//! A container has no network. Its driver listens on a UNIX socket and carries what agents send there over the attached
//! streams, as frames. Here each connection becomes a stream that something serves. How much may be under way is limited
//! for each connection and direction, so an agent that does not read holds up nothing but itself.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::{Buf as _, Bytes, BytesMut};
use futures_util::future::BoxFuture;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, split};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::Instant;

use super::frames::{RELAY_TAG, frame};

/// Bytes of a connection that may be under way in one direction. Must equal `WINDOW_BYTES` in `driver.py`.
const WINDOW_BYTES: usize = 1 << 16;
/// Most bytes of one frame. Small, so that no connection makes the others wait.
const FRAME_BYTES: usize = 1 << 14;
/// What a frame means for a connection. Must equal the numbers in `driver.py`.
const OPENED: u8 = 0;
const DATA: u8 = 1;
const CLOSED: u8 = 2;
const WINDOW: u8 = 3;
const CLOCK_STOPPED: u8 = 4;
const CLOCK_RUNS: u8 = 5;
/// Longest time for which an agent's clock may stand still. What keeps it waiting has shorter limits of its own.
const MAX_WAITING: Duration = Duration::from_hours(24);

/// Serves one connection of an agent until it ends.
pub type ServeConnection = dyn Fn(DuplexStream) -> BoxFuture<'static, ()> + Send + Sync;

/// What an agent's connections lead to.
#[derive(Clone)]
pub struct ModelLine {
    /// Serves each connection
    pub serve: Arc<ServeConnection>,
    /// Whether the agent's wall-clock time stands still at present, because the host keeps it waiting
    pub clock_stopped: watch::Receiver<bool>,
}

/// The connections of one agent. Dropping it ends them.
pub(super) struct Relay {
    serve: Arc<ServeConnection>,
    clock_stopped: watch::Receiver<bool>,
    /// Since when the agent's clock stands still
    stopped_at: Option<Instant>,
    to_driver: mpsc::UnboundedSender<Bytes>,
    connections: HashMap<u32, HostEnd>,
    tasks: JoinSet<()>,
}

/// How frames of one connection reach what serves it.
struct HostEnd {
    to_server: mpsc::UnboundedSender<Bytes>,
    /// Bytes that the driver sent and the server has not taken yet
    received: Arc<AtomicUsize>,
    /// Bytes that the driver takes at present
    credit: Arc<Semaphore>,
    task: AbortHandle,
}

impl Relay {
    /// A relay without connections. Frames for the driver go to `to_driver`.
    pub fn new(line: &ModelLine, to_driver: mpsc::UnboundedSender<Bytes>) -> Self {
        Self {
            serve: Arc::clone(&line.serve),
            clock_stopped: line.clock_stopped.clone(),
            stopped_at: None,
            to_driver,
            connections: HashMap::new(),
            tasks: JoinSet::new(),
        }
    }

    /// Longest time by which the agent's present waiting may still extend its deadline.
    pub fn waited(&self) -> Duration {
        self.stopped_at.map_or(Duration::ZERO, |_| MAX_WAITING)
    }

    /// Waits until the agent's clock is stopped or runs again, and passes that on. Returns how long it stood still.
    /// Nothing is lost if the future is dropped.
    pub async fn clock_changed(&mut self) -> Duration {
        loop {
            if self.clock_stopped.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
            let stopped = *self.clock_stopped.borrow_and_update();
            if stopped == self.stopped_at.is_some() {
                continue;
            }
            let _ = self.to_driver.send(clock_frame(stopped));
            let before = self.stopped_at.take();
            self.stopped_at = stopped.then(Instant::now);
            return before.map_or(Duration::ZERO, |at| at.elapsed());
        }
    }

    /// Takes the payload of a frame of the driver, or says how it breaks the protocol.
    pub fn take(&mut self, mut payload: BytesMut) -> Result<(), String> {
        let invalid = || "a frame of a connection has an impossible length".to_owned();
        let number = payload.try_get_u32().map_err(|_| invalid())?;
        let kind = payload.try_get_u8().map_err(|_| invalid())?;
        while self.tasks.try_join_next().is_some() {}
        if kind == OPENED {
            return self.open(number);
        }
        // What the server has closed meanwhile is not an error.
        let Some(end) = self.connections.get(&number) else { return Ok(()) };
        match kind {
            DATA => {
                let received = end.received.fetch_add(payload.len(), Ordering::Relaxed);
                if received + payload.len() > WINDOW_BYTES {
                    return Err("it sent more of a connection than it may".to_owned());
                }
                let _ = end.to_server.send(payload.freeze());
            }
            WINDOW => {
                let bytes = payload.try_get_u32().map_err(|_| invalid())? as usize;
                if end.credit.available_permits() + bytes > WINDOW_BYTES {
                    return Err("it took more of a connection than was sent".to_owned());
                }
                end.credit.add_permits(bytes);
            }
            CLOSED => {
                if let Some(end) = self.connections.remove(&number) {
                    end.task.abort();
                }
            }
            _ => return Err("it sent an unknown frame of a connection".to_owned()),
        }
        Ok(())
    }

    fn open(&mut self, number: u32) -> Result<(), String> {
        let (to_server, from_driver) = mpsc::unbounded_channel();
        let received = Arc::new(AtomicUsize::new(0));
        let credit = Arc::new(Semaphore::new(WINDOW_BYTES));
        let carrier = Carrier {
            number,
            to_driver: self.to_driver.clone(),
            received: Arc::clone(&received),
            credit: Arc::clone(&credit),
        };
        let task = self.tasks.spawn(carrier.carry(Arc::clone(&self.serve), from_driver));
        match self.connections.insert(number, HostEnd { to_server, received, credit, task }) {
            None => Ok(()),
            Some(_) => Err("it opened a connection twice".to_owned()),
        }
    }
}

/// Carries the bytes of one connection.
struct Carrier {
    number: u32,
    to_driver: mpsc::UnboundedSender<Bytes>,
    received: Arc<AtomicUsize>,
    credit: Arc<Semaphore>,
}

impl Carrier {
    /// Serves the connection until the server ends it. The agent's end of it ends this task.
    async fn carry(
        self,
        serve: Arc<ServeConnection>,
        mut from_driver: mpsc::UnboundedReceiver<Bytes>,
    ) {
        let (servers, ours) = tokio::io::duplex(WINDOW_BYTES);
        let (mut reader, mut writer) = split(ours);
        let serving = serve(servers);
        let upward = async {
            while let Some(data) = from_driver.recv().await {
                if writer.write_all(&data).await.is_err() {
                    break;
                }
                self.received.fetch_sub(data.len(), Ordering::Relaxed);
                self.send(WINDOW, &u32::try_from(data.len()).unwrap_or_default().to_be_bytes());
            }
            // The server takes nothing more; it may still send.
            std::future::pending::<()>().await;
        };
        let downward = async {
            let mut buffer = [0; FRAME_BYTES];
            while let Ok(size @ 1..) = reader.read(&mut buffer).await {
                let permits = u32::try_from(size).unwrap_or_default();
                let Ok(permits) = self.credit.acquire_many(permits).await else { break };
                permits.forget();
                self.send(DATA, &buffer[..size]);
            }
        };
        let carried = async {
            tokio::select! {
                () = upward => {}
                () = downward => {}
            }
        };
        tokio::join!(serving, carried);
        self.send(CLOSED, &[]);
    }

    fn send(&self, kind: u8, data: &[u8]) {
        // Without a receiver the agent has ended.
        let _ = self.to_driver.send(relay_frame(self.number, kind, data));
    }
}

/// The frame that stops the agent's clock, or lets it run again.
fn clock_frame(stopped: bool) -> Bytes {
    relay_frame(0, if stopped { CLOCK_STOPPED } else { CLOCK_RUNS }, &[])
}

fn relay_frame(number: u32, kind: u8, data: &[u8]) -> Bytes {
    let mut payload = Vec::with_capacity(5 + data.len());
    payload.extend(number.to_be_bytes());
    payload.push(kind);
    payload.extend(data);
    frame(RELAY_TAG, &payload).into()
}

#[cfg(test)]
mod tests;
