//! The worker pool: some number of workers at the same time, each with a state of its own such as a container.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use tokio::task::JoinSet;

/// Runs `jobs` workers at the same time, at least one, until each has ended, and returns their results. The first
/// error ends all of them.
pub async fn run_workers<T, E, F>(jobs: usize, worker: impl Fn() -> F) -> Result<Vec<T>, E>
where
    T: Send + 'static,
    E: Send + 'static,
    F: Future<Output = Result<T, E>> + Send + 'static,
{
    let mut workers = JoinSet::new();
    for _ in 0..jobs.max(1) {
        workers.spawn(worker());
    }
    let mut results = Vec::new();
    while let Some(ended) = workers.join_next().await {
        results.push(ended.expect("a worker does not panic")?);
    }
    Ok(results)
}

/// Items that workers take one by one, in order.
pub struct WorkQueue<T>(Mutex<VecDeque<T>>);

impl<T> WorkQueue<T> {
    /// A queue of these items.
    pub fn new(items: impl IntoIterator<Item = T>) -> Self {
        Self(Mutex::new(items.into_iter().collect()))
    }

    /// Takes the next item.
    pub fn next(&self) -> Option<T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }
}
