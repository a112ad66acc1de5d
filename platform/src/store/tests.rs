//! The store's promises, on a real file system.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use tasks::{Seed, Sha256};

use super::files::to_json;
use super::lock::WriteLock;
use super::{AgentMeta, MAX_HISTORY, RoundDefinition, Store, StoreError};
use crate::api::{AgentVersion, MinerId, PreviousRound, Rankings, RoundStatus};

fn store() -> (tempfile::TempDir, Store) {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    (directory, store)
}

fn version_of(meta: &AgentMeta) -> AgentVersion {
    let AgentMeta { version, sha256, program_sha256, size, uploaded_at, .. } = meta.clone();
    AgentVersion { version, sha256, program_sha256, size, uploaded_at }
}

fn id(text: &str) -> MinerId {
    text.parse().unwrap()
}

#[test]
fn issues_a_token_once_and_requires_it_for_the_next_upload() {
    let (_directory, store) = store();
    let me = id("me");
    let first = store.put_agent(&me, b"x = 1", None).unwrap();
    let token = first.token.expect("a new id gets a token");
    assert_eq!(first.version, 1);

    let refused = |token| store.put_agent(&me, b"x = 2", token).unwrap_err();
    assert!(matches!(refused(None), StoreError::TokenMissing(_)));
    assert!(matches!(refused(Some("arena_wrong")), StoreError::TokenWrong(_)));
    assert_eq!(store.agent(&me).unwrap().unwrap().version, 1);

    let second = store.put_agent(&me, b"x = 2", Some(&token)).unwrap();
    assert_eq!((second.version, second.token), (2, None));
    let meta = store.agent(&me).unwrap().unwrap();
    assert_eq!(store.source(&meta).unwrap(), "x = 2");
    assert_eq!(meta.history.len(), 1);
    assert_eq!(meta.history[0].sha256, Sha256::of(b"x = 1"));
    assert_eq!(fs::read(store.root().join("agents/me.py")).unwrap(), b"x = 2");
}

#[test]
fn oldest_versions_leave_the_history_and_stay_in_the_store() {
    let (_directory, store) = store();
    let token = store.put_agent(&id("me"), b"first", None).unwrap().token;
    let mut meta = store.agent(&id("me")).unwrap().unwrap();
    let version = |number| AgentVersion { version: number, ..version_of(&meta) };
    let many = u32::try_from(MAX_HISTORY).unwrap();
    meta.history = (1..=many).map(version).collect();
    meta.version = many + 1;
    fs::write(store.meta_path(&meta.miner_id), to_json(&meta)).unwrap();
    assert_eq!(store.fsck().unwrap(), []);
    store.put_agent(&id("me"), b"last", token.as_deref()).unwrap();
    let meta = store.agent(&id("me")).unwrap().unwrap();
    let numbers: Vec<_> = meta.history.iter().map(|earlier| earlier.version).collect();
    assert_eq!((meta.version, numbers), (many + 2, (2..=many + 1).collect()));
    assert_eq!(store.fsck().unwrap(), []);
    assert!(store.version_path(&Sha256::of(b"first")).exists());
}

#[test]
fn same_bytes_create_no_new_version() {
    let (_directory, store) = store();
    let token = store.put_agent(&id("me"), b"x = 1", None).unwrap().token;
    let again = store.put_agent(&id("me"), b"x = 1", token.as_deref()).unwrap();
    assert_eq!((again.version, again.unchanged), (1, true));
    // A return to an earlier version is a change, though its content is stored already.
    store.put_agent(&id("me"), b"x = 2", token.as_deref()).unwrap();
    let back = store.put_agent(&id("me"), b"x = 1", token.as_deref()).unwrap();
    assert_eq!((back.version, back.unchanged), (3, false));
    assert_eq!(fs::read(store.root().join("agents/me.py")).unwrap(), b"x = 1");
}

#[test]
fn reads_a_store_written_by_earlier_versions() {
    let (_directory, store) = store();
    let token = store.put_agent(&id("me"), b"x = 1", None).unwrap().token;
    // They kept a time of change in the metadata, and a journal.
    let path = store.meta_path(&id("me"));
    let mut meta: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    meta["changed_at"] = "2026-01-01T00:00:00Z".into();
    fs::write(&path, meta.to_string()).unwrap();
    fs::create_dir(store.root().join("journal")).unwrap();
    fs::write(store.root().join("journal/lock"), "").unwrap();
    let store = Store::open(store.root()).unwrap();
    assert_eq!(store.fsck().unwrap(), []);
    assert_eq!(store.put_agent(&id("me"), b"x = 2", token.as_deref()).unwrap().version, 2);
}

#[test]
fn stores_tokens_as_digests_only_and_exchanges_them() {
    let (_directory, store) = store();
    let me = id("me");
    let old = store.put_agent(&me, b"x = 1", None).unwrap().token.unwrap();
    let stored = fs::read_to_string(store.root().join("agents/me.json")).unwrap();
    assert!(!stored.contains(&old));
    assert!(matches!(store.rotate_token(&me, None), Err(StoreError::TokenMissing(_))));
    let new = store.rotate_token(&me, Some(&old)).unwrap();
    assert!(matches!(store.put_agent(&me, b"x = 2", Some(&old)), Err(StoreError::TokenWrong(_))));
    let newest = store.reset_token(&me).unwrap();
    assert!(matches!(store.put_agent(&me, b"x = 2", Some(&new)), Err(StoreError::TokenWrong(_))));
    assert_eq!(store.put_agent(&me, b"x = 2", Some(&newest)).unwrap().version, 2);
    assert!(matches!(store.reset_token(&id("you")), Err(StoreError::Unknown(_))));
}

#[test]
fn damaged_file_hides_no_other_and_does_not_free_its_id() {
    let (_directory, store) = store();
    for name in ["a", "b", "c", "d"] {
        store.put_agent(&id(name), name.as_bytes(), None).unwrap();
    }
    let agents = store.root().join("agents");
    fs::write(agents.join("b.json"), "{\"miner_id\": ").unwrap();
    fs::copy(agents.join("a.json"), agents.join("c.json")).unwrap();
    fs::write(agents.join("notes.txt"), "hello").unwrap();
    fs::write(agents.join("orphan.py"), "x = 1").unwrap();
    let listing = store.agents().unwrap();
    let ids: Vec<_> = listing.agents.iter().map(|meta| meta.miner_id.as_str()).collect();
    assert_eq!(ids, ["a", "d"]);
    assert_eq!(listing.damaged.len(), 4, "{:#?}", listing.damaged);
    for (sentence, part) in
        listing.damaged.iter().zip(["b.json", "c.json", "notes.txt", "orphan.py"])
    {
        assert!(sentence.contains(part), "{sentence}");
    }
    assert!(matches!(store.put_agent(&id("b"), b"mine", None), Err(StoreError::Damaged { .. })));
}

#[test]
fn checks_a_source_against_its_digest() {
    let (_directory, store) = store();
    store.put_agent(&id("me"), b"x = 1", None).unwrap();
    let meta = store.agent(&id("me")).unwrap().unwrap();
    let version = store.version_path(&meta.sha256);
    fs::remove_file(&version).unwrap();
    assert_eq!(store.source(&meta).unwrap(), "x = 1", "the copy for people is used");
    fs::write(&version, "x = 6").unwrap();
    fs::write(store.root().join("agents/me.py"), "x = 7").unwrap();
    let error = store.source(&meta).unwrap_err().to_string();
    assert!(error.contains(meta.sha256.as_str()), "{error}");
}

#[test]
fn caches_the_list_of_ids_until_the_directory_changes() {
    let (_directory, store) = store();
    let age = |seconds| {
        let agents = fs::File::open(store.root().join("agents")).unwrap();
        agents.set_modified(SystemTime::now() - Duration::from_secs(seconds)).unwrap();
    };
    store.put_agent(&id("b"), b"x = 1", None).unwrap();
    age(60);
    let first = store.agent_ids().unwrap();
    assert!(Arc::ptr_eq(&first, &store.agent_ids().unwrap()), "nothing changed");
    store.put_agent(&id("a"), b"x = 1", None).unwrap();
    assert_eq!(*store.agent_ids().unwrap(), [id("a"), id("b")]);
    // A directory that has just changed may change again within the same tick of the clock.
    let recent = store.agent_ids().unwrap();
    assert!(!Arc::ptr_eq(&recent, &store.agent_ids().unwrap()));
}

#[test]
fn concurrent_uploads_of_one_id_become_one_version_each() {
    let (_directory, store) = store();
    let token = store.put_agent(&id("me"), b"first", None).unwrap().token.unwrap();
    thread::scope(|scope| {
        for n in 0..16 {
            // Each has its own store, as separate processes would.
            let store = Store::open(store.root()).unwrap();
            let token = &token;
            scope.spawn(move || {
                store.put_agent(&id("me"), format!("n = {n}").as_bytes(), Some(token)).unwrap()
            });
        }
    });
    let meta = store.agent(&id("me")).unwrap().unwrap();
    assert_eq!((meta.version, meta.history.len()), (17, 16));
}

#[test]
fn only_one_of_many_first_uploads_gets_the_id() {
    let (_directory, store) = store();
    let tokens: Vec<_> = thread::scope(|scope| {
        let upload = |n: usize| {
            let store = &store;
            scope
                .spawn(move || store.put_agent(&id("me"), format!("n = {n}").as_bytes(), None).ok())
        };
        let threads: Vec<_> = (0..16).map(upload).collect();
        threads.into_iter().filter_map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(tokens.len(), 1);
}

#[test]
fn next_start_finishes_what_a_crash_interrupted() {
    let (directory, store) = store();
    let token = store.put_agent(&id("me"), b"x = 1", None).unwrap().token;
    store.put_agent(&id("me"), b"x = 2", token.as_deref()).unwrap();
    let copy = |miner: &str| store.root().join(format!("agents/{miner}.py"));
    // As if a writer had died after the metadata and before the copy, and another before both, next to a
    // foreign file.
    for (miner, source) in [("me", "x = 1"), ("you", "x = 3")] {
        fs::write(copy(miner), source).unwrap();
        let (mut lock, _) = WriteLock::acquire(&store.locks_dir(), &id(miner)).unwrap();
        lock.note(&id(miner)).unwrap();
    }
    fs::write(store.root().join("versions/.unfinished-1"), "half").unwrap();
    Store::open(directory.path()).unwrap();
    assert_eq!(fs::read(copy("me")).unwrap(), b"x = 2");
    assert_eq!(fs::read(copy("you")).unwrap(), b"x = 3");
    assert!(!store.root().join("versions/.unfinished-1").exists());
    let mut locks = fs::read_dir(store.locks_dir()).unwrap();
    assert!(locks.all(|lock| lock.unwrap().metadata().unwrap().len() == 0));
}

#[test]
fn next_owner_of_a_lock_finishes_what_a_crash_interrupted() {
    let (_directory, store) = store();
    let token = store.put_agent(&id("me"), b"x = 1", None).unwrap().token;
    let copy = store.root().join("agents/me.py");
    fs::write(&copy, "x = 0").unwrap();
    let (mut lock, _) = WriteLock::acquire(&store.locks_dir(), &id("me")).unwrap();
    lock.note(&id("me")).unwrap();
    // A living writer is left alone.
    Store::open(store.root()).unwrap();
    assert_eq!(fs::read(&copy).unwrap(), b"x = 0");
    drop(lock);
    store.rotate_token(&id("me"), token.as_deref()).unwrap();
    assert_eq!(fs::read(&copy).unwrap(), b"x = 1");
}

#[test]
fn keeps_rounds_and_returns_the_latest_as_the_ranking() {
    let (_directory, store) = store();
    assert_eq!(store.rankings().unwrap(), None);
    assert_eq!(store.open_round().unwrap(), None);
    for (round, score) in [("one", 1), ("two", 2), ("two", 3)] {
        store.put_rankings(&rankings(round, score)).unwrap();
    }
    assert_eq!(store.rankings().unwrap(), Some(rankings("two", 3)));
    assert_eq!(store.rounds(10).unwrap(), [rankings("one", 1), rankings("two", 3)]);
    assert_eq!(store.rounds(1).unwrap().len(), 1);

    fs::write(store.root().join("rankings.json"), "[]").unwrap();
    let error = store.rankings().unwrap_err().to_string();
    assert!(error.contains("rankings.json is damaged"), "{error}");
}

#[test]
fn remembers_the_open_round_for_its_owner_only() {
    let (_directory, store) = store();
    let round = RoundDefinition {
        id: "one".into(),
        seed: Seed(7),
        salt: "ab".into(),
        opened_at: Timestamp::UNIX_EPOCH,
        frozen: false,
        image: "x@sha256:1".into(),
        model: None,
        isolation: "agent".into(),
        repeat: 1,
        tasks: vec!["a".parse().unwrap()],
        private: None,
        previous: None,
    };
    store.put_open_round(&round).unwrap();
    assert_eq!(store.open_round().unwrap(), Some(round));
    for (name, expected) in [("round.json", 0o600), ("results", 0o700)] {
        let mode = fs::metadata(store.root().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, expected, "{name}");
    }

    let mut closed = rankings("one", 1);
    closed.round.status = RoundStatus::Closed;
    store.close_round(&closed).unwrap();
    assert_eq!(store.open_round().unwrap(), None);
}

#[test]
fn the_ranking_of_a_closed_round_is_final() {
    let (_directory, store) = store();
    let mut closed = rankings("one", 1);
    closed.round.status = RoundStatus::Closed;
    store.put_rankings(&closed).unwrap();
    store.put_rankings(&closed).unwrap();
    let error = store.put_rankings(&rankings("one", 2)).unwrap_err().to_string();
    assert!(error.contains("round one is closed"), "{error}");
    let mut next = rankings("two", 2);
    next.round.previous = store.latest_closed(None).unwrap();
    store.put_rankings(&next).unwrap();
    let error = store.put_rankings(&rankings("less", 2)).unwrap_err().to_string();
    assert!(error.contains("opened before"), "{error}");
    assert_eq!(store.rankings().unwrap(), Some(next));
}

#[test]
fn every_round_names_the_closed_round_before_it() {
    let (_directory, store) = store();
    // A store without closed rounds may begin in the middle of a chain.
    let mut first = rankings("one", 1);
    let unknown = PreviousRound { id: "zero".into(), digest: Sha256::of(b"zero") };
    first.round.previous = Some(unknown.clone());
    first.round.status = RoundStatus::Closed;
    assert_eq!(store.latest_closed(None).unwrap(), None);
    store.put_rankings(&first).unwrap();
    let link = store.latest_closed(None).unwrap().unwrap();
    assert_eq!(link, PreviousRound { id: "one".into(), digest: first.digest() });
    assert_eq!(store.latest_closed(Some("one")).unwrap(), None);

    let mut next = rankings("two", 2);
    for (previous, words) in [
        (None, "names none as the closed round before it, but that is one here"),
        (Some(unknown), "names zero as the closed round before it"),
        (
            Some(PreviousRound { digest: Sha256::of(b"x"), ..link.clone() }),
            "names one with another digest than it has here",
        ),
    ] {
        next.round.previous = previous;
        for status in [RoundStatus::Open, RoundStatus::Closed] {
            next.round.status = status;
            let error = store.put_rankings(&next).unwrap_err().to_string();
            assert!(error.contains("broken chain") && error.contains(words), "{error}");
        }
    }
    next.round.previous = Some(link.clone());
    next.round.status = RoundStatus::Open;
    store.put_rankings(&next).unwrap();
    // Standings are not a link of the chain.
    assert_eq!(store.latest_closed(None).unwrap(), Some(link));
}

#[test]
fn one_evaluation_at_a_time() {
    let (_directory, store) = store();
    let lock = store.lock_round().unwrap();
    let error = store.lock_round().unwrap_err().to_string();
    assert!(error.contains(&std::process::id().to_string()), "{error}");
    drop(lock);
    store.lock_round().unwrap();
}

#[test]
fn error_of_a_store_that_cannot_be_opened_names_file_and_remedy() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    fs::write(&file, "").unwrap();
    let error = Store::open(&file).unwrap_err().to_string();
    assert!(error.contains("file/agents") && error.contains("--store"), "{error}");
}

/// A round of one agent on one task.
pub(super) fn rankings(round: &str, score: u32) -> Rankings {
    let minute = if round == "two" { 2 } else { 1 };
    let ranking = serde_json::json!({
        "rank": 1, "miner_id": "me", "group": "a", "agent_sha256": Sha256::of(b""), "score": score,
        "reward_tao": "100", "reward_rao": 100_000_000_000_u64, "copy_of": null,
        "uploaded_at": "2026-01-01T00:00:00Z", "first_submitted_at": "2026-01-01T00:00:00Z",
        "tasks": {"a": {"verdict": "AC", "score": score, "passed": 1, "total": 1}},
    });
    serde_json::from_value(serde_json::json!({
        "round": {
            "id": round, "status": "open", "commitment": Sha256::of(b""),
            "opened_at": format!("2026-01-01T00:0{minute}:00Z"),
            "listed_at": format!("2026-01-01T00:0{minute}:00Z"),
            "finished_at": format!("2026-01-01T00:0{minute}:30Z"), "tasks": ["a"],
            "image": "x", "isolation": "agent", "pool_tao": "100", "payout": "proportional", "alpha": 0.05,
            "trials": 1, "faults": [],
        },
        "rankings": [ranking],
    }))
    .unwrap()
}
