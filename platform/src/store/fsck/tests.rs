//! Every kind of issue, and its repair.

use super::*;
use crate::store::tests::rankings;

/// Checks a store with two agents, a ranking and a trial record after `spoil`: without repair, with repair, and
/// again.
fn check(spoil: impl Fn(&Path), expected: &[(&str, &str)], left_after_repair: usize) {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    for name in ["a", "b"] {
        let miner_id = name.parse().unwrap();
        let token = store.put_agent(&miner_id, b"x = 1", None).unwrap().token;
        store.put_agent(&miner_id, name.as_bytes(), token.as_deref()).unwrap();
    }
    store.put_rankings(&rankings("one", 1)).unwrap();
    fs::write(directory.path().join("results/x.json"), "{}").unwrap();
    assert_eq!(store.fsck().unwrap(), []);

    spoil(directory.path());
    let found = store.fsck().unwrap();
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (issue, (path, repair)) in found.iter().zip(expected) {
        assert!(issue.path.ends_with(path), "{issue:?}");
        assert!(format!("{:?}", issue.repair).contains(repair), "{issue:?}");
    }
    assert_eq!(store.fsck().unwrap(), found, "a check changes nothing");
    store.fsck_and_repair().unwrap();
    let left = store.fsck_and_repair().unwrap();
    assert_eq!(left.len(), left_after_repair, "{left:#?}");
    assert!(left.iter().all(|issue| matches!(issue.repair, Repair::ByHand(_))));
}

fn version_of(source: &str) -> String {
    format!("versions/{}.py", Sha256::of(source.as_bytes()))
}

#[test]
fn restores_copies_and_versions_from_each_other() {
    let spoil = |root: &Path| {
        fs::write(root.join("agents/a.py"), "x = 666").unwrap();
        fs::remove_file(root.join(version_of("b"))).unwrap();
    };
    let version = version_of("b");
    check(spoil, &[("agents/a.py", "WithRepair"), (&version, "from the copy")], 0);
}

#[test]
fn reports_what_cannot_be_replaced() {
    let spoil = |root: &Path| {
        fs::write(root.join(version_of("x = 1")), "x = 2").unwrap();
        fs::write(root.join("agents/b.json"), "{").unwrap();
    };
    let version = version_of("x = 1");
    check(spoil, &[("agents/b.json", "another miner can take"), (&version, "backup")], 2);
}

#[test]
fn unreadable_file_hides_no_other() {
    // Root may read every file, but a directory cannot be read as a file.
    let version = version_of("b");
    let spoil = |root: &Path| {
        for file in ["agents/a.py", "rankings.json", "round.json", &version] {
            let _ = fs::remove_file(root.join(file));
            fs::create_dir(root.join(file)).unwrap();
        }
        let unknown = version_of("unknown");
        for directory in ["agents/c.json", "results/stray", "results/y.json", "rounds/z", &unknown]
        {
            fs::create_dir(root.join(directory)).unwrap();
        }
        fs::write(root.join("agents/b.py"), "spoiled").unwrap();
        fs::write(root.join("results/broken.json"), "{").unwrap();
    };
    let unknown = version_of("unknown");
    let mut expected = vec![
        ("agents/a.py", "ByHand"),
        ("agents/c.json", "another miner can take"),
        ("rankings.json", "ByHand"),
        ("results/broken.json", "quarantine"),
        ("results/stray", "ByHand"),
        ("results/y.json", "ByHand"),
        ("round.json", "ByHand"),
        ("rounds/z", "ByHand"),
        (&version, "ByHand"),
        (&unknown, "ByHand"),
    ];
    expected.sort_unstable();
    check(spoil, &expected, 9);
}

#[test]
fn agent_with_damaged_metadata_keeps_its_versions() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    let me = "me".parse().unwrap();
    store.put_agent(&me, b"x = 1", None).unwrap();
    let path = store.meta_path(&me);
    let backup = fs::read(&path).unwrap();
    fs::write(&path, "{").unwrap();
    assert_eq!(store.fsck_and_repair().unwrap().len(), 1);
    fs::write(&path, backup).unwrap();
    assert_eq!(store.fsck_and_repair().unwrap(), []);
}

#[test]
fn quarantines_foreign_files_and_replaceable_ones() {
    let spoil = |root: &Path| {
        fs::write(root.join("agents/notes.txt"), "").unwrap();
        fs::write(root.join("agents/orphan.py"), "").unwrap();
        fs::write(root.join("results/y.json"), "{").unwrap();
        fs::write(root.join("expected/e.json"), "{").unwrap();
        fs::write(root.join("versions/x.py"), "").unwrap();
        fs::write(root.join("rankings.json"), "[]").unwrap();
        fs::write(root.join(version_of("half")), "ha").unwrap();
        fs::write(root.join(version_of("in progress")), "in progress").unwrap();
    };
    let half = version_of("half");
    let expected = [
        ("agents/notes.txt", "quarantine"),
        ("agents/orphan.py", "quarantine"),
        ("expected/e.json", "quarantine"),
        ("rankings.json", "from the latest"),
        ("results/y.json", "quarantine"),
        (&half, "quarantine"),
        ("versions/x.py", "quarantine"),
    ];
    check(spoil, &expected, 0);
}
