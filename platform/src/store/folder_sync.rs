//! One sync of a folder for all who wait for one.
//!
//! A sync makes every rename durable that was made before it began. So whoever comes while one is under
//! way waits for the next, together with everybody else who came meanwhile: sixteen uploads at once
//! cost two syncs, not sixteen.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// The syncs of one folder.
#[derive(Debug, Default)]
pub(super) struct FolderSync {
    state: Mutex<State>,
    ended: Condvar,
}

#[derive(Debug, Default)]
struct State {
    under_way: bool,
    /// How many have begun, and the number of the latest.
    begun: u64,
    /// The number of the latest that ended.
    ended: u64,
    /// How many wait for the sync with this number.
    waiting: BTreeMap<u64, usize>,
    /// Those that failed and are waited for, with what the system said.
    failed: BTreeMap<u64, Option<i32>>,
}

impl FolderSync {
    /// Returns when a `sync` that began after this call has ended, with its result.
    pub(super) fn run(&self, sync: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        let mut state = self.lock();
        let mine = state.begun + 1;
        *state.waiting.entry(mine).or_default() += 1;
        while state.under_way && state.ended < mine {
            state = self.ended.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.ended < mine {
            // Nobody has begun the one that we all wait for.
            state.under_way = true;
            state.begun = mine;
            drop(state);
            let result = sync();
            state = self.lock();
            state.under_way = false;
            state.ended = mine;
            if let Err(error) = result {
                state.failed.insert(mine, error.raw_os_error());
            }
            self.ended.notify_all();
        }
        state.result_of(mine)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The result of a sync that has ended; forgotten when all who wait for it know.
    fn result_of(&mut self, number: u64) -> io::Result<()> {
        let result = match self.failed.get(&number) {
            None => Ok(()),
            Some(Some(code)) => Err(io::Error::from_raw_os_error(*code)),
            Some(None) => Err(io::Error::other("the folder could not be synced")),
        };
        let waiting = self.waiting.entry(number).or_insert(1);
        *waiting -= 1;
        if *waiting == 0 {
            self.waiting.remove(&number);
            self.failed.remove(&number);
        }
        result
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc;
    use std::thread;

    use super::*;

    #[test]
    fn whoever_comes_meanwhile_shares_the_next_one_and_its_result() {
        let folder = FolderSync::default();
        let syncs = AtomicUsize::new(0);
        let (announce, begun) = mpsc::channel();
        let (release, released) = mpsc::channel();
        thread::scope(|scope| {
            let folder = &folder;
            let first = scope.spawn(move || {
                folder.run(|| {
                    announce.send(()).unwrap();
                    released.recv().unwrap();
                    Ok(())
                })
            });
            begun.recv().unwrap();
            let others: Vec<_> = (0..10)
                .map(|_| {
                    scope.spawn(|| {
                        folder.run(|| {
                            syncs.fetch_add(1, Ordering::SeqCst);
                            Err(io::Error::from_raw_os_error(5))
                        })
                    })
                })
                .collect();
            while folder.lock().waiting.get(&2) != Some(&10) {
                thread::yield_now();
            }
            release.send(()).unwrap();
            assert!(first.join().unwrap().is_ok());
            for other in others {
                assert_eq!(other.join().unwrap().unwrap_err().raw_os_error(), Some(5));
            }
        });
        assert_eq!(syncs.load(Ordering::SeqCst), 1);
        assert!(folder.run(|| Ok(())).is_ok(), "a failure is not remembered for later ones");
        assert!(folder.lock().waiting.is_empty() && folder.lock().failed.is_empty());
    }
}
