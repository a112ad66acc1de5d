//! The progress of the running round as server-sent events. All listeners share one reading of the store's file.

use std::convert::Infallible;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use super::body_choice::StreamedBody;
use super::build_cache::BuildCache;
use super::problem::ProblemResponse;
use crate::api::{ProblemKind, ProgressState, RoundProgress};
use crate::store::{Store, StoreError};

/// How often the progress is read. The validator writes it once a second.
const INTERVAL: Duration = Duration::from_millis(500);
/// How long a stream lasts. The browser connects again, so that no connection is older than others may be.
const DURATION: Duration = Duration::from_mins(4);
/// The number of streams at a time. Each keeps a connection.
const MAX_LISTENERS: usize = 512;

/// The progress of the running round, and its listeners.
#[derive(Debug)]
pub(super) struct Live {
    /// What was read, and when. There is one file.
    latest: BuildCache<(), (Instant, Option<RoundProgress>)>,
    listeners: Arc<Semaphore>,
}

impl Default for Live {
    fn default() -> Self {
        Self {
            latest: BuildCache::new(NonZeroUsize::MIN, NonZeroUsize::MIN),
            listeners: Arc::new(Semaphore::new(MAX_LISTENERS)),
        }
    }
}

/// Whether the server is stopping, as requests carry it.
#[derive(Clone, Debug)]
pub(super) struct ServerStopping(pub(super) CancellationToken);

impl Live {
    /// Returns whether it is known that no round runs, without a look at the disk and without waiting for one.
    pub(super) fn is_idle(&self) -> bool {
        matches!(self.latest.kept(&()), Some((at, None)) if at.elapsed() < INTERVAL)
    }

    /// Returns the progress of the round that runs now, if one does. It may be half a second old.
    pub(super) fn running(&self, store: &Store) -> Result<Option<RoundProgress>, StoreError> {
        let read = || {
            let progress = store.progress()?;
            Ok((
                Instant::now(),
                progress.filter(|progress| progress.state == ProgressState::Running),
            ))
        };
        let is_fresh = |(at, _): &(Instant, _)| at.elapsed() < INTERVAL;
        self.latest.get(&(), is_fresh, read).map(|(_, progress)| progress)
    }
}

/// A listener of one round.
struct LiveListener {
    live: Arc<Live>,
    store: Store,
    round: String,
    shown: Option<RoundProgress>,
    until: Instant,
    stopping: CancellationToken,
    has_ended: bool,
    _permit: OwnedSemaphorePermit,
}

/// Streams the progress of a round until its evaluation ends.
pub(super) fn follow(
    live: Arc<Live>,
    store: Store,
    round: String,
    stopping: CancellationToken,
) -> Result<Response, ProblemResponse> {
    let permit = live.listeners.clone().try_acquire_owned().map_err(|_| {
        let detail = "too many listeners: load the page again from time to time";
        ProblemResponse::new(ProblemKind::Overloaded, detail)
    })?;
    let listener = LiveListener {
        live,
        store,
        round,
        shown: None,
        until: Instant::now() + DURATION,
        stopping,
        has_ended: false,
        _permit: permit,
    };
    let events = stream::unfold(listener, |mut listener| async move {
        let event = listener.next().await?;
        Some((Ok::<_, Infallible>(event), listener))
    });
    let mut response = Sse::new(events).keep_alive(KeepAlive::default()).into_response();
    response.extensions_mut().insert(StreamedBody);
    // nginx passes events on at once.
    response.headers_mut().insert("x-accel-buffering", axum::http::HeaderValue::from_static("no"));
    Ok(response)
}

impl LiveListener {
    /// Waits for the next event. After the end of the evaluation, which is one too, there is none.
    async fn next(&mut self) -> Option<Event> {
        while !self.has_ended && Instant::now() < self.until {
            let progress = self.running().await;
            let Some(progress) = progress else {
                self.has_ended = true;
                return Some(Event::default().event("ended").data(&self.round));
            };
            if self.shown.as_ref() != Some(&progress) {
                let data = serde_json::to_string(&progress).expect("progress is plain data");
                self.shown = Some(progress);
                return Some(Event::default().event("progress").data(data));
            }
            tokio::select! {
                () = self.stopping.cancelled() => return None,
                () = tokio::time::sleep(INTERVAL) => {}
            }
        }
        None
    }

    /// The progress of the listener's round. A store that cannot be read counts as its end; the page says more.
    async fn running(&self) -> Option<RoundProgress> {
        let (live, store) = (self.live.clone(), self.store.clone());
        let read = tokio::task::spawn_blocking(move || live.running(&store)).await;
        read.ok()?.ok()?.filter(|progress| progress.round == self.round)
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::process::Command;
    use std::sync::mpsc::channel;
    use std::thread;

    use super::*;

    /// How long a thread may take on a busy machine to do what nothing keeps it from.
    const LONGEST: Duration = Duration::from_secs(20);

    /// Handlers ask on the threads that serve every request.
    #[test]
    fn slow_disk_does_not_hold_up_who_asks_whether_a_round_runs() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path()).unwrap();
        // A file whose reader waits until someone writes.
        let file = directory.path().join("progress.json");
        assert!(Command::new("mkfifo").arg(&file).status().unwrap().success());
        let live = &Live::default();
        thread::scope(|scope| {
            let reader = scope.spawn(|| live.running(&store));
            // Opened as soon as the reader has opened it.
            let writer = File::options().write(true).open(&file).unwrap();
            let (done, is_done) = channel();
            scope.spawn(move || done.send(live.is_idle()).unwrap());
            let idle = is_done.recv_timeout(LONGEST);
            // An empty file holds no progress.
            drop(writer);
            assert_eq!(idle, Ok(false), "it waited for the disk");
            assert_eq!(reader.join().unwrap().unwrap(), None);
        });
        assert!(live.is_idle());
    }
}
