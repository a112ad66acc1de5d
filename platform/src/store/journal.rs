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
//! line of JSON, and the source if there is one. What follows the last whole record is what a crash has cut
//! off, and was never acknowledged; it is put aside all the same, for a disk may have spoiled it.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tasks::Sha256;

use super::disk::Disk;
use super::put::tell_no_copy;
use super::{AgentMeta, Store, StoreError, disk, lock};
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

    /// The segment that takes the next record. It must be held from before the first file of the upload is
    /// written, or an error of the disk could go by unseen, until the last one is.
    pub(super) fn segment(&self) -> Result<Arc<Segment>, StoreError> {
        let mut current = self.current();
        if let Some(segment) = current.as_ref().filter(|segment| segment.has_room()) {
            return Ok(segment.clone());
        }
        let segment = Arc::new(Segment::create(&self.root, self.disk.clone())?);
        let before = current.replace(segment.clone());
        // It ends when the last of its uploads is in its files. If that is now, nobody has to wait for it.
        drop(current);
        drop(before);
        Ok(segment)
    }

    /// Returns when the metadata is durable, with the source if there is one.
    pub(super) fn put(
        &self,
        segment: &Arc<Segment>,
        meta: &AgentMeta,
        source: &[u8],
    ) -> Result<(), StoreError> {
        let record = encode(&Change::Put(meta.clone()), source);
        segment.append(&record).map_err(|error| {
            self.give_up(segment);
            StoreError::io("write", &segment.path)(error)
        })
    }

    /// Says that the metadata could not be put in place.
    pub(super) fn take_back(&self, segment: &Arc<Segment>, meta: &AgentMeta) {
        let change = Change::TakenBack(meta.miner_id.clone(), meta.changed_at);
        if let Err(error) = segment.append(&encode(&change, &[])) {
            tell(format_args!(
                "platform: an upload of '{}' was refused and could not be taken back: {error}; it comes back \
                 if this process is killed now",
                meta.miner_id
            ));
            self.give_up(segment);
        }
    }

    /// Takes no more records into the segment, so that it ends soon, and with it what could not be taken back.
    fn give_up(&self, segment: &Arc<Segment>) {
        let given_up = {
            let mut current = self.current();
            current.take_if(|current| Arc::ptr_eq(current, segment))
        };
        drop(given_up);
    }

    fn current(&self) -> MutexGuard<'_, Option<Arc<Segment>>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One file of records. When the last who holds it lets go, its uploads are made durable file by file, and
/// it is removed.
#[derive(Debug)]
pub(super) struct Segment {
    path: PathBuf,
    disk: Arc<dyn Disk>,
    /// What the files of uploads lie on. Open all the time, for only so are errors of the disk told.
    file_systems: Vec<File>,
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
        let file_systems = file_systems(root)?;
        let folder = folder(root);
        let io = |error| StoreError::io("create a file in", &folder)(error);
        let (path, file) = loop {
            let path = folder.join(format!("{:016x}.{SEGMENT}", rand::random::<u64>()));
            let file = OpenOptions::new().append(true).create_new(true).open(&path).map_err(io)?;
            match claim(&file).and_then(|is_ours| disk.sync_folder(&folder).map(|()| is_ours)) {
                Ok(true) => break (path, file),
                Ok(false) => {}
                Err(error) => {
                    let _ = fs::remove_file(&path);
                    return Err(io(error));
                }
            }
        };
        Ok(Self {
            path,
            disk,
            file_systems,
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
        if written.is_err()
            && let Err(error) = file.set_len(length).and_then(|()| file.sync_all())
        {
            // Those who sent it are refused, so that no start should find it.
            tell(format_args!(
                "platform: what was refused could not be cut off {}: {error}; it comes back if this process \
                 is killed now",
                self.path.display()
            ));
        }
        written
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Locks a new segment, unless a start that saw it before that has taken it for a dead one's, and removes it.
/// To wait for that would be to wait for each other: it may want the id that this upload is of.
fn claim(file: &File) -> io::Result<bool> {
    match file.try_lock() {
        Ok(()) => Ok(file.metadata()?.nlink() > 0),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

impl Drop for Segment {
    fn drop(&mut self) {
        match sync_all(&*self.disk, &self.file_systems) {
            // Were it to come back after a power loss, a start would find all its uploads in order.
            Ok(()) => drop(fs::remove_file(&self.path)),
            Err(error) => tell(format_args!(
                "platform: what {} holds is not on the disk file by file: {error}; it is kept for the next start",
                self.path.display()
            )),
        }
    }
}

/// The file systems on which the files of uploads lie: those of their two folders, which may be one.
fn file_systems(root: &Path) -> Result<Vec<File>, StoreError> {
    let mut found: Vec<(u64, File)> = Vec::new();
    for folder in ["agents", "versions"] {
        let path = root.join(folder);
        let open = || File::open(&path).and_then(|file| Ok((file.metadata()?.dev(), file)));
        let (device, file) = open().map_err(StoreError::io("read", &path))?;
        if found.iter().all(|(other, _)| *other != device) {
            found.push((device, file));
        }
    }
    Ok(found.into_iter().map(|(_, file)| file).collect())
}

fn sync_all(disk: &dyn Disk, file_systems: &[File]) -> io::Result<()> {
    file_systems.iter().try_for_each(|folder| disk.sync_file_system(folder))
}

/// Puts into the files what processes that died have left in the journal. Whoever starts meanwhile waits,
/// for nobody may start from files without it.
pub(super) fn replay(store: &Store) -> Result<(), StoreError> {
    let folder = folder(&store.root);
    let lock = folder.join("lock");
    let _lock = lock::file(&lock).map_err(StoreError::io("lock", &lock))?;
    let Left { segments, others_live } = left(&folder)?;
    if segments.is_empty() {
        return Ok(());
    }
    let file_systems = file_systems(&store.root)?;
    let (mut puts, mut spoiled) = (Vec::new(), HashSet::new());
    for (path, file) in &segments {
        let mut bytes = Vec::new();
        let mut file = file;
        file.read_to_end(&mut bytes).map_err(StoreError::io("read", path))?;
        let is_whole = read(path, &bytes, &mut puts)?;
        if !is_whole {
            spoiled.insert(path);
        }
    }
    put_back(store, &puts, others_live)?;
    sync_all(&*store.disk, &file_systems).map_err(StoreError::io("sync", &store.root))?;
    // Only now is nothing of them needed any more.
    for (path, _lock) in &segments {
        if spoiled.contains(path) {
            let aside = store.put_aside(path)?;
            tell(format_args!(
                "platform: {} ends with something that is no record, as a crash may leave it: it is kept as {}",
                path.display(),
                aside.display()
            ));
        } else {
            fs::remove_file(path).map_err(StoreError::io("remove", path))?;
        }
    }
    Ok(())
}

/// The segments of the dead, locked, and whether there are some of the living.
struct Left {
    segments: Vec<(PathBuf, File)>,
    others_live: bool,
}

fn left(folder: &Path) -> Result<Left, StoreError> {
    let mut left = Left { segments: Vec::new(), others_live: false };
    for entry in fs::read_dir(folder).map_err(StoreError::io("read", folder))? {
        let path = entry.map_err(StoreError::io("read", folder))?.path();
        if path.extension().is_none_or(|extension| extension != SEGMENT) {
            continue;
        }
        let io = |error| StoreError::io("read", &path)(error);
        let file = match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            opened => opened.map_err(io)?,
        };
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                left.others_live = true;
                continue;
            }
            Err(TryLockError::Error(error)) => return Err(io(error)),
        }
        let metadata = file.metadata().map_err(io)?;
        if metadata.nlink() == 0 {
            // Its owner has ended in this moment, and left nothing to do.
        } else if metadata.len() == 0 {
            fs::remove_file(&path).map_err(StoreError::io("remove", &path))?;
        } else {
            left.segments.push((path, file));
        }
    }
    Ok(left)
}

/// Adds what a segment says to `puts`, without what it takes back. Returns whether all of it could be read.
fn read(
    path: &Path,
    mut bytes: &[u8],
    puts: &mut Vec<(AgentMeta, Vec<u8>)>,
) -> Result<bool, StoreError> {
    let first = puts.len();
    while let Some(Record { change, source, rest }) = decode(bytes) {
        let reason = "it has a record that this version of the program does not know";
        match change.map_err(|_| StoreError::damaged(path, reason))? {
            Change::Put(meta) => puts.push((meta, source.to_vec())),
            Change::TakenBack(miner_id, at) => {
                let mut number = 0;
                puts.retain(|(meta, _)| {
                    number += 1;
                    number <= first || meta.miner_id != miner_id || meta.changed_at != at
                });
            }
        }
        bytes = rest;
    }
    Ok(bytes.is_empty())
}

/// Makes the files what the records say, unless what is stored is newer. Files that are so already are
/// written again: after an error of the disk they may be so in memory alone.
fn put_back(
    store: &Store,
    puts: &[(AgentMeta, Vec<u8>)],
    others_live: bool,
) -> Result<(), StoreError> {
    let mut newest: HashMap<&MinerId, &AgentMeta> = HashMap::new();
    for (meta, source) in puts {
        // A change of the token has no source.
        if Sha256::of(source) == meta.sha256 {
            let path = store.version_path(&meta.sha256);
            disk::replace_unsynced(&*store.disk, &path, source)?;
        }
        let kept = newest.entry(&meta.miner_id).or_insert(meta);
        if kept.changed_at < meta.changed_at {
            *kept = meta;
        }
    }
    for (miner_id, meta) in newest {
        let _guard = store.lock(miner_id)?;
        let is_newer = match store.agent(miner_id) {
            Ok(stored) => stored.is_some_and(|stored| stored.changed_at > meta.changed_at),
            // While others live there was no power loss, so something else has spoiled it, and the journal of
            // the dead need not have its latest.
            Err(StoreError::Damaged { .. }) if others_live => true,
            Err(error @ StoreError::Damaged { .. }) => {
                let aside = store.put_aside(&store.meta_path(miner_id))?;
                tell(format_args!(
                    "platform: {error}; the journal has it as of {}, and what was there is kept as {}",
                    meta.changed_at,
                    aside.display()
                ));
                false
            }
            Err(error) => return Err(error),
        };
        if !is_newer {
            store.put_meta(meta)?;
        }
        // A copy for people is no reason not to start.
        store.settle(miner_id).unwrap_or_else(|error| tell_no_copy(miner_id, &error));
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

/// The first record of some bytes, and what follows it.
struct Record<'a> {
    /// An error is another program's record: it is whole, and not for us to read.
    change: Result<Change, serde_json::Error>,
    source: &'a [u8],
    rest: &'a [u8],
}

/// Nothing where the bytes do not begin with a whole record.
fn decode(bytes: &[u8]) -> Option<Record<'_>> {
    let (line, rest) = split_line(bytes)?;
    let (crc32, length) = std::str::from_utf8(line).ok()?.split_once(' ')?;
    let (body, rest) = rest.split_at_checked(length.parse().ok()?)?;
    if u32::from_str_radix(crc32, 16) != Ok(crc32fast::hash(body)) {
        return None;
    }
    let (change, source) = split_line(body)?;
    Some(Record { change: serde_json::from_slice(change), source, rest })
}

fn split_line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    Some((&bytes[..end], &bytes[end + 1..]))
}

#[cfg(test)]
mod tests;
