//! The journal's own promises; `tests/faults.rs` tries them with disks that fail and lose power.

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
    let whole = |mut bytes: &[u8]| {
        let mut found = Vec::new();
        while let Some(Record { source, rest, .. }) = decode(bytes) {
            found.push(source.to_vec());
            bytes = rest;
        }
        found
    };
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

#[derive(Debug)]
struct FullDisk;

impl Disk for FullDisk {
    fn write(&self, _: &mut File, _: &[u8]) -> io::Result<()> {
        Err(io::ErrorKind::StorageFull.into())
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
    Store::open(root.path()).unwrap();
    let (announce, begun) = mpsc::channel();
    let (answer, result) = mpsc::channel();
    let disk = SlowDisk { begun: Mutex::new(announce), result: Mutex::new(result) };
    let journal = Journal::new(root.path(), Arc::new(disk));
    let append = |id: &str| {
        let segment = journal.segment().unwrap();
        segment.append(&encode(&taken_back(id), b"")).inspect_err(|_| journal.give_up(&segment))
    };
    thread::scope(|scope| {
        let first = scope.spawn(|| append("first"));
        begun.recv().unwrap();
        let others: Vec<_> = (0..10).map(|_| scope.spawn(|| append("other"))).collect();
        let segment = || journal.current().clone().unwrap();
        let first_segment = segment();
        let ten = encode(&taken_back("other"), b"").len() * 10;
        while first_segment.state().collected.len() < ten {
            thread::yield_now();
        }
        answer.send(Ok(())).unwrap();
        begun.recv().unwrap();
        answer.send(Err(io::Error::from_raw_os_error(28))).unwrap();
        first.join().unwrap().unwrap();
        for other in others {
            assert_eq!(other.join().unwrap().unwrap_err().raw_os_error(), Some(28));
        }
        // What was refused is not there, and the next has a segment of its own.
        let bytes = fs::read(&first_segment.path).unwrap();
        assert_eq!(bytes, encode(&taken_back("first"), b""));
        let next = scope.spawn(|| append("next"));
        begun.recv().unwrap();
        answer.send(Ok(())).unwrap();
        next.join().unwrap().unwrap();
        assert_eq!(fs::read(&segment().path).unwrap(), encode(&taken_back("next"), b""));
    });
    assert!(begun.try_recv().is_err(), "three syncs served twelve");
}

/// An agent's metadata, and the segment that it was put into.
fn stored(store: &Store) -> (AgentMeta, Vec<u8>) {
    let me = "me".parse().unwrap();
    store.put_agent(&me, b"x = 1", None).unwrap();
    let meta = store.agent(&me).unwrap().unwrap();
    let segment = encode(&Change::Put(meta.clone()), b"x = 1");
    (meta, segment)
}

fn quarantined(root: &Path) -> usize {
    fs::read_dir(root.join("quarantine")).map_or(0, Iterator::count)
}

#[test]
fn what_cannot_be_read_is_kept_and_what_is_anothers_keeps_a_store_from_opening() {
    let root = tempfile::tempdir().unwrap();
    let path = folder(root.path()).join(format!("dead.{SEGMENT}"));
    let (meta, segment) = stored(&Store::open(root.path()).unwrap());
    let mut spoiled = segment.clone();
    spoiled[20] ^= 1;
    fs::write(&path, &spoiled).unwrap();
    let store = Store::open(root.path()).unwrap();
    assert_eq!(store.agent(&meta.miner_id).unwrap(), Some(meta));
    assert_eq!((path.exists(), quarantined(root.path())), (false, 1));
    drop(store);

    // A record that a crash has cut off, behind one that a full disk keeps from being put back at first.
    fs::remove_file(root.path().join("agents/me.json")).unwrap();
    fs::write(&path, [&segment[..], &segment[..9]].concat()).unwrap();
    Store::open_on(root.path(), Arc::new(FullDisk)).unwrap_err();
    let store = Store::open(root.path()).unwrap();
    assert!(store.agent(&"me".parse().unwrap()).unwrap().is_some());
    assert_eq!((path.exists(), quarantined(root.path())), (false, 2));
    drop(store);

    let body = b"{\"removed\":\"me\"}\n";
    let record = format!("{:08x} {}\n", crc32fast::hash(body), body.len()).into_bytes();
    fs::write(&path, [&record[..], body].concat()).unwrap();
    let error = Store::open(root.path()).unwrap_err().to_string();
    assert!(error.contains("does not know"), "{error}");
    assert!(path.exists());
}

#[test]
fn files_that_seem_to_be_in_order_are_written_again() {
    let root = tempfile::tempdir().unwrap();
    let (meta, segment) = stored(&Store::open(root.path()).unwrap());
    let files = ["agents/me.json".to_owned(), format!("versions/{}.py", meta.sha256)];
    let inodes = || {
        let inode = |file: &String| fs::metadata(root.path().join(file)).unwrap().ino();
        files.iter().map(inode).collect::<Vec<_>>()
    };
    // Held, so that the numbers are not given out again.
    let held: Vec<_> = files.iter().map(|file| File::open(root.path().join(file))).collect();
    let before = inodes();
    fs::write(folder(root.path()).join(format!("dead.{SEGMENT}")), segment).unwrap();
    Store::open(root.path()).unwrap();
    assert!(inodes().iter().zip(&before).all(|(after, before)| after != before));
    drop(held);
}

#[test]
fn metadata_that_is_damaged_while_others_live_is_no_affair_of_the_journals() {
    let root = tempfile::tempdir().unwrap();
    let store = Store::open(root.path()).unwrap();
    let (meta, segment) = stored(&store);
    let path = folder(root.path()).join(format!("dead.{SEGMENT}"));
    for (living, is_restored) in [(Some(store), false), (None, true)] {
        fs::write(root.path().join("agents/me.json"), "{").unwrap();
        fs::write(&path, &segment).unwrap();
        let store = Store::open(root.path()).unwrap();
        let found = store.agent(&meta.miner_id);
        assert_eq!(found.ok(), is_restored.then(|| Some(meta.clone())));
        assert_eq!((path.exists(), quarantined(root.path())), (false, usize::from(is_restored)));
        drop(living);
    }
}

#[test]
fn a_record_takes_back_what_came_before_it_in_its_own_segment_alone() {
    let root = tempfile::tempdir().unwrap();
    let (meta, put) = stored(&Store::open(root.path()).unwrap());
    let back = Change::TakenBack(meta.miner_id.clone(), meta.changed_at);
    let back = encode(&back, b"");
    let mut puts = Vec::new();
    let mut add = |records: &[&[u8]], expected| {
        assert!(read(Path::new("x"), &records.concat(), &mut puts).unwrap());
        assert_eq!(puts.len(), expected);
    };
    add(&[&put], 1);
    add(&[&put, &put, &back], 1);
    add(&[&back, &put], 2);
    add(&[&back], 2);
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
