//! Disks that fail: whatever single operation fails, nothing is acknowledged that is not durable, the
//! old version stays, and the next upload goes through.

mod support;

use std::path::Path;
use std::sync::Arc;

use platform::server::{Quotas, Settings};
use platform::store::{MinerId, Receipt, Store};
use support::faulty::{EIO, ENOSPC, FaultyDisk, unfinished};
use support::{Server, check_problem};
use tasks::Sha256;

fn store() -> (tempfile::TempDir, Arc<FaultyDisk>, Store) {
    let folder = tempfile::tempdir().unwrap();
    let disk = Arc::new(FaultyDisk::default());
    let store = Store::open_on(folder.path(), disk.clone()).unwrap();
    (folder, disk, store)
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
        if let Err(error) = &uploaded {
            assert_eq!(store.agent(&me).unwrap(), before, "{step}: {error}");
            if let Some(before) = &before {
                assert_eq!(store.source(before).unwrap(), "x = 1", "{step}");
            }
            assert_eq!(store.agents().unwrap().damaged, [""; 0], "{step}");
        } else {
            // Only the copy for people may fail and be mended later.
            assert!(matches!(operation, "write" | "rename"), "{step} was acknowledged");
        }
        // Whoever comes next, in this process or another, finds everything in order.
        let next = Store::open(folder.path()).unwrap();
        assert_eq!(unfinished(folder.path()), [""; 0], "{step}");
        let token = token.or_else(|| uploaded.ok().and_then(|receipt| receipt.token));
        next.put_agent(&me, b"x = 2", token.as_deref()).unwrap();
        let meta = next.agent(&me).unwrap().unwrap();
        assert_eq!(next.source(&meta).unwrap(), "x = 2", "{step}");
        assert_eq!(std::fs::read(folder.path().join("agents/me.py")).unwrap(), b"x = 2", "{step}");
        assert_eq!(next.agents().unwrap().damaged, [""; 0], "{step}");
    }
    unreachable!("the loop ends when no operation is left to fail")
}

#[test]
fn whatever_fails_the_old_version_stays_and_nothing_is_acknowledged() {
    // The version; the metadata, which is in place only when the version is durable; the copy.
    let version = ["write", "sync", "rename"];
    let meta = ["write", "sync", "sync_folder", "rename", "sync_folder"];
    let first = [&version[..], &meta, &["write", "rename"]].concat();
    let mut later = first.clone();
    later.insert(version.len(), "link");
    for error in [ENOSPC, EIO] {
        assert_eq!(check_each_fault(error, false), first);
        assert_eq!(check_each_fault(error, true), later);
    }
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
            let version = folder.path().join(format!("versions/{}.py", meta.sha256));
            assert_eq!(std::fs::read(version).unwrap(), b"x = 1", "{failed:?}, number {number}");
        }
        let Some(operation) = failed else {
            again.unwrap();
            assert_eq!(std::fs::read(folder.path().join("agents/me.py")).unwrap(), b"x = 1");
            return met;
        };
        // After both folders are synced comes the copy, which alone may be mended later.
        let is_copy = met.iter().filter(|met| **met == "sync_folder").count() == 2;
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
    // After the version and the metadata, the copy is the third file that is written.
    disk.arm(8, ENOSPC);
    store.put_agent(&"me".parse().unwrap(), b"x = 1", None).unwrap();
    assert_eq!(disk.disarm(), Some("write"));
    assert!(!folder.path().join("agents/me.py").exists());
    (folder, disk, store)
}

#[test]
fn a_copy_that_cannot_be_made_keeps_no_server_from_starting() {
    let (folder, disk, _) = without_copy();
    let copy = folder.path().join("agents/me.py");
    // Both operations on the copy, after the syncs of the store's folder and the one that it lies in.
    for (number, operation) in [(2, "write"), (3, "rename")] {
        disk.arm(number, ENOSPC);
        Store::open_on(folder.path(), disk.clone()).unwrap();
        assert_eq!(disk.disarm(), Some(operation));
        assert!(!copy.exists(), "{operation}");
    }
    Store::open(folder.path()).unwrap();
    assert_eq!(std::fs::read(copy).unwrap(), b"x = 1");
}

#[test]
fn a_copy_that_cannot_be_made_is_no_affair_of_the_next_who_has_the_lock() {
    let bucket =
        |miner_id: &MinerId| Sha256::of(miner_id.as_str().as_bytes()).as_str()[..2].to_owned();
    let me: MinerId = "me".parse().unwrap();
    let others = (0..).map(|n| format!("other{n}").parse().unwrap());
    let other: MinerId = others.into_iter().find(|other| bucket(other) == bucket(&me)).unwrap();

    // Whether the other's own copy is made, or is the eleventh operation and fails as well.
    for number in [usize::MAX, 10] {
        let (folder, disk, store) = without_copy();
        let copy = |miner_id: &MinerId| folder.path().join(format!("agents/{miner_id}.py"));
        // A folder in the copy's place is as much in the way as a full disk, and for longer.
        std::fs::create_dir(copy(&me)).unwrap();
        disk.arm(number, ENOSPC);
        store.put_agent(&other, b"y = 1", None).unwrap();
        assert_eq!(disk.disarm().is_some(), number == 10);
        assert_eq!(copy(&other).exists(), number != 10);
        std::fs::remove_dir(copy(&me)).unwrap();
        // Nobody has forgotten the first.
        Store::open(folder.path()).unwrap();
        assert_eq!(std::fs::read(copy(&me)).unwrap(), b"x = 1");
        assert_eq!(std::fs::read(copy(&other)).unwrap(), b"y = 1");
    }
}

#[test]
fn the_same_bytes_are_acknowledged_when_they_are_durable_and_mend_what_was_lost() {
    // Whoever sent them first may have been killed before the folders were synced.
    let syncs = ["sync_folder", "sync_folder"];
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
    let all = [&["write", "sync", "rename"], &syncs[..], &["write", "rename"]].concat();
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
        for number in 0..9 {
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
