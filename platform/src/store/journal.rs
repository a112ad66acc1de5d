//! The journal: every upload, whole, before its own files are on the disk.
//!
//! To sync each file of each upload is the dearest that a store can do. So an upload is first appended to
//! the journal, which is synced once for all who wait meanwhile, and only then put into its files, which
//! are not synced one by one. A segment of the journal stays until one sync of the whole file system has
//! made the files of all its uploads durable. What a crash or a power loss leaves, the next start puts
//! into the files again.
//!
//! Each process appends to segments of its own, locked while it lives, so that a start takes up those of
//! the dead alone. A segment is a sequence of records: a line `<crc32> <bytes>`, and that many bytes: one
//! line of JSON, and the source if there is one. What follows the last whole record was never
//! acknowledged.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tasks::Sha256;

use super::disk::Disk;
use super::put::tell_no_copy;
use super::{AgentMeta, Store, StoreError, lock};
use crate::{MinerId, tell};

/// A segment that has so many bytes takes no more records: a start reads them all again.
const SEGMENT_BYTES: u64 = 8 << 20;

/// What a segment's name ends with.
const SEGMENT: &str = "segment";

/// What a failure of the disk is called when the system does not say.
const EIO: i32 = rustix::io::Errno::IO.raw_os_error();

/// What a record says.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Change {
    /// This is an agent's metadata from now on.
    Put(AgentMeta),
    /// The metadata of this time could not be put in place, and whoever sent it was told so.
    TakenBack(MinerId, Timestamp),
}

/// What this process has appended.
#[derive(Debug)]
pub(super) struct Journal {
    root: PathBuf,
    disk: Arc<dyn Disk>,
    current: Mutex<Option<Arc<Segment>>>,
}

impl Journal {
    pub(super) fn new(root: &Path, disk: Arc<dyn Disk>) -> Self {
        Self { root: root.to_owned(), disk, current: Mutex::default() }
    }

    /// Returns when the record is durable. The segment must be held until the files are what the record
    /// says.
    pub(super) fn append(
        &self,
        change: &Change,
        source: &[u8],
    ) -> Result<Arc<Segment>, StoreError> {
        let record = encode(change, source);
        let segment = self.segment()?;
        segment.append(&record).map_err(StoreError::io("write", &segment.path))?;
        Ok(segment)
    }

    /// The segment that takes the next record.
    fn segment(&self) -> Result<Arc<Segment>, StoreError> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(segment) = current.as_ref().filter(|segment| segment.has_room()) {
            return Ok(segment.clone());
        }
        let segment = Arc::new(Segment::create(&self.root, self.disk.clone())?);
        // The one before ends when the last of its uploads is in its files.
        *current = Some(segment.clone());
        Ok(segment)
    }
}

/// One file of records. When the last who holds it lets go, its uploads are made durable file by file, and
/// it is removed.
#[derive(Debug)]
pub(super) struct Segment {
    path: PathBuf,
    disk: Arc<dyn Disk>,
    /// Open since before the first record, or an error of the disk could go by unseen.
    root: File,
    /// Locked, which tells other processes that this one lives.
    file: Mutex<File>,
    state: Mutex<State>,
    written: Condvar,
}

/// Records are written in batches: whoever comes while one is being written waits for the next, together
/// with everybody else who came meanwhile.
#[derive(Debug, Default)]
struct State {
    /// The records of the next batch.
    collected: Vec<u8>,
    /// The number of the next batch.
    next: u64,
    is_writing: bool,
    /// How many batches are durable.
    durable: u64,
    /// The bytes of those.
    length: u64,
    /// The system's number for why a batch failed. It and all later ones are refused.
    failed: Option<i32>,
}

impl Segment {
    fn create(root: &Path, disk: Arc<dyn Disk>) -> Result<Self, StoreError> {
        let folder = folder(root);
        let create = || loop {
            let path = folder.join(format!("{:016x}.{SEGMENT}", rand::random::<u64>()));
            let file = OpenOptions::new().append(true).create_new(true).open(&path)?;
            file.lock()?;
            // A start that saw it before it was locked has taken it for a dead one's, and removed it.
            if file.metadata()?.nlink() > 0 {
                disk.sync_folder(&folder)?;
                return Ok((path, file));
            }
        };
        let (path, file) = create().map_err(StoreError::io("create a file in", &folder))?;
        Ok(Self {
            path,
            disk,
            root: File::open(root).map_err(StoreError::io("read", root))?,
            file: Mutex::new(file),
            state: Mutex::default(),
            written: Condvar::new(),
        })
    }

    fn has_room(&self) -> bool {
        let state = self.state();
        state.failed.is_none() && state.length < SEGMENT_BYTES
    }

    /// Returns when the record is durable. When it fails, the record is not there.
    fn append(&self, record: &[u8]) -> io::Result<()> {
        let mut state = self.state();
        state.collected.extend_from_slice(record);
        let mine = state.next;
        while state.is_writing && state.durable <= mine {
            state = self.written.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.durable <= mine && state.failed.is_none() {
            // Nobody has begun the batch that we all wait for.
            let batch = std::mem::take(&mut state.collected);
            state.is_writing = true;
            state.next += 1;
            let length = state.length;
            drop(state);
            let written = self.write(length, &batch);
            state = self.state();
            state.is_writing = false;
            match written {
                Ok(()) => {
                    state.durable = mine + 1;
                    state.length += batch.len() as u64;
                }
                Err(error) => state.failed = Some(error.raw_os_error().unwrap_or(EIO)),
            }
            self.written.notify_all();
        }
        if state.durable > mine {
            return Ok(());
        }
        Err(io::Error::from_raw_os_error(state.failed.unwrap_or(EIO)))
    }

    fn write(&self, length: u64, batch: &[u8]) -> io::Result<()> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let written = self.disk.write(&mut file, batch).and_then(|()| self.disk.sync(&file));
        if written.is_err() {
            // Those who sent it are refused, so that no start may find it.
            let _ = file.set_len(length).and_then(|()| file.sync_all());
        }
        written
    }

    /// Says that the metadata of this record could not be put in place. Were even this to fail, a start
    /// would take the upload for one whose acknowledgement was lost.
    pub(super) fn take_back(&self, meta: &AgentMeta) {
        let change = Change::TakenBack(meta.miner_id.clone(), meta.changed_at);
        let _ = self.append(&encode(&change, &[]));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Segment {
    fn drop(&mut self) {
        match self.disk.sync_file_system(&self.root) {
            // Were it to come back after a power loss, a start would find all its uploads in order.
            Ok(()) => drop(fs::remove_file(&self.path)),
            Err(error) => tell(format_args!(
                "platform: what {} holds is not on the disk file by file: {error}; it is kept for the next start",
                self.path.display()
            )),
        }
    }
}

/// Puts into the files what processes that died have left in the journal. Whoever starts meanwhile waits,
/// for nobody may see the files without it.
pub(super) fn replay(store: &Store) -> Result<(), StoreError> {
    let folder = folder(&store.root);
    let lock = folder.join("lock");
    let _lock = lock::file(&lock).map_err(StoreError::io("lock", &lock))?;
    let mut segments = Vec::new();
    for entry in fs::read_dir(&folder).map_err(StoreError::io("read", &folder))? {
        let path = entry.map_err(StoreError::io("read", &folder))?.path();
        let is_segment = path.extension().is_some_and(|extension| extension == SEGMENT);
        // One that is locked is of a process that lives; one that is gone, another start has taken up.
        if is_segment
            && let Ok(file) = File::open(&path)
            && file.try_lock().is_ok()
        {
            segments.push((path, file));
        }
    }
    if segments.is_empty() {
        return Ok(());
    }
    let root = File::open(&store.root).map_err(StoreError::io("read", &store.root))?;
    let mut bytes = Vec::new();
    for (path, _) in &segments {
        bytes.push(fs::read(path).map_err(StoreError::io("read", path))?);
    }
    put_back(store, bytes.iter().flat_map(|bytes| records(bytes)))?;
    store.disk.sync_file_system(&root).map_err(StoreError::io("sync", &store.root))?;
    for (path, _lock) in segments {
        fs::remove_file(&path).map_err(StoreError::io("remove", &path))?;
    }
    Ok(())
}

/// Makes the files what the records say, where they are not.
fn put_back<'a>(
    store: &Store,
    records: impl Iterator<Item = (Change, &'a [u8])>,
) -> Result<(), StoreError> {
    let (mut puts, mut taken_back) = (Vec::new(), HashSet::new());
    for (change, source) in records {
        match change {
            Change::Put(meta) => puts.push((meta, source)),
            Change::TakenBack(miner_id, at) => drop(taken_back.insert((miner_id, at))),
        }
    }
    puts.retain(|(meta, _)| !taken_back.contains(&(meta.miner_id.clone(), meta.changed_at)));
    let mut newest: HashMap<MinerId, AgentMeta> = HashMap::new();
    for (meta, source) in puts {
        // A change of the token has no source.
        if Sha256::of(source) == meta.sha256 {
            store.put_version(&meta.sha256, source)?;
        }
        let kept = newest.entry(meta.miner_id.clone()).or_insert_with(|| meta.clone());
        if kept.changed_at < meta.changed_at {
            *kept = meta;
        }
    }
    for (miner_id, meta) in newest {
        let _guard = store.lock(&miner_id)?;
        let stored = match store.agent(&miner_id) {
            // It may have been lost, or be half there: the journal knows better.
            Err(StoreError::Damaged { .. }) => None,
            other => other?,
        };
        if stored.is_none_or(|stored| stored.changed_at < meta.changed_at) {
            store.put_meta(&meta)?;
        }
        // A copy for people is no reason not to start.
        store.settle(&miner_id).unwrap_or_else(|error| tell_no_copy(&miner_id, &error));
    }
    Ok(())
}

fn folder(root: &Path) -> PathBuf {
    root.join("journal")
}

fn encode(change: &Change, source: &[u8]) -> Vec<u8> {
    let mut body = serde_json::to_vec(change).expect("the store's own types are plain data");
    body.push(b'\n');
    body.extend_from_slice(source);
    let mut record = format!("{:08x} {}\n", crc32fast::hash(&body), body.len()).into_bytes();
    record.append(&mut body);
    record
}

/// The whole records from the beginning on.
fn records(mut bytes: &[u8]) -> impl Iterator<Item = (Change, &[u8])> {
    std::iter::from_fn(move || {
        let (change, source, rest) = decode(bytes)?;
        bytes = rest;
        Some((change, source))
    })
}

fn decode(bytes: &[u8]) -> Option<(Change, &[u8], &[u8])> {
    let (line, rest) = split_line(bytes)?;
    let (crc32, length) = std::str::from_utf8(line).ok()?.split_once(' ')?;
    let (body, rest) = rest.split_at_checked(length.parse().ok()?)?;
    if u32::from_str_radix(crc32, 16) != Ok(crc32fast::hash(body)) {
        return None;
    }
    let (change, source) = split_line(body)?;
    Some((serde_json::from_slice(change).ok()?, source, rest))
}

fn split_line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    Some((&bytes[..end], &bytes[end + 1..]))
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{self, Receiver, Sender};
    use std::thread;

    use super::*;
    use crate::store::disk::RealDisk;

    fn taken_back(id: &str) -> Change {
        Change::TakenBack(id.parse().unwrap(), Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn what_is_not_whole_ends_the_journal_and_spoils_nothing_before_it() {
        let sources: [&[u8]; 3] = [b"x = 1\n", b"", b"\n12 34\n\xff"];
        let encoded = sources.map(|source| encode(&taken_back("me"), source));
        let bytes = encoded.concat();
        let whole =
            |bytes: &[u8]| records(bytes).map(|(_, source)| source.to_vec()).collect::<Vec<_>>();
        assert_eq!(whole(&bytes), sources);
        let ends = [encoded[0].len(), encoded[0].len() + encoded[1].len(), bytes.len()];
        for cut in 0..bytes.len() {
            let before = ends.iter().filter(|end| **end <= cut).count();
            assert_eq!(whole(&bytes[..cut]), sources[..before], "{cut} bytes");
            let mut damaged = bytes.clone();
            damaged[cut] ^= 1;
            assert_eq!(whole(&damaged), sources[..before], "byte {cut}");
        }
    }

    /// Each sync announces itself and waits for its result.
    #[derive(Debug)]
    struct SlowDisk {
        begun: Mutex<Sender<()>>,
        result: Mutex<Receiver<io::Result<()>>>,
    }

    impl Disk for SlowDisk {
        fn sync(&self, _: &File) -> io::Result<()> {
            self.begun.lock().unwrap().send(()).unwrap();
            self.result.lock().unwrap().recv().unwrap()
        }
    }

    #[test]
    fn whoever_comes_meanwhile_shares_the_next_sync_and_its_result() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(folder(root.path())).unwrap();
        let (announce, begun) = mpsc::channel();
        let (answer, result) = mpsc::channel();
        let disk = SlowDisk { begun: Mutex::new(announce), result: Mutex::new(result) };
        let journal = Journal::new(root.path(), Arc::new(disk));
        let append = |id: &str| journal.append(&taken_back(id), b"");
        thread::scope(|scope| {
            let first = scope.spawn(|| append("first"));
            begun.recv().unwrap();
            let others: Vec<_> = (0..10).map(|_| scope.spawn(|| append("other"))).collect();
            let segment = || journal.current.lock().unwrap().clone().unwrap();
            while records(&segment().state().collected).count() < 10 {
                thread::yield_now();
            }
            answer.send(Ok(())).unwrap();
            begun.recv().unwrap();
            answer.send(Err(io::Error::from_raw_os_error(28))).unwrap();
            first.join().unwrap().unwrap();
            for other in others {
                assert!(other.join().unwrap().unwrap_err().is_full());
            }
            // What was refused is not there, and the next has a segment of its own.
            let bytes = fs::read(&segment().path).unwrap();
            assert_eq!(bytes, encode(&taken_back("first"), b""));
            let next = scope.spawn(|| append("next"));
            begun.recv().unwrap();
            answer.send(Ok(())).unwrap();
            next.join().unwrap().unwrap();
            assert_eq!(fs::read(&segment().path).unwrap(), encode(&taken_back("next"), b""));
        });
        assert!(begun.try_recv().is_err(), "three syncs served twelve");
    }

    #[test]
    fn a_segment_of_the_living_is_left_alone_and_one_of_the_dead_taken_up() {
        let root = tempfile::tempdir().unwrap();
        let store = Store::open(root.path()).unwrap();
        let segments = || {
            let names = fs::read_dir(folder(root.path())).unwrap();
            names.filter(|name| name.as_ref().unwrap().file_name() != "lock").count()
        };
        store.put_agent(&"me".parse().unwrap(), b"x = 1", None).unwrap();
        let other = Store::open(root.path()).unwrap();
        assert_eq!(segments(), 1);
        other.put_agent(&"you".parse().unwrap(), b"x = 1", None).unwrap();
        assert_eq!(segments(), 2);
        drop(store);
        assert_eq!(segments(), 1);
        drop(other);
        assert_eq!(segments(), 0);
        fs::write(folder(root.path()).join(format!("dead.{SEGMENT}")), "half a rec").unwrap();
        Store::open_on(root.path(), Arc::new(RealDisk)).unwrap();
        assert_eq!(segments(), 0);
    }
}
