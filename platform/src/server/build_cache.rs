//! Values that take long to make and that many requests ask for. The lock is held only to look up and to store, so a
//! request waits for the value that it asks for and for no other.

use std::collections::HashSet;
use std::hash::Hash;
use std::num::NonZeroUsize;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use lru::LruCache;

/// The values that were asked for last.
#[derive(Debug)]
pub(super) struct BuildCache<K: Hash + Eq, V> {
    entries: Mutex<CacheEntries<K, V>>,
    /// Signals the end of a build.
    ended: Condvar,
    /// The number of builds at a time: each needs memory that `kept` does not limit.
    at_once: NonZeroUsize,
}

#[derive(Debug)]
struct CacheEntries<K: Hash + Eq, V> {
    kept: LruCache<K, V>,
    building: HashSet<K>,
}

impl<K: Hash + Eq + Clone, V: Clone> BuildCache<K, V> {
    /// Keeps `kept` values and builds `at_once` at a time.
    pub(super) fn new(kept: NonZeroUsize, at_once: NonZeroUsize) -> Self {
        let entries = CacheEntries { kept: LruCache::new(kept), building: HashSet::new() };
        Self { entries: Mutex::new(entries), ended: Condvar::new(), at_once }
    }

    /// Returns the value that is kept under this key, current or not, without waiting for a build.
    pub(super) fn kept(&self, key: &K) -> Option<V> {
        self.entries().kept.get(key).cloned()
    }

    /// Returns the value of this key if it is current, and builds it otherwise. Requests for one key wait for one build;
    /// if it fails, the next of them tries again.
    pub(super) fn get<E>(
        &self,
        key: &K,
        is_current: impl Fn(&V) -> bool,
        build: impl FnOnce() -> Result<V, E>,
    ) -> Result<V, E> {
        let mut entries = self.entries();
        loop {
            if let Some(value) = entries.kept.get(key).filter(|value| is_current(value)) {
                return Ok(value.clone());
            }
            if !entries.building.contains(key) && entries.building.len() < self.at_once.get() {
                break;
            }
            entries = self.ended.wait(entries).unwrap_or_else(PoisonError::into_inner);
        }
        entries.building.insert(key.clone());
        drop(entries);
        let _turn = BuildTurn { cache: self, key };
        let value = build()?;
        self.entries().kept.put(key.clone(), value.clone());
        Ok(value)
    }

    fn entries(&self) -> MutexGuard<'_, CacheEntries<K, V>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right to build the value of a key. It ends with the build, also one that fails or panics.
struct BuildTurn<'a, K: Hash + Eq + Clone, V: Clone> {
    cache: &'a BuildCache<K, V>,
    key: &'a K,
}

impl<K: Hash + Eq + Clone, V: Clone> Drop for BuildTurn<'_, K, V> {
    fn drop(&mut self) {
        self.cache.entries().building.remove(self.key);
        self.cache.ended.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::mpsc::{Receiver, Sender, channel};
    use std::thread;
    use std::time::Duration;

    use super::*;

    type Numbers = BuildCache<&'static str, u32>;

    /// How long a thread may take on a busy machine to do what nothing keeps it from.
    const LONGEST: Duration = Duration::from_secs(20);

    fn numbers(at_once: usize) -> Numbers {
        let size = |number| NonZeroUsize::new(number).expect("it is not 0");
        BuildCache::new(size(4), size(at_once))
    }

    /// Builds that report their beginning and wait for leave to end.
    struct HeldBuilds {
        begun: Sender<()>,
        leave: Mutex<Receiver<()>>,
    }

    impl HeldBuilds {
        fn new() -> (Self, Receiver<()>, Sender<()>) {
            let (begun, has_begun) = channel();
            let (may_end, leave) = channel();
            (Self { begun, leave: Mutex::new(leave) }, has_begun, may_end)
        }

        fn build(&self, cache: &Numbers, key: &'static str) -> u32 {
            let built = cache.get(
                &key,
                |_| true,
                || {
                    self.begun.send(()).unwrap();
                    self.leave.lock().unwrap().recv().unwrap();
                    Ok::<_, Infallible>(1)
                },
            );
            let Ok(built) = built;
            built
        }
    }

    #[test]
    fn build_holds_up_no_other_key_and_nothing_that_is_kept() {
        let cache = &numbers(2);
        let (builds, has_begun, may_end) = HeldBuilds::new();
        thread::scope(|scope| {
            let slow = scope.spawn(|| builds.build(cache, "slow"));
            has_begun.recv().unwrap();
            let (done, is_done) = channel();
            scope.spawn(move || {
                assert_eq!(cache.kept(&"slow"), None);
                done.send(cache.get(&"other", |_| true, || Ok::<_, Infallible>(2))).unwrap();
            });
            let other = is_done.recv_timeout(LONGEST);
            may_end.send(()).unwrap();
            assert_eq!(other, Ok(Ok(2)), "it waited for the build of another key");
            assert_eq!(slow.join().unwrap(), 1);
        });
        assert_eq!(cache.kept(&"slow"), Some(1));
    }

    #[test]
    fn requests_for_one_key_share_a_build_and_builds_are_limited() {
        let cache = &numbers(1);
        let (builds, has_begun, may_end) = HeldBuilds::new();
        let builds = &builds;
        thread::scope(|scope| {
            for key in ["a", "a", "b", "a", "b"] {
                scope.spawn(move || builds.build(cache, key));
            }
            for before in 0..2 {
                has_begun.recv().unwrap();
                assert_eq!(cache.entries().building.len(), 1);
                assert_eq!(cache.entries().kept.len(), before);
                may_end.send(()).unwrap();
            }
        });
        assert!(has_begun.try_recv().is_err(), "a key was built twice");
    }

    #[test]
    fn failed_and_panicking_builds_leave_the_key_to_the_next() {
        let cache = numbers(1);
        assert_eq!(cache.get(&"a", |_| true, || Err("no disk")), Err("no disk"));
        let panicking =
            || cache.get(&"a", |_| true, || -> Result<u32, Infallible> { panic!("a bug") });
        assert!(catch_unwind(AssertUnwindSafe(panicking)).is_err());
        assert_eq!(cache.get(&"a", |_| true, || Ok::<_, Infallible>(3)), Ok(3));
        // What is out of date is built again, and shown until then.
        assert_eq!(cache.kept(&"a"), Some(3));
        assert_eq!(cache.get(&"a", |kept| *kept > 3, || Ok::<_, Infallible>(4)), Ok(4));
    }
}
