//! The backup of a store that is in use, and what is restored from it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use platform::api::{MinerId, RoundStatus};
use platform::store::Store;

use crate::support::{TestServer, VALIDATOR, rankings};

/// The number of copies that are made while the store changes.
const COPIES: usize = 4;

/// Runs the script of the guide.
fn back_up(store: &Path, archive: &Path) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../contrib/backup.sh");
    let output = Command::new("sh").arg(script).arg(store).arg(archive).output().unwrap();
    assert!(output.status.success(), "{output:?}");
}

/// Unpacks the archive into a new store.
fn restore(archive: &Path, root: &Path) -> Store {
    std::fs::create_dir(root).unwrap();
    let tar = Command::new("tar").arg("-xzf").arg(archive).arg("-C").arg(root).status().unwrap();
    assert!(tar.success());
    Store::open(root).unwrap()
}

/// Uploads agents and their new versions, and publishes standings, until it is stopped.
fn keep_changing(store: &Store, stop: &AtomicBool, uploads: &AtomicU32) {
    let mut standings = rankings("live", "first");
    standings.round.status = RoundStatus::Open;
    (standings.round.seed, standings.round.salt) = (None, None);
    standings.round.trials_sha256 = None;
    standings.round.previous = store.latest_closed(None).unwrap();
    while !stop.load(Ordering::SeqCst) {
        let number = uploads.fetch_add(1, Ordering::SeqCst);
        let miner: MinerId = format!("m{}", number % 40).parse().unwrap();
        if let Ok(Some(_)) = store.agent(&miner) {
            store.reset_token(&miner).unwrap();
        } else {
            store.put_agent(&miner, format!("x = {number}\n").as_bytes(), None).unwrap();
        }
        standings.round.trials = u64::from(number);
        store.put_rankings(&standings).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn backup_of_a_store_in_use_can_be_restored() {
    let server = TestServer::start().await;
    let first: MinerId = "first".parse().unwrap();
    let token = server.client.upload(&first, "x = 1\n", None).await.unwrap().token.unwrap();
    server.client.put_rankings(&rankings("closed", "first"), VALIDATOR).await.unwrap();
    server.store.put_result("key.json", b"{}").unwrap();

    let directory = tempfile::tempdir().unwrap();
    let archive = |n: usize| -> PathBuf { directory.path().join(format!("{n}.tar.gz")) };
    let (stop, uploads) = (AtomicBool::new(false), AtomicU32::new(0));
    std::thread::scope(|scope| {
        let changing = scope.spawn(|| keep_changing(&server.store, &stop, &uploads));
        for n in 0..COPIES {
            // A copy in which nothing changes shows nothing.
            let before = uploads.load(Ordering::SeqCst);
            back_up(server.store.root(), &archive(n));
            while uploads.load(Ordering::SeqCst) < before + 2 {
                assert!(!changing.is_finished(), "a change of the store failed");
                std::thread::yield_now();
            }
        }
        stop.store(true, Ordering::SeqCst);
        changing.join().unwrap();
    });
    for n in 0..COPIES {
        let store = restore(&archive(n), &directory.path().join(format!("store{n}")));
        // The copy for people of an agent that was stored at that moment may be missing, and nothing else.
        let issues = store.fsck_and_repair().unwrap();
        let is_copy = |issue: &platform::store::Issue| {
            let path = issue.path.to_string_lossy();
            path.contains("/agents/") && path.ends_with(".py")
        };
        assert!(issues.iter().all(is_copy), "{issues:?}");
        assert_eq!(store.fsck().unwrap(), []);
        let listing = store.agents().unwrap();
        assert_eq!(listing.damaged, Vec::<String>::new());
        for agent in &listing.agents {
            store.source(agent).unwrap();
        }
        let latest = store.rankings().unwrap().unwrap();
        assert_eq!(store.ranking_of(&latest.round.id).unwrap().map(|_| ()), Some(()));
        let restored = TestServer::on(store, platform::server::Settings::default()).await;
        restored.client.upload(&first, "x = 2\n", Some(&token)).await.unwrap();
        assert!(restored.store.results_dir().join("key.json").exists());
    }
}
