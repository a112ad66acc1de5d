//! Whether the platform can do its work. Asking often costs little: the store is tried at most every few seconds.

use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use super::problem::ProblemResponse;
use crate::store::{Store, StoreError};

/// The time for which a result is kept.
const PROBE_AGE: Duration = Duration::from_secs(3);

/// The latest result of trying to write the store.
#[derive(Debug, Default)]
pub(super) struct StoreProbe(Mutex<Option<ProbeResult>>);

/// When the store was tried, and with which result.
#[derive(Debug)]
struct ProbeResult {
    at: Instant,
    error: Option<StoreError>,
}

impl ProbeResult {
    fn report(&self) -> Result<(), ProblemResponse> {
        self.error.as_ref().map_or(Ok(()), |error| Err(ProblemResponse::unwritable(error)))
    }
}

impl StoreProbe {
    /// Tries to write a file into the store. Requests that come meanwhile wait for the same result.
    pub(super) async fn check(&self, store: &Store) -> Result<(), ProblemResponse> {
        let mut latest = self.0.lock().await;
        if let Some(result) = &*latest
            && result.at.elapsed() < PROBE_AGE
        {
            return result.report();
        }
        let store = store.clone();
        let tried = tokio::task::spawn_blocking(move || store.check_writable());
        let error = tried.await.map_err(|_| ProblemResponse::internal())?.err();
        latest.insert(ProbeResult { at: Instant::now(), error }).report()
    }
}
