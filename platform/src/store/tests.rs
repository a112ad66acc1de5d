//! The store's promises, on a real file system.

use std::fs;
use std::thread;
use std::time::SystemTime;

use super::*;

fn store() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    (folder, store)
}

fn version_of(meta: &AgentMeta) -> Version {
    let AgentMeta { version, sha256, size, uploaded_at, .. } = meta.clone();
    Version { version, sha256, size, uploaded_at }
}

fn id(text: &str) -> MinerId {
    text.parse().unwrap()
}

#[test]
fn a_new_id_gets_a_token_once_and_the_next_upload_must_bring_it() {
    let (_folder, store) = store();
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
fn the_oldest_versions_leave_the_history_and_stay_in_the_store() {
    let (_folder, store) = store();
    let token = store.put_agent(&id("me"), b"first", None).unwrap().token;
    let mut meta = store.agent(&id("me")).unwrap().unwrap();
    let version = |number| Version { version: number, ..version_of(&meta) };
    let many = u32::try_from(MAX_HISTORY).unwrap();
    meta.history = (1..=many).map(version).collect();
    meta.version = many + 1;
    store.put_meta(&meta).unwrap();
    assert_eq!(store.verify(false).unwrap(), []);
    store.put_agent(&id("me"), b"last", token.as_deref()).unwrap();
    let meta = store.agent(&id("me")).unwrap().unwrap();
    let numbers: Vec<_> = meta.history.iter().map(|earlier| earlier.version).collect();
    assert_eq!((meta.version, numbers), (many + 2, (2..=many + 1).collect()));
    assert_eq!(store.verify(false).unwrap(), []);
    assert!(store.version_path(&Sha256::of(b"first")).exists());
}

#[test]
fn the_same_bytes_make_no_new_version() {
    let (_folder, store) = store();
    let token = store.put_agent(&id("me"), b"x = 1", None).unwrap().token;
    let again = store.put_agent(&id("me"), b"x = 1", token.as_deref()).unwrap();
    assert_eq!((again.version, again.unchanged), (1, true));
    // Going back to an earlier version is a change, though its content is stored already.
    store.put_agent(&id("me"), b"x = 2", token.as_deref()).unwrap();
    let back = store.put_agent(&id("me"), b"x = 1", token.as_deref()).unwrap();
    assert_eq!((back.version, back.unchanged), (3, false));
    assert_eq!(fs::read(store.root().join("agents/me.py")).unwrap(), b"x = 1");
}

#[test]
fn metadata_from_before_the_journal_can_be_read() {
    let (_folder, store) = store();
    let token = store.put_agent(&id("me"), b"x = 1", None).unwrap().token;
    let path = store.meta_path(&id("me"));
    let mut meta: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    meta.as_object_mut().unwrap().remove("changed_at").unwrap();
    fs::write(&path, meta.to_string()).unwrap();
    assert_eq!(store.put_agent(&id("me"), b"x = 2", token.as_deref()).unwrap().version, 2);
}

#[test]
fn a_token_is_kept_as_a_digest_only_and_can_be_exchanged() {
    let (_folder, store) = store();
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
fn one_corrupt_file_hides_no_other_and_is_no_way_to_take_an_id() {
    let (_folder, store) = store();
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
fn a_source_is_checked_against_its_digest() {
    let (_folder, store) = store();
    store.put_agent(&id("me"), b"x = 1", None).unwrap();
    let meta = store.agent(&id("me")).unwrap().unwrap();
    let version = store.version_path(&meta.sha256);
    fs::remove_file(&version).unwrap();
    assert_eq!(store.source(&meta).unwrap(), "x = 1", "the copy for people serves");
    fs::write(&version, "x = 6").unwrap();
    fs::write(store.root().join("agents/me.py"), "x = 7").unwrap();
    let error = store.source(&meta).unwrap_err().to_string();
    assert!(error.contains(meta.sha256.as_str()), "{error}");
}

#[test]
fn the_list_of_ids_is_kept_until_the_folder_changes() {
    let (_folder, store) = store();
    let age = |seconds| {
        let folder = fs::File::open(store.root().join("agents")).unwrap();
        folder.set_modified(SystemTime::now() - Duration::from_secs(seconds)).unwrap();
    };
    store.put_agent(&id("b"), b"x = 1", None).unwrap();
    age(60);
    let first = store.agent_ids().unwrap();
    assert!(Arc::ptr_eq(&first, &store.agent_ids().unwrap()), "nothing changed");
    store.put_agent(&id("a"), b"x = 1", None).unwrap();
    assert_eq!(*store.agent_ids().unwrap(), [id("a"), id("b")]);
    // What changed just now may change again in the same tick of the file system's clock.
    let recent = store.agent_ids().unwrap();
    assert!(!Arc::ptr_eq(&recent, &store.agent_ids().unwrap()));
}

#[test]
fn uploads_of_one_id_at_once_become_one_version_each() {
    let (_folder, store) = store();
    let token = store.put_agent(&id("me"), b"first", None).unwrap().token.unwrap();
    thread::scope(|scope| {
        for n in 0..16 {
            // Each has a store of its own, as other processes would.
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
    let (_folder, store) = store();
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
fn the_next_start_finishes_what_a_crash_interrupted() {
    let (folder, store) = store();
    let receipt = store.put_agent(&id("me"), b"x = 1", None).unwrap();
    store.put_agent(&id("me"), b"x = 2", receipt.token.as_deref()).unwrap();
    let meta = store.agent(&id("me")).unwrap().unwrap();
    let journal: Vec<_> = fs::read_dir(folder.path().join("journal"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some())
        .map(|path| (path.clone(), fs::read(path).unwrap()))
        .collect();
    drop(store);
    let bring_back = || {
        for (path, bytes) in &journal {
            fs::write(path, bytes).unwrap();
        }
    };
    let crash = |spoil: &dyn Fn(&Path)| {
        bring_back();
        spoil(folder.path());
        let store = Store::open(folder.path()).unwrap();
        assert_eq!(store.agent(&id("me")).unwrap(), Some(meta.clone()));
        assert_eq!(store.source(&meta).unwrap(), "x = 2");
        assert_eq!(fs::read(folder.path().join("agents/me.py")).unwrap(), b"x = 2");
        assert_eq!(store.verify(false).unwrap(), []);
        assert!(journal.iter().all(|(path, _)| !path.exists()));
    };
    let agents = |root: &Path, end: &str| root.join(format!("agents/me.{end}"));
    crash(&|_| {});
    crash(&|root| fs::write(agents(root, "py"), "x = 1").unwrap());
    crash(&|root| fs::write(agents(root, "json"), "").unwrap());
    crash(&|root| {
        fs::remove_file(agents(root, "json")).unwrap();
        fs::remove_file(agents(root, "py")).unwrap();
        for version in fs::read_dir(root.join("versions")).unwrap() {
            fs::write(version.unwrap().path(), "x").unwrap();
        }
    });
    crash(&|root| fs::write(root.join("versions/.unfinished-1"), "half").unwrap());
    assert!(!folder.path().join("versions/.unfinished-1").exists());

    // What was stored after the crash is newer than the journal of the dead.
    let store = Store::open(folder.path()).unwrap();
    store.put_agent(&id("me"), b"x = 3", receipt.token.as_deref()).unwrap();
    let token = store.reset_token(&id("me")).unwrap();
    bring_back();
    let other = Store::open(folder.path()).unwrap();
    assert_eq!(other.agent(&id("me")).unwrap().unwrap().version, 3);
    assert!(other.authorize(&id("me"), Some(&token)).unwrap().is_some());
}

#[test]
fn rounds_are_kept_and_the_latest_is_the_ranking() {
    let (_folder, store) = store();
    assert_eq!(store.rankings().unwrap(), None);
    assert_eq!(store.round().unwrap(), None);
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
fn a_round_under_way_is_remembered() {
    let (_folder, store) = store();
    let round = RoundFile {
        seed: Seed(7),
        salt: None,
        image: "x@sha256:1".into(),
        tasks: vec!["a".parse().unwrap()],
    };
    store.put_round(&round).unwrap();
    assert_eq!(store.round().unwrap(), Some(round));
}

#[test]
fn a_store_that_cannot_be_opened_is_named_with_the_mend() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let error = Store::open(&file).unwrap_err().to_string();
    assert!(error.contains("file/agents") && error.contains("--store"), "{error}");
}

pub(super) fn rankings(round: &str, score: u32) -> Rankings {
    let minute = if round == "one" { 1 } else { 2 };
    let ranking = serde_json::json!({
        "rank": 1, "miner_id": "me", "agent_sha256": Sha256::of(b""), "score": score,
        "reward_tao": "100", "reward_rao": 100_000_000_000_u64, "copy_of": null,
        "tasks": {"a": {"verdict": "AC", "score": score, "passed": 1, "total": 1}},
    });
    serde_json::from_value(serde_json::json!({
        "round": {
            "id": round, "seed": 1, "started_at": format!("2026-01-01T00:0{minute}:00Z"),
            "finished_at": format!("2026-01-01T00:0{minute}:30Z"), "tasks": ["a"],
            "image": "x", "isolation": "agent", "pool_tao": "100", "payout": "proportional",
            "trials": 1, "cached": 0, "faults": [],
        },
        "rankings": [ranking],
    }))
    .unwrap()
}
