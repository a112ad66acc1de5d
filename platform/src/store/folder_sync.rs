//! One sync of a folder for all who wait for one.
//!
//! A sync makes every rename durable that was made before it began. So whoever comes while one is under
//! way waits for the next, together with everybody else who came meanwhile: sixteen uploads at once
//! cost two syncs, not sixteen. A ticket remembers when one came, so that there is time for something
//! else before the wait, and often nothing left to wait for.

use std::io;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// The syncs of one folder.
#[derive(Debug, Default)]
pub(super) struct FolderSync {
    state: Mutex<State>,
    ended: Condvar,
}

/// The number of the first sync that begins after the ticket was taken.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ticket(u64);

#[derive(Debug, Default)]
struct State {
    under_way: bool,
    /// How many have begun, and the number of the latest.
    begun: u64,
    /// The number of the latest that ended.
    ended: u64,
    /// The latest that failed, with what the system said.
    failed: Option<(u64, Option<i32>)>,
}

impl FolderSync {
    /// For who has just changed the folder.
    pub(super) fn ticket(&self) -> Ticket {
        Ticket(self.lock().begun + 1)
    }

    /// Returns when a `sync` that began after the ticket was taken has ended. A later failure counts as
    /// this one's: what the disk has lost by then is not known.
    pub(super) fn wait(
        &self,
        Ticket(number): Ticket,
        sync: impl FnOnce() -> io::Result<()>,
    ) -> io::Result<()> {
        let mut state = self.lock();
        while state.under_way && state.ended < number {
            state = self.ended.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.ended < number {
            // Nobody has begun the one that we all wait for.
            state.under_way = true;
            state.begun = number;
            drop(state);
            let result = sync();
            state = self.lock();
            state.under_way = false;
            state.ended = number;
            if let Err(error) = result {
                state.failed = Some((number, error.raw_os_error()));
            }
            self.ended.notify_all();
        }
        match state.failed {
            Some((failed, Some(code))) if failed >= number => {
                Err(io::Error::from_raw_os_error(code))
            }
            Some((failed, None)) if failed >= number => {
                Err(io::Error::other("the folder could not be synced"))
            }
            _ => Ok(()),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
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
            let (folder, syncs) = (&folder, &syncs);
            let ticket = folder.ticket();
            let first = scope.spawn(move || {
                folder.wait(ticket, || {
                    announce.send(()).unwrap();
                    released.recv().unwrap();
                    Ok(())
                })
            });
            begun.recv().unwrap();
            let fail = move |ticket| {
                folder.wait(ticket, || {
                    syncs.fetch_add(1, Ordering::SeqCst);
                    Err(io::Error::from_raw_os_error(5))
                })
            };
            let others: Vec<_> = (0..10)
                .map(|_| folder.ticket())
                .map(|ticket| scope.spawn(move || fail(ticket)))
                .collect();
            release.send(()).unwrap();
            // It may come to look only when the next one has failed as well.
            let _ = first.join().unwrap();
            for other in others {
                assert_eq!(other.join().unwrap().unwrap_err().raw_os_error(), Some(5));
            }
        });
        assert_eq!(syncs.load(Ordering::SeqCst), 1);
        assert!(folder.wait(folder.ticket(), || Ok(())).is_ok(), "a failure is not a later one's");
    }

    #[test]
    fn a_ticket_is_good_for_what_was_synced_meanwhile_and_not_for_what_was_before() {
        let folder = FolderSync::default();
        let never = || -> io::Result<()> { unreachable!("it was synced already") };
        let early = folder.ticket();
        folder.wait(folder.ticket(), || Ok(())).unwrap();
        folder.wait(early, never).unwrap();
        folder.wait(early, never).unwrap();
        let late = folder.ticket();
        let mut synced = false;
        folder
            .wait(late, || {
                synced = true;
                Ok(())
            })
            .unwrap();
        assert!(synced);
    }
}
