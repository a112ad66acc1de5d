//! Disks that fail: whatever single operation fails, nothing is acknowledged that is not durable, the
//! old version stays, and the next upload goes through.

mod support;

use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread::ScopedJoinHandle;

use platform::server::{Quotas, Settings};
use platform::store::{Mend, MinerId, Receipt, Store};
use support::faulty::{EIO, ENOSPC, FaultyDisk, unfinished};
use support::volatile::VolatileDisk;
use support::{Server, check_problem, rankings};
use tasks::Sha256;

fn version(sha256: &Sha256) -> String {
    format!("versions/{sha256}.py")
}

fn store() -> (tempfile::TempDir, Arc<FaultyDisk>, Store) {
    let folder = tempfile::tempdir().unwrap();
    let disk = Arc::new(FaultyDisk::default());
    let store = Store::open_on(folder.path(), disk.clone()).unwrap();
    (folder, disk, store)
}

/// What another process finds when this one is killed now: the same files, and nobody's locks on them.
fn killed(root: &Path) -> tempfile::TempDir {
    let left = tempfile::tempdir().unwrap();
    let copied = Command::new("cp").arg("-r").arg(root.join(".")).arg(left.path()).status();
    assert!(copied.unwrap().success());
    left
}

/// The same, after the next start.
fn after_a_kill(root: &Path) -> (tempfile::TempDir, Store) {
    after_a_kill_with(root, 0)
}

/// The same, where so many files are not in order.
fn after_a_kill_with(root: &Path, troubles: usize) -> (tempfile::TempDir, Store) {
    let folder = killed(root);
    let store = Store::open(folder.path()).unwrap();
    assert_eq!(unfinished(folder.path()), [""; 0]);
    assert_eq!(std::fs::read_dir(folder.path().join("journal")).unwrap().count(), 1, "its lock");
    assert_eq!(store.verify(false).unwrap().len(), troubles);
    (folder, store)
}

/// Uploads with each operation failing in its turn, and returns which ones were met.
fn check_each_fault(error: i32, replace: bool) -> Vec<&'static str> {
    let mut met = Vec::new();
    for number in 0.. {
        let (folder, disk, store) = store();
        let me: MinerId = "me".parse().unwrap();
        let token = replace.then(|| store.put_agent(&me, b"x = 1", None).unwrap().token.unwrap());
        let before = store.agent(&me).unwrap();

        disk.arm(number, error);
        let uploaded = store.put_agent(&me, b"x = 2", token.as_deref());
        let Some(operation) = disk.disarm() else {
            uploaded.unwrap();
            return met;
        };
        met.push(operation);
        let step = format!("{operation}, number {number}, error {error}, replace {replace}");
        let (killed, _) = after_a_kill(folder.path());
        if let Err(error) = &uploaded {
            for store in [&store, &Store::open(killed.path()).unwrap()] {
                assert_eq!(store.agent(&me).unwrap(), before, "{step}: {error}");
                if let Some(before) = &before {
                    assert_eq!(store.source(before).unwrap(), "x = 1", "{step}");
                }
                assert_eq!(store.agents().unwrap().damaged, [""; 0], "{step}");
            }
            let journal = std::fs::read_dir(folder.path().join("journal")).unwrap().count();
            assert!(journal <= 2, "{step}: a lock and a segment");
        } else {
            // Only the copy for people may fail and be mended later.
            assert!(matches!(operation, "write" | "rename"), "{step} was acknowledged");
            assert_eq!(std::fs::read(killed.path().join("agents/me.py")).unwrap(), b"x = 2");
        }
        // Whoever comes next, in this process or another, finds everything in order.
        let next = Store::open(folder.path()).unwrap();
        assert_eq!(unfinished(folder.path()), [""; 0], "{step}");
        let token = token.or_else(|| uploaded.ok().and_then(|receipt| receipt.token));
        for (store, source) in [(&next, "x = 3"), (&store, "x = 4")] {
            let receipt = store.put_agent(&me, source.as_bytes(), token.as_deref()).unwrap();
            if token.is_none() {
                // It was the first upload of all.
                assert!(receipt.token.is_some());
                break;
            }
        }
        let meta = next.agent(&me).unwrap().unwrap();
        let source = next.source(&meta).unwrap();
        assert_eq!(source, if token.is_some() { "x = 4" } else { "x = 3" }, "{step}");
        let copy = std::fs::read_to_string(folder.path().join("agents/me.py")).unwrap();
        assert_eq!(copy, source, "{step}");
        assert_eq!(next.agents().unwrap().damaged, [""; 0], "{step}");
    }
    unreachable!("the loop ends when no operation is left to fail")
}

#[test]
fn whatever_fails_the_old_version_stays_and_nothing_is_acknowledged() {
    // A segment of the journal, if it is the first; the version; the metadata, which waits for the journal;
    // the copy.
    let before = ["write", "rename", "write"];
    let journal = ["write", "sync"];
    let after = ["rename", "write", "rename"];
    let first = [&["sync_folder"], &before[..], &journal, &after].concat();
    let later = [&before[..], &journal, &after].concat();
    for error in [ENOSPC, EIO] {
        assert_eq!(check_each_fault(error, false), first);
        assert_eq!(check_each_fault(error, true), later);
    }
}

#[test]
fn whatever_fails_one_token_opens_the_id_and_it_is_the_one_that_was_told_last() {
    let mut met = Vec::new();
    for number in 0.. {
        let (folder, disk, store) = store();
        let me: MinerId = "me".parse().unwrap();
        let old = store.put_agent(&me, b"x = 1", None).unwrap().token.unwrap();
        disk.arm(number, EIO);
        let new = store.rotate_token(&me, Some(&old));
        let failed = disk.disarm();
        let (valid, void) = match &new {
            Ok(new) => (new, Some(&old)),
            Err(_) => (&old, None),
        };
        let (_folder, killed) = after_a_kill(folder.path());
        for store in [&store, &killed] {
            assert!(
                store.authorize(&me, Some(valid)).unwrap().is_some(),
                "{failed:?}, number {number}"
            );
            assert!(void.is_none_or(|void| store.authorize(&me, Some(void)).is_err()));
        }
        let Some(operation) = failed else {
            new.unwrap();
            assert_eq!(met, ["write", "write", "sync", "rename"]);
            return;
        };
        assert!(new.is_err(), "{operation}");
        met.push(operation);
    }
}

#[test]
fn whatever_fails_a_ranking_is_the_old_or_the_new_one_and_can_be_put_again() {
    let mut met = Vec::new();
    for number in 0.. {
        let (folder, disk, store) = store();
        let [old, new] = ["old", "new"].map(|round| rankings(round, "me"));
        store.put_rankings(&old).unwrap();
        disk.arm(number, ENOSPC);
        let put = store.put_rankings(&new);
        let failed = disk.disarm();
        let stored = store.rankings().unwrap().unwrap();
        assert!(stored == new || put.is_err() && stored == old, "{failed:?}, number {number}");
        let (_folder, killed) = after_a_kill(folder.path());
        assert_eq!(killed.rankings().unwrap().unwrap(), stored);
        let Some(operation) = failed else {
            put.unwrap();
            // In rounds/, and as the latest.
            let write = ["write", "sync", "rename", "sync_folder"];
            assert_eq!(met, [write, write].concat());
            return;
        };
        assert!(put.is_err(), "{operation}");
        met.push(operation);
        store.put_rankings(&new).unwrap();
        assert_eq!(store.rankings().unwrap(), Some(new));
    }
}

#[test]
fn a_start_that_fails_loses_nothing_and_the_next_one_succeeds() {
    let (folder, _disk, store) = store();
    let me: MinerId = "me".parse().unwrap();
    let receipt = store.put_agent(&me, b"x = 1", None).unwrap();
    let mut met = Vec::new();
    for number in 0.. {
        let killed = killed(folder.path());
        // As after a power loss: of the three files nothing was on the disk.
        let files =
            ["agents/me.json".to_owned(), "agents/me.py".to_owned(), version(&receipt.sha256)];
        for file in &files {
            std::fs::remove_file(killed.path().join(file)).unwrap();
        }
        let disk = Arc::new(FaultyDisk::default());
        disk.arm(number, EIO);
        let started = Store::open_on(killed.path(), disk.clone());
        let Some(operation) = disk.disarm() else {
            started.unwrap();
            let copy = ["write", "rename"];
            let files = [copy, copy, copy].concat();
            assert_eq!(met, [&["sync_folder"; 2][..], &files, &["sync_file_system"]].concat());
            return;
        };
        // The copy for people, the third of the files, is no reason not to start.
        let is_copy = matches!(number, 6 | 7);
        assert_eq!(started.is_ok(), is_copy, "{operation}, number {number}");
        met.push(operation);
        let (_folder, store) = after_a_kill_with(killed.path(), usize::from(is_copy));
        let meta = store.agent(&me).unwrap().unwrap();
        assert_eq!((meta.version, store.source(&meta).unwrap()), (1, "x = 1".into()));
        assert!(store.authorize(&me, receipt.token.as_deref()).unwrap().is_some());
    }
}

#[test]
fn a_mend_that_fails_keeps_nothing_else_from_being_mended() {
    let (folder, disk, store) = store();
    for id in ["a", "b"] {
        store.put_agent(&id.parse().unwrap(), b"x = 1", None).unwrap();
        std::fs::write(folder.path().join(format!("agents/{id}.py")), "x = 0").unwrap();
    }
    disk.arm(0, ENOSPC);
    let troubles = store.verify(true).unwrap();
    assert_eq!(disk.disarm(), Some("write"));
    let [a, b] = &*troubles else { panic!("{troubles:?}") };
    assert!(matches!(&a.mend, Mend::ByHand(how) if how.contains("make room")), "{a:?}");
    assert!(matches!(&b.mend, Mend::Done(_)), "{b:?}");
    assert_eq!(store.verify(true).unwrap().len(), 1);
    assert_eq!(store.verify(true).unwrap(), []);
}

#[test]
fn what_was_acknowledged_survives_a_power_loss_at_any_moment() {
    const THREADS: usize = 4;
    /// Together several segments of the journal.
    const UPLOADS: usize = 40;
    let folder = tempfile::tempdir().unwrap();
    let disk = Arc::new(VolatileDisk::default());
    let store = Store::open_on(folder.path(), disk.clone()).unwrap();
    let acknowledged = Mutex::new(Vec::<(MinerId, String, usize, Vec<u8>)>::new());
    let check = || {
        // What is acknowledged before the power goes is there afterwards; what comes meanwhile may be.
        let acknowledged = acknowledged.lock().unwrap().clone();
        let left = disk.lose_power(folder.path());
        let store = Store::open(left.path()).unwrap();
        assert_eq!(store.verify(false).unwrap(), []);
        for (miner_id, token, version, source) in &acknowledged {
            let mut meta = store.agent(miner_id).unwrap().unwrap();
            assert!(store.authorize(miner_id, Some(token)).unwrap().is_some());
            let mut versions = std::mem::take(&mut meta.history).into_iter().map(|old| old.sha256);
            let sha256 = versions.nth(version - 1).unwrap_or_else(|| meta.sha256.clone());
            assert_eq!(sha256, Sha256::of(source), "{miner_id}, version {version}");
            meta.sha256 = sha256;
            assert_eq!(store.source(&meta).unwrap().as_bytes(), source);
        }
        acknowledged.len()
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| {
                let (store, acknowledged) = (&store, &acknowledged);
                scope.spawn(move || {
                    let miner_id: MinerId = format!("miner{thread}").parse().unwrap();
                    let mut token = None;
                    for version in 1..=UPLOADS {
                        let source = format!("# {version}\n{}", "-".repeat(200_000)).into_bytes();
                        let receipt =
                            store.put_agent(&miner_id, &source, token.as_deref()).unwrap();
                        let kept = token.get_or_insert_with(|| receipt.token.unwrap()).clone();
                        let upload = (miner_id.clone(), kept, version, source);
                        acknowledged.lock().unwrap().push(upload);
                    }
                })
            })
            .collect();
        while !threads.iter().all(ScopedJoinHandle::is_finished) {
            check();
        }
    });
    assert_eq!(check(), THREADS * UPLOADS);
    drop(store);
    assert_eq!(check(), THREADS * UPLOADS);
}

#[test]
fn what_the_disk_could_not_take_file_by_file_stays_in_the_journal() {
    let (folder, disk, store) = store();
    let me: MinerId = "me".parse().unwrap();
    store.put_agent(&me, b"x = 1", None).unwrap();
    disk.arm(0, EIO);
    drop(store);
    assert_eq!(disk.disarm(), Some("sync_file_system"));
    let segments = || std::fs::read_dir(folder.path().join("journal")).unwrap().count() - 1;
    assert_eq!(segments(), 1);
    Store::open(folder.path()).unwrap();
    assert_eq!(segments(), 0);
}

/// Uploads the same bytes again, after `spoil`, with each operation failing in its turn.
fn check_each_fault_of_the_same_again(spoil: impl Fn(&Path)) -> Vec<&'static str> {
    let mut met = Vec::new();
    for number in 0.. {
        let (folder, disk, store) = store();
        let me: MinerId = "me".parse().unwrap();
        let token = store.put_agent(&me, b"x = 1", None).unwrap().token;
        let meta = store.agent(&me).unwrap().unwrap();
        spoil(folder.path());

        disk.arm(number, EIO);
        let again = store.put_agent(&me, b"x = 1", token.as_deref());
        let failed = disk.disarm();
        if let Ok(receipt) = &again {
            assert!(receipt.unchanged);
            let version = folder.path().join(version(&meta.sha256));
            assert_eq!(std::fs::read(version).unwrap(), b"x = 1", "{failed:?}, number {number}");
        }
        let Some(operation) = failed else {
            again.unwrap();
            assert_eq!(std::fs::read(folder.path().join("agents/me.py")).unwrap(), b"x = 1");
            return met;
        };
        // After the folder is synced comes the copy, which alone may be mended later.
        let is_copy = met.contains(&"sync_folder");
        assert_eq!(again.is_ok(), is_copy, "{operation}, number {number}");
        met.push(operation);
        Store::open(folder.path()).unwrap();
        assert_eq!(unfinished(folder.path()), [""; 0], "{operation}, number {number}");
    }
    unreachable!("the loop ends when no operation is left to fail")
}

/// A store with an agent whose copy could not be made.
fn without_copy() -> (tempfile::TempDir, Arc<FaultyDisk>, Store) {
    let (folder, disk, store) = store();
    // After the version, the metadata and the journal, the copy is the last file that is written.
    disk.arm(7, ENOSPC);
    store.put_agent(&"me".parse().unwrap(), b"x = 1", None).unwrap();
    assert_eq!(disk.disarm(), Some("write"));
    assert!(!folder.path().join("agents/me.py").exists());
    (folder, disk, store)
}

#[test]
fn a_copy_that_cannot_be_made_is_no_reason_to_fail_or_not_to_start() {
    let (folder, _disk, store) = without_copy();
    let (me, other): (MinerId, MinerId) = ("me".parse().unwrap(), "other".parse().unwrap());
    let copy = |miner_id: &MinerId| folder.path().join(format!("agents/{miner_id}.py"));
    // A folder in the copy's place is as much in the way as a full disk, and for longer.
    std::fs::create_dir(copy(&me)).unwrap();
    let (killed, _) = after_a_kill_with(folder.path(), 1);
    assert!(killed.path().join("agents/me.py").is_dir());
    store.put_agent(&other, b"y = 1", None).unwrap();
    drop(store);
    let store = Store::open(folder.path()).unwrap();
    assert_eq!(std::fs::read(copy(&other)).unwrap(), b"y = 1");
    let meta = store.agent(&me).unwrap().unwrap();
    assert_eq!(store.source(&meta).unwrap(), "x = 1");
    std::fs::remove_dir(copy(&me)).unwrap();
    assert_eq!(store.verify(true).unwrap().len(), 1);
    assert_eq!(std::fs::read(copy(&me)).unwrap(), b"x = 1");
}

#[test]
fn the_same_bytes_are_acknowledged_when_they_are_durable_and_mend_what_was_lost() {
    // What is seen is durable already.
    assert_eq!(check_each_fault_of_the_same_again(|_| {}), [""; 0]);
    let versions = |root: &Path| std::fs::read_dir(root.join("versions")).unwrap();
    let lost = |root: &Path| {
        versions(root).for_each(|version| std::fs::remove_file(version.unwrap().path()).unwrap());
        std::fs::remove_file(root.join("agents/me.py")).unwrap();
    };
    let damaged = |root: &Path| {
        versions(root).for_each(|version| std::fs::write(version.unwrap().path(), "x").unwrap());
        std::fs::write(root.join("agents/me.py"), "x").unwrap();
    };
    let all = ["write", "sync", "rename", "sync_folder", "write", "rename"];
    assert_eq!(check_each_fault_of_the_same_again(lost), all);
    assert_eq!(check_each_fault_of_the_same_again(damaged), all);
}

#[tokio::test]
async fn what_the_disk_refused_uses_up_no_ration_of_versions_or_ids() {
    let (_folder, disk, store) = store();
    let quotas = Quotas { per_id_hour: 1, new_ids_hour: 1, ..Quotas::STANDARD };
    let server = Server::on(store, Settings { quotas: Some(quotas), ..Settings::default() }).await;
    // Nobody asks for the token of an id that is new.
    let mut token = "arena_0".to_owned();
    for source in ["x = 1\n", "x = 2\n"] {
        let upload = || server.upload("me", source).bearer_auth(&token);
        for _ in 0..2 {
            disk.arm(0, ENOSPC);
            check_problem(upload().send().await.unwrap(), 507, "disk is full").await;
        }
        let stored = upload().send().await.unwrap();
        assert_eq!(stored.status(), 201, "{source}");
        token = stored.json::<Receipt>().await.unwrap().token.unwrap_or(token);
    }
    // What was stored counts.
    let version = server.upload("me", "x = 3\n").bearer_auth(&token).send().await.unwrap();
    check_problem(version, 429, "versions of this agent").await;
    check_problem(server.upload("you", "x = 3\n").send().await.unwrap(), 429, "new miner").await;
}

#[tokio::test]
async fn a_full_disk_is_507_and_a_broken_one_503_and_the_old_version_is_still_served() {
    let (_folder, disk, store) = store();
    let server = Server::on(store, Settings::default()).await;
    let receipt = server.client.upload(&"me".parse().unwrap(), "x = 1\n", None).await.unwrap();
    let token = receipt.token.unwrap();
    let before = server.client.agents().await.unwrap();
    for (error, status, part) in [(ENOSPC, 507, "disk is full"), (EIO, 503, "try again later")] {
        // The version, the metadata, and the first of those on the journal.
        for number in 0..4 {
            disk.arm(number, error);
            // Another source each time, so that its version is not there already.
            let source = format!("x = {status}{number}\n");
            let request = server.upload("me", &source).bearer_auth(&token);
            let response = request.send().await.unwrap();
            assert!(disk.disarm().is_some());
            check_problem(response, status, part).await;
            assert_eq!(server.client.agents().await.unwrap(), before);
        }
    }
    let request = server.upload("me", "x = 2\n").bearer_auth(&token);
    assert_eq!(request.send().await.unwrap().status(), 201);
}
