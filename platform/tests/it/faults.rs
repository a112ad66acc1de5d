//! Failing disks: whichever single operation fails, nothing is acknowledged that is not durable, the earlier
//! version stays, and the next upload succeeds.

use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread::ScopedJoinHandle;

use platform::MinerId;
use platform::api::Receipt;
use platform::server::{Quotas, Settings};
use platform::store::{Repair, Store};
use tasks::Sha256;

use crate::support::faulty::{EIO, ENOSPC, FaultyDisk, unfinished};
use crate::support::volatile::VolatileDisk;
use crate::support::{TestServer, check_problem, rankings};

/// The operations of a durable write.
const DURABLE_WRITE: [&str; 4] = ["write", "sync", "rename", "sync_directory"];
/// The operations of a write of a copy for people.
const COPY: [&str; 2] = ["write", "rename"];

fn version(sha256: &Sha256) -> String {
    format!("versions/{sha256}.py")
}

fn store() -> (tempfile::TempDir, Arc<FaultyDisk>, Store) {
    let directory = tempfile::tempdir().unwrap();
    let disk = Arc::new(FaultyDisk::default());
    let store = Store::open_on(directory.path(), disk.clone()).unwrap();
    (directory, disk, store)
}

/// What another process finds when this one is killed now: the same files, unlocked.
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

/// The same, where `fsck` finds this number of issues.
fn after_a_kill_with(root: &Path, issues: usize) -> (tempfile::TempDir, Store) {
    let directory = killed(root);
    let store = Store::open(directory.path()).unwrap();
    assert_eq!(unfinished(directory.path()), [""; 0]);
    assert_eq!(store.fsck().unwrap().len(), issues);
    (directory, store)
}

/// Uploads with each operation failing in turn, and returns the operations.
fn check_each_fault(error: i32, replace: bool) -> Vec<&'static str> {
    let mut met = Vec::new();
    for number in 0.. {
        let (directory, disk, store) = store();
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
        let (killed, _) = after_a_kill(directory.path());
        if let Err(error) = &uploaded {
            for store in [&store, &Store::open(killed.path()).unwrap()] {
                assert_eq!(store.agent(&me).unwrap(), before, "{step}: {error}");
                if let Some(before) = &before {
                    assert_eq!(store.source(before).unwrap(), "x = 1", "{step}");
                }
                assert_eq!(store.agents().unwrap().damaged, [""; 0], "{step}");
            }
        } else {
            // Only the copy for people may fail and be written later.
            assert!(matches!(operation, "write" | "rename"), "{step} was acknowledged");
            assert_eq!(std::fs::read(killed.path().join("agents/me.py")).unwrap(), b"x = 2");
        }
        // The next upload, in this process or another, finds everything in order.
        let next = Store::open(directory.path()).unwrap();
        assert_eq!(unfinished(directory.path()), [""; 0], "{step}");
        let token = token.or_else(|| uploaded.ok().and_then(|receipt| receipt.token));
        for (store, source) in [(&next, "x = 3"), (&store, "x = 4")] {
            let receipt = store.put_agent(&me, source.as_bytes(), token.as_deref()).unwrap();
            if token.is_none() {
                // It was the first upload.
                assert!(receipt.token.is_some());
                break;
            }
        }
        let meta = next.agent(&me).unwrap().unwrap();
        let source = next.source(&meta).unwrap();
        assert_eq!(source, if token.is_some() { "x = 4" } else { "x = 3" }, "{step}");
        let copy = std::fs::read_to_string(directory.path().join("agents/me.py")).unwrap();
        assert_eq!(copy, source, "{step}");
        assert_eq!(next.agents().unwrap().damaged, [""; 0], "{step}");
    }
    unreachable!("the loop ends when no operation is left to fail")
}

#[test]
fn failed_upload_keeps_the_earlier_version_and_is_not_acknowledged() {
    let expected = [&DURABLE_WRITE[..], &DURABLE_WRITE, &COPY].concat();
    for error in [ENOSPC, EIO] {
        for replace in [false, true] {
            assert_eq!(check_each_fault(error, replace), expected);
        }
    }
}

#[test]
fn failed_rotation_keeps_exactly_one_valid_token() {
    let mut met = Vec::new();
    for number in 0.. {
        let (directory, disk, store) = store();
        let me: MinerId = "me".parse().unwrap();
        let old = store.put_agent(&me, b"x = 1", None).unwrap().token.unwrap();
        disk.arm(number, EIO);
        let new = store.rotate_token(&me, Some(&old));
        let failed = disk.disarm();
        let (valid, void) = match &new {
            Ok(new) => (new, Some(&old)),
            Err(_) => (&old, None),
        };
        let (_directory, killed) = after_a_kill(directory.path());
        for store in [&store, &killed] {
            assert!(
                store.authorize(&me, Some(valid)).unwrap().is_some(),
                "{failed:?}, number {number}"
            );
            assert!(void.is_none_or(|void| store.authorize(&me, Some(void)).is_err()));
        }
        let Some(operation) = failed else {
            new.unwrap();
            assert_eq!(met, DURABLE_WRITE);
            return;
        };
        assert!(new.is_err(), "{operation}");
        met.push(operation);
    }
}

#[test]
fn failed_publication_leaves_the_old_or_the_new_ranking() {
    let mut met = Vec::new();
    for number in 0.. {
        let (directory, disk, store) = store();
        let [old, mut new] = ["1-old", "2-new"].map(|round| rankings(round, "me"));
        new.round.previous = Some(old.link());
        store.put_rankings(&old).unwrap();
        disk.arm(number, ENOSPC);
        let put = store.put_rankings(&new);
        let failed = disk.disarm();
        let stored = store.rankings().unwrap().unwrap();
        assert!(stored == new || put.is_err() && stored == old, "{failed:?}, number {number}");
        let (_directory, killed) = after_a_kill(directory.path());
        assert_eq!(killed.rankings().unwrap().unwrap(), stored);
        let Some(operation) = failed else {
            put.unwrap();
            // In rounds/, and as the latest.
            assert_eq!(met, [DURABLE_WRITE, DURABLE_WRITE].concat());
            return;
        };
        assert!(put.is_err(), "{operation}");
        met.push(operation);
        store.put_rankings(&new).unwrap();
        assert_eq!(store.rankings().unwrap(), Some(new));
    }
}

#[test]
fn failed_start_loses_nothing_and_the_next_one_succeeds() {
    let (directory, _disk, store) = without_copy();
    let me: MinerId = "me".parse().unwrap();
    let mut met = Vec::new();
    for number in 0.. {
        let killed = killed(directory.path());
        let disk = Arc::new(FaultyDisk::default());
        disk.arm(number, EIO);
        let started = Store::open_on(killed.path(), disk.clone());
        let Some(operation) = disk.disarm() else {
            started.unwrap();
            assert_eq!(met, [&["sync_directory"; 2][..], &COPY].concat());
            break;
        };
        // A copy for people that cannot be written does not prevent a start.
        let is_copy = number >= 2;
        assert_eq!(started.is_ok(), is_copy, "{operation}, number {number}");
        met.push(operation);
        let (next, store) = after_a_kill(killed.path());
        let meta = store.agent(&me).unwrap().unwrap();
        assert_eq!((meta.version, store.source(&meta).unwrap()), (1, "x = 1".into()));
        assert_eq!(std::fs::read(next.path().join("agents/me.py")).unwrap(), b"x = 1");
    }
    drop(store);
}

#[test]
fn failed_repair_does_not_prevent_the_others() {
    let (directory, disk, store) = store();
    for id in ["a", "b"] {
        store.put_agent(&id.parse().unwrap(), b"x = 1", None).unwrap();
        std::fs::write(directory.path().join(format!("agents/{id}.py")), "x = 0").unwrap();
    }
    disk.arm(0, ENOSPC);
    let issues = store.fsck_and_repair().unwrap();
    assert_eq!(disk.disarm(), Some("write"));
    let [a, b] = &*issues else { panic!("{issues:?}") };
    assert!(matches!(&a.repair, Repair::ByHand(how) if how.contains("free space")), "{a:?}");
    assert!(matches!(&b.repair, Repair::Done(_)), "{b:?}");
    assert_eq!(store.fsck_and_repair().unwrap().len(), 1);
    assert_eq!(store.fsck_and_repair().unwrap(), []);
}

/// An upload that was acknowledged.
#[derive(Clone)]
struct Acknowledged {
    miner_id: MinerId,
    token: String,
    version: usize,
    source: Vec<u8>,
}

/// Checks that the store holds these uploads after a power loss now.
fn check_after_power_loss(disk: &VolatileDisk, root: &Path, acknowledged: &[Acknowledged]) {
    let left = disk.lose_power(root);
    let store = Store::open(left.path()).unwrap();
    // Only copies for people are written without a sync.
    for issue in store.fsck_and_repair().unwrap() {
        let is_copy = issue.path.parent() == Some(&left.path().join("agents"))
            && issue.path.extension().is_some_and(|extension| extension == "py");
        assert!(is_copy, "{issue:?}");
    }
    assert_eq!(store.fsck().unwrap(), []);
    for Acknowledged { miner_id, token, version, source } in acknowledged {
        let mut meta = store.agent(miner_id).unwrap().unwrap();
        assert!(store.authorize(miner_id, Some(token)).unwrap().is_some());
        let mut versions = std::mem::take(&mut meta.history).into_iter().map(|old| old.sha256);
        let sha256 = versions.nth(version - 1).unwrap_or_else(|| meta.sha256.clone());
        assert_eq!(sha256, Sha256::of(source), "{miner_id}, version {version}");
        meta.sha256 = sha256;
        assert_eq!(store.source(&meta).unwrap().as_bytes(), source);
    }
}

#[test]
fn acknowledged_uploads_survive_a_power_loss_at_any_moment() {
    const THREADS: usize = 4;
    const UPLOADS: usize = 40;
    let directory = tempfile::tempdir().unwrap();
    let disk = Arc::new(VolatileDisk::default());
    let store = Store::open_on(directory.path(), disk.clone()).unwrap();
    let acknowledged = Mutex::new(Vec::new());
    let upload = |thread: usize| {
        let miner_id: MinerId = format!("miner{thread}").parse().unwrap();
        let mut token = None;
        for version in 1..=UPLOADS {
            let source = format!("# {version}\n{}", "-".repeat(200_000)).into_bytes();
            let receipt = store.put_agent(&miner_id, &source, token.as_deref()).unwrap();
            let token = token.get_or_insert_with(|| receipt.token.unwrap()).clone();
            let upload = Acknowledged { miner_id: miner_id.clone(), token, version, source };
            acknowledged.lock().unwrap().push(upload);
        }
    };
    let check = || {
        // Copied before the power loss: an upload that is acknowledged meanwhile may be there or not.
        let acknowledged = acknowledged.lock().unwrap().clone();
        check_after_power_loss(&disk, directory.path(), &acknowledged);
        acknowledged.len()
    };
    std::thread::scope(|scope| {
        let upload = &upload;
        let threads: Vec<_> =
            (0..THREADS).map(|thread| scope.spawn(move || upload(thread))).collect();
        while !threads.iter().all(ScopedJoinHandle::is_finished) {
            check();
        }
    });
    assert_eq!(check(), THREADS * UPLOADS);
}

/// Uploads the same bytes again, after `spoil`, with each operation failing in turn.
fn check_each_fault_of_the_same_again(spoil: impl Fn(&Path)) -> Vec<&'static str> {
    let mut met = Vec::new();
    for number in 0.. {
        let (directory, disk, store) = store();
        let me: MinerId = "me".parse().unwrap();
        let token = store.put_agent(&me, b"x = 1", None).unwrap().token;
        let meta = store.agent(&me).unwrap().unwrap();
        spoil(directory.path());

        disk.arm(number, EIO);
        let again = store.put_agent(&me, b"x = 1", token.as_deref());
        let failed = disk.disarm();
        if let Ok(receipt) = &again {
            assert!(receipt.unchanged);
            let version = directory.path().join(version(&meta.sha256));
            assert_eq!(std::fs::read(version).unwrap(), b"x = 1", "{failed:?}, number {number}");
        }
        let Some(operation) = failed else {
            again.unwrap();
            assert_eq!(std::fs::read(directory.path().join("agents/me.py")).unwrap(), b"x = 1");
            return met;
        };
        // After both directories are synced comes the copy, which alone may be written later.
        let is_copy = met.iter().filter(|met| **met == "sync_directory").count() == 2;
        assert_eq!(again.is_ok(), is_copy, "{operation}, number {number}");
        met.push(operation);
        Store::open(directory.path()).unwrap();
        assert_eq!(unfinished(directory.path()), [""; 0], "{operation}, number {number}");
    }
    unreachable!("the loop ends when no operation is left to fail")
}

/// A store with an agent whose copy could not be written.
fn without_copy() -> (tempfile::TempDir, Arc<FaultyDisk>, Store) {
    let (directory, disk, store) = store();
    // The copy is written after the version and the metadata.
    disk.arm(2 * DURABLE_WRITE.len(), ENOSPC);
    store.put_agent(&"me".parse().unwrap(), b"x = 1", None).unwrap();
    assert_eq!(disk.disarm(), Some("write"));
    assert!(!directory.path().join("agents/me.py").exists());
    (directory, disk, store)
}

#[test]
fn copy_that_cannot_be_written_prevents_neither_uploads_nor_starts() {
    let (directory, _disk, store) = without_copy();
    let (me, other): (MinerId, MinerId) = ("me".parse().unwrap(), "other".parse().unwrap());
    let copy = |miner_id: &MinerId| directory.path().join(format!("agents/{miner_id}.py"));
    // A directory in the place of the copy blocks it as a full disk does, but permanently.
    std::fs::create_dir(copy(&me)).unwrap();
    let (killed, _) = after_a_kill_with(directory.path(), 1);
    assert!(killed.path().join("agents/me.py").is_dir());
    store.put_agent(&other, b"y = 1", None).unwrap();
    drop(store);
    let store = Store::open(directory.path()).unwrap();
    assert_eq!(std::fs::read(copy(&other)).unwrap(), b"y = 1");
    let meta = store.agent(&me).unwrap().unwrap();
    assert_eq!(store.source(&meta).unwrap(), "x = 1");
    std::fs::remove_dir(copy(&me)).unwrap();
    assert_eq!(store.fsck_and_repair().unwrap().len(), 1);
    assert_eq!(std::fs::read(copy(&me)).unwrap(), b"x = 1");
}

#[test]
fn same_bytes_are_acknowledged_when_durable_and_restore_what_was_lost() {
    // Their first writer may have been killed before it synced the directories.
    let syncs = ["sync_directory"; 2];
    assert_eq!(check_each_fault_of_the_same_again(|_| {}), syncs);
    let versions = |root: &Path| std::fs::read_dir(root.join("versions")).unwrap();
    let lost = |root: &Path| {
        versions(root).for_each(|version| std::fs::remove_file(version.unwrap().path()).unwrap());
        std::fs::remove_file(root.join("agents/me.py")).unwrap();
    };
    let damaged = |root: &Path| {
        versions(root).for_each(|version| std::fs::write(version.unwrap().path(), "x").unwrap());
        std::fs::write(root.join("agents/me.py"), "x").unwrap();
    };
    let all = [&DURABLE_WRITE[..], &syncs[..1], &COPY].concat();
    assert_eq!(check_each_fault_of_the_same_again(lost), all);
    assert_eq!(check_each_fault_of_the_same_again(damaged), all);
}

#[tokio::test]
async fn upload_that_the_disk_refused_uses_no_quota() {
    let (_directory, disk, store) = store();
    let quotas = Quotas { per_id_hour: 1, new_ids_hour: 1, ..Quotas::STANDARD };
    let server =
        TestServer::on(store, Settings { quotas: Some(quotas), ..Settings::default() }).await;
    // A new id requires no token.
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
    // Stored uploads count.
    let version = server.upload("me", "x = 3\n").bearer_auth(&token).send().await.unwrap();
    check_problem(version, 429, "versions of this agent").await;
    check_problem(server.upload("you", "x = 3\n").send().await.unwrap(), 429, "new miner").await;
}

#[tokio::test]
async fn full_disk_is_507_and_broken_disk_is_503_and_the_earlier_version_is_served() {
    let (_directory, disk, store) = store();
    let server = TestServer::on(store, Settings::default()).await;
    let receipt = server.client.upload(&"me".parse().unwrap(), "x = 1\n", None).await.unwrap();
    let token = receipt.token.unwrap();
    let before = server.client.agents().await.unwrap();
    for (error, status, part) in [(ENOSPC, 507, "disk is full"), (EIO, 503, "try again later")] {
        // The version and the metadata.
        for number in 0..2 * DURABLE_WRITE.len() {
            disk.arm(number, error);
            // Another source each time, so that its version is not stored already.
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
