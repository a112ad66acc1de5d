//! The life of a round: opened, judged as often as wanted under a secret seed, closed, and never used again.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use serde_json::Value;

use crate::support::{Finished, REVERSER, TestStore, arena, json};

const TASK: [&str; 2] = ["--task", "reverse_string"];

impl TestStore {
    /// Evaluates one task, and publishes that.
    pub fn evaluate(&self, more: &[&str]) -> Finished {
        self.arena(&[&["evaluate", "--publish-partial"], &TASK[..], more].concat())
    }
}

/// The path of each object's field with this name, at any depth.
fn fields(value: &Value, name: &str) -> usize {
    match value {
        Value::Object(map) => {
            map.iter().map(|(key, value)| usize::from(key == name) + fields(value, name)).sum()
        }
        Value::Array(items) => items.iter().map(|item| fields(item, name)).sum(),
        _ => 0,
    }
}

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o777
}

#[test]
fn open_round_keeps_its_seed_secret_and_closing_reveals_it() {
    let store = TestStore::new(&[("alice", REVERSER), ("bob", "pass\n")]);
    let opened = store.arena(&["evaluate", "--open", "--json"]);
    opened.check(0, &[]);
    let opened = opened.json();
    let id = opened["id"].as_str().unwrap();
    let commitment = opened["commitment"].as_str().unwrap();
    let secret = store.read("round.json");
    let (seed, salt) = (secret["seed"].to_string(), secret["salt"].as_str().unwrap());
    // Opening it again prints the same commitment.
    let again = store.arena(&["evaluate", "--open"]);
    assert_eq!(again.stdout, format!("round {id} open, commitment {commitment}\n"));

    let judged = store.evaluate(&["--json"]);
    judged.check(0, &[&format!("round {id} open, commitment {commitment}"), "standings:"]);
    let text = store.evaluate(&[]);
    text.check(0, &[]);
    assert!(text.stdout.starts_with(&format!("standings of open round {id}\n")), "{text:?}");
    assert!(text.stdout.contains("partial: not all tasks or agents"), "{text:?}");
    let ranked = store.arena(&["rank", "--json", "--publish-partial"]);
    ranked.check(0, &[]);
    for document in [judged.json(), ranked.json(), store.read("rankings.json")] {
        assert_eq!(document["round"]["status"], "open");
        assert_eq!(document["round"]["commitment"], commitment);
        for field in ["seed", "salt", "key"] {
            assert_eq!(fields(&document, field), 0, "{field}: {document:#}");
        }
        let document = document.to_string();
        assert!(!document.contains(&seed) && !document.contains(salt), "{document}");
    }
    for output in [&judged, &text, &ranked] {
        assert!(!format!("{output:?}").contains(&seed), "{output:?}");
    }
    // Other users of the machine learn nothing either.
    assert_eq!(mode(&store.path("round.json")), 0o600);
    let records: Vec<_> = std::fs::read_dir(store.path("results")).unwrap().collect();
    assert_eq!(records.len(), 4);
    for record in records {
        assert_eq!(mode(&record.unwrap().path()), 0o600);
    }

    let closed = store.evaluate(&["--close", "--json"]);
    closed.check(0, &[&format!("round {id} closed: seed {seed}, salt {salt}")]);
    assert_eq!(closed.json()["round"]["seed"].to_string(), seed);
    assert_eq!(store.read("rankings.json")["round"]["salt"], salt);
    assert!(!store.path("round.json").exists());
    let report = store.path("report.json");
    std::fs::write(&report, &closed.stdout).unwrap();
    let report = report.to_str().unwrap();
    store.arena(&["verify", report]).check(0, &[]);

    // Some trials run again give the same.
    let again = store.arena(&["verify", report, "--rerun", "9"]);
    again.check(0, &[]);
    assert!(again.stdout.contains("2 trials run again gave the same"), "{again:?}");
}

#[test]
fn trial_that_ends_otherwise_when_run_again_is_named() {
    // Right in one of two runs.
    let coin = "import random\nif random.random() < 0.5:\n    print('def reverse_string(s): return s[::-1]')\n";
    let store = TestStore::new(&[("coin", coin)]);
    let closed = store.evaluate(&["--close", "--json"]);
    closed.check(0, &[]);
    let report = store.path("report.json");
    std::fs::write(&report, &closed.stdout).unwrap();
    let verify = ["verify", report.to_str().unwrap(), "--rerun", "1"];
    let mut runs = (0..30).map(|_| store.arena(&verify));
    let other = runs.find(|run| run.status != Some(0)).expect("30 runs alike");
    assert_eq!(other.status, Some(1), "{other:?}");
    assert!(other.stdout.contains("coin on reverse_string: the report has "), "{other:?}");
}

#[test]
fn revealed_seed_never_ranks_again() {
    let store = TestStore::new(&[("alice", REVERSER)]);
    store.evaluate(&["--seed", "5", "--close"]).check(0, &["closed: seed 5"]);
    store.evaluate(&["--seed", "5"]).check(2, &["seed 5 was revealed", "leave out --seed"]);
    assert!(!store.path("round.json").exists());
    // The next evaluation opens a round of its own.
    let next = store.evaluate(&["--json"]);
    next.check(0, &[" opened, commitment "]);
    let (id, seed) =
        (store.read("round.json")["id"].clone(), store.read("round.json")["seed"].clone());
    assert_ne!(seed, 5);
    store.evaluate(&["--seed", "6"]).check(2, &["is open with another seed", "--close"]);
    store.evaluate(&["--freeze"]).check(2, &["not frozen"]);
    let again = store.evaluate(&["--json"]);
    assert_eq!((&again.json()["round"]["id"], &next.json()["round"]["id"]), (&id, &id));
    assert_eq!(store.read("round.json")["seed"], seed);
    // A ranking of the closed round is computed again, and publishes nothing.
    store.evaluate(&["--close"]).check(0, &["closed: seed"]);
    let published = std::fs::read(store.path("rankings.json")).unwrap();
    store.arena(&["rank", "--pool", "7"]).check(0, &["published rankings unchanged"]);
    assert_eq!(std::fs::read(store.path("rankings.json")).unwrap(), published);
}

#[test]
fn frozen_round_judges_what_was_uploaded_before_it() {
    let store = TestStore::new(&[("alice", REVERSER)]);
    store.arena(&["evaluate", "--open", "--freeze"]).check(0, &[]);
    store.upload("late", "print('def reverse_string(s): return s[::-1]')\n");
    let judged = store.evaluate(&["--json"]);
    judged.check(0, &["late was uploaded after the round was opened: not judged"]);
    let judged = judged.json();
    assert_eq!(judged["round"]["frozen"], true);
    let ranked: Vec<_> = judged["rankings"].as_array().unwrap().iter().collect();
    assert_eq!(ranked.len(), 1, "{judged:#}");
    assert_eq!(ranked[0]["miner_id"], "alice");
    // The round that is not frozen has both.
    store.evaluate(&["--close"]).check(0, &[]);
    assert_eq!(store.evaluate(&["--json"]).json()["rankings"].as_array().unwrap().len(), 2);
}

#[test]
fn partial_round_is_published_on_request_only() {
    let store = TestStore::new(&[("alice", REVERSER), ("bob", "pass\n")]);
    store.evaluate(&[]).check(0, &["standings:"]);
    let published = std::fs::read(store.path("rankings.json")).unwrap();
    let unchanged = |arguments: &[&str]| {
        store.arena(arguments).check(0, &["published rankings unchanged"]);
        assert_eq!(std::fs::read(store.path("rankings.json")).unwrap(), published, "{arguments:?}");
    };
    unchanged(&["evaluate", "--task", "reverse_string"]);
    unchanged(&["evaluate", "--task", "reverse_string", "--agent", "alice"]);
    // All tasks, but not all agents.
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/benchmarks/small_plus.jsonl");
    let benchmark = format!("evalplus:{file}");
    unchanged(&["evaluate", "--benchmark", &benchmark, "--agent", "alice"]);
    unchanged(&["rank"]);
    let close = store.arena(&["evaluate", "--close", "--task", "reverse_string"]);
    close.check(2, &["--publish-partial"]);
    assert_eq!(store.read("rankings.json")["round"]["partial"], true);
}

#[test]
fn fault_of_one_agent_leaves_the_others_ranked() {
    let store = TestStore::new(&[("alice", REVERSER), ("bob", "pass\n")]);
    // Neither copy of bob's source is what was uploaded.
    let meta = store.read("agents/bob.json");
    let version = format!("versions/{}.py", meta["sha256"].as_str().unwrap());
    let source = std::fs::read(store.path(&version)).unwrap();
    std::fs::write(store.path(&version), "x\n").unwrap();
    std::fs::write(store.path("agents/bob.py"), "x\n").unwrap();
    for more in [&["--json"][..], &["--json", "--close"]] {
        let judged = store.evaluate(more);
        judged.check(1, &["fault: bob on reverse_string", "provisional: 1 trials not judged"]);
        let document = judged.json();
        assert_eq!(document["round"]["status"], "open", "a round with faults stays open");
        assert_eq!(document["round"]["faults"][0]["miner_id"], "bob");
        assert_eq!(document["rankings"].as_array().unwrap().len(), 1);
        assert_eq!(store.read("rankings.json")["rankings"][0]["miner_id"], "alice");
    }
    let text = store.evaluate(&["--close"]);
    text.check(1, &["stays open: trials of bob were not judged"]);
    assert!(text.stdout.contains("provisional: 1 trials not judged"), "{text:?}");
    let ranked = store.arena(&["rank", "--publish-partial"]);
    ranked.check(1, &["bob on reverse_string: it has no trial record"]);
    assert!(ranked.stdout.contains("provisional: 1 trials not judged"), "{ranked:?}");

    std::fs::write(store.path(&version), source).unwrap();
    store.evaluate(&["--close"]).check(0, &["closed: seed"]);
    assert_eq!(store.read("rankings.json")["rankings"].as_array().unwrap().len(), 2);
}

#[test]
fn check_with_a_fault_has_no_score() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("agent.py");
    std::fs::write(&file, REVERSER).unwrap();
    let check =
        ["check", file.to_str().unwrap(), "--runtime", "nosuch", "--task", "reverse_string"];
    let output = arena(&[&check[..], &["--json"]].concat());
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let document = json(&output);
    assert_eq!((&document["score"], &document["trials"]), (&Value::Null, &serde_json::json!([])));
    assert_eq!(document["faults"].as_array().unwrap().len(), 1, "{document:#}");
    let output = Finished::of(arena(&check));
    output.check(1, &[]);
    assert!(output.stdout.contains("score: not judged, because of 1 fault"), "{output:?}");
}

#[test]
fn round_that_was_not_judged_is_neither_ranked_nor_pruned() {
    let store = TestStore::new(&[("alice", REVERSER)]);
    store.arena(&["evaluate", "--open"]).check(0, &[]);
    let opened = std::fs::read(store.path("round.json")).unwrap();
    store.arena(&["rank"]).check(2, &["no judged round"]);
    store.arena(&["cache", "--prune"]).check(2, &["nothing was removed"]);
    store.arena(&["evaluate", "--seed", "5"]).check(2, &["is open with another seed"]);
    assert_eq!(std::fs::read(store.path("round.json")).unwrap(), opened);
    // Evaluating one agent leaves the stored round unchanged.
    let tasks = ["--task", "reverse_string", "--task", "fizz_buzz"];
    store.arena(&[&["evaluate"], &tasks[..]].concat()).check(0, &[]);
    let judged = store.read("round.json");
    assert_eq!(judged["tasks"].as_array().unwrap().len(), 2);
    store.arena(&["evaluate", "--agent", "alice", "--task", "fizz_buzz"]).check(0, &[]);
    assert_eq!(store.read("round.json"), judged);
}

#[test]
fn report_of_a_benchmark_is_verified_with_its_file() {
    let right = "print('def double(n): return 2 * n')\n";
    let store = TestStore::new(&[("alice", right)]);
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/benchmarks/small_plus.jsonl");
    let benchmark = ["--benchmark", &format!("evalplus:{file}")];
    let closed = store.arena(&[&["evaluate", "--close", "--json"][..], &benchmark].concat());
    closed.check(0, &[]);
    let report = store.path("report.json");
    std::fs::write(&report, &closed.stdout).unwrap();
    let verify = ["verify", report.to_str().unwrap()];
    store.arena(&verify).check(2, &["which is not built in", "name the file with --benchmark"]);
    let held = store.arena(&[&verify[..], &benchmark, &["--rerun", "1"]].concat());
    held.check(0, &[]);
    assert!(held.stdout.contains("1 trials run again gave the same"), "{held:?}");

    // Another version of the file defines other tasks.
    let text = std::fs::read_to_string(file).unwrap();
    let other = store.path("other.jsonl");
    std::fs::write(&other, text.replacen("Return twice n.", "Return 2 n.", 1)).unwrap();
    let other = format!("evalplus:{}", other.display());
    store.arena(&["evaluate", "--benchmark", &other, "--json", "--seed", "77"]).check(0, &[]);
    let refused = store.arena(&[&verify[..], &["--benchmark", &other]].concat());
    assert_eq!(refused.status, Some(1), "{refused:?}");
    assert!(refused.stdout.contains("its key is not that of"), "{refused:?}");
}
