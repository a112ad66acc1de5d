//! A round in parts: four of them, each in a store of its own as on a machine of its own, give the rankings
//! of the whole when they are brought together.

mod common;

use std::path::Path;

use common::{REVERSER, harness, json, store};
use serde_json::Value;

const TASKS: [&str; 6] =
    ["--task", "reverse_string", "--task", "fizz_buzz", "--task", "roman_to_int"];
const PARTS: usize = 4;

fn agents() -> Vec<(String, String)> {
    (0..5).map(|n| (format!("agent{n}"), format!("{REVERSER}# {n}\n"))).collect()
}

fn filled(folder: &Path) -> String {
    let agents = agents();
    let agents: Vec<_> =
        agents.iter().map(|(name, source)| (name.as_str(), source.as_str())).collect();
    store(folder, &agents);
    folder.to_str().unwrap().to_owned()
}

#[test]
fn four_parts_merged_are_the_whole() {
    let folder = tempfile::tempdir().unwrap();
    let whole = filled(&folder.path().join("whole"));
    let evaluate = |store: &str, more: &[&str]| {
        let arguments = ["evaluate", "--store", store, "--seed", "7", "--json"];
        let output = harness(&[&arguments[..], &TASKS, more].concat());
        assert!(output.status.success(), "{output:?}");
        json(&output)
    };
    let expected = evaluate(&whole, &[]);

    let mut trials = 0;
    let mut parts = Vec::new();
    for part in 1..=PARTS {
        let store = filled(&folder.path().join(format!("part{part}")));
        let told = evaluate(&store, &["--partition", &format!("{part}/{PARTS}")]);
        assert_eq!(told["part"], format!("{part}/{PARTS}"));
        trials += told["trials"].as_u64().unwrap();
        assert!(!Path::new(&store).join("rankings.json").exists(), "a part ranks nobody");
        parts.push(store);
    }
    assert_eq!(trials, 15, "every trial is in one part");

    let merged = filled(&folder.path().join("merged"));
    let folders: Vec<&str> = parts.iter().map(String::as_str).collect();
    let output = harness(&[&["merge", "--store", &merged][..], &folders].concat());
    assert!(output.status.success(), "{output:?}");
    let ranked = json(&harness(&["rank", "--store", &merged, "--json"]));
    assert_eq!(ranked["round"]["faults"], Value::Array(Vec::new()));
    assert_eq!(ranked["rankings"], expected["rankings"]);
    let verdicts = |document: &Value| {
        let mut verdicts: Vec<_> = document["trials"]
            .as_array()
            .unwrap()
            .iter()
            .map(|trial| {
                (
                    trial["miner_id"].to_string(),
                    trial["task"].to_string(),
                    trial["verdict"].to_string(),
                    trial["passed"].to_string(),
                )
            })
            .collect();
        verdicts.sort();
        verdicts
    };
    assert_eq!(verdicts(&ranked), verdicts(&expected));

    // A result that says something else than what is known is not taken, and a part of another round is none.
    let results = Path::new(&parts[0]).join("results");
    let file = std::fs::read_dir(&results).unwrap().next().unwrap().unwrap().path();
    let mut result: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    result["passed"] = 0.into();
    result["verdict"] = "MLE".into();
    std::fs::write(&file, result.to_string()).unwrap();
    let refused = harness(&["merge", "--store", &merged, &parts[0]]);
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    assert!(String::from_utf8_lossy(&refused.stderr).contains("says MLE"), "{refused:?}");
    for (seed, words) in [("8", "another round"), ("7", "other tasks")] {
        let other = filled(&folder.path().join(seed));
        let round = ["evaluate", "--store", &other, "--seed", seed, "--task", "fizz_buzz"];
        assert!(harness(&round).status.success());
        let refused = harness(&["merge", "--store", &merged, &other]);
        assert_eq!(refused.status.code(), Some(2), "{refused:?}");
        assert!(String::from_utf8_lossy(&refused.stderr).contains(words), "{refused:?}");
    }
}

#[test]
fn parts_of_a_round_over_a_benchmark_can_be_ranked_where_they_come_together() {
    let folder = tempfile::tempdir().unwrap();
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/benchmarks/small_plus.jsonl");
    let suite = ["--suite", &format!("evalplus:{file}")];
    let mut parts = Vec::new();
    for part in ["1/2", "2/2"] {
        let store = filled(&folder.path().join(part.replace('/', "-")));
        let round = ["evaluate", "--store", &store, "--seed", "7", "--partition", part];
        let output = harness(&[&round[..], &suite].concat());
        assert!(output.status.success(), "{output:?}");
        parts.push(store);
    }
    let merged = filled(&folder.path().join("merged"));
    let output = harness(&["merge", "--store", &merged, &parts[0], &parts[1]]);
    assert!(output.status.success(), "{output:?}");
    let ranked = harness(&[&["rank", "--store", &merged, "--json"][..], &suite].concat());
    assert!(ranked.status.success(), "{ranked:?}");
    assert_eq!(json(&ranked)["rankings"].as_array().unwrap().len(), 5);
}
