//! A split round: parts in stores of their own, as on several machines, merge into the rankings of the whole.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::support::{REVERSER, arena, json, store};
use serde_json::Value;

const TASKS: [&str; 6] =
    ["--task", "reverse_string", "--task", "fizz_buzz", "--task", "roman_to_int"];
const PARTS: usize = 4;

fn agents() -> Vec<(String, String)> {
    (0..5).map(|n| (format!("agent{n}"), format!("{REVERSER}# {n}\n"))).collect()
}

fn filled(directory: &Path) -> String {
    let agents = agents();
    let agents: Vec<_> =
        agents.iter().map(|(name, source)| (name.as_str(), source.as_str())).collect();
    store(directory, &agents);
    directory.to_str().unwrap().to_owned()
}

/// Rankings without the times of uploads: every store of this test has uploads of its own.
fn without_times(rankings: &Value) -> Value {
    let mut rankings = rankings.clone();
    for ranking in rankings.as_array_mut().unwrap() {
        let fields = ranking.as_object_mut().unwrap();
        fields.retain(|name, _| !["uploaded_at", "first_submitted_at"].contains(&name.as_str()));
    }
    rankings
}

#[test]
fn merged_parts_equal_the_whole_round() {
    let directory = tempfile::tempdir().unwrap();
    let whole = filled(&directory.path().join("whole"));
    let evaluate = |store: &str, more: &[&str]| {
        let arguments = ["evaluate", "--store", store, "--seed", "7", "--json"];
        let output = arena(&[&arguments[..], &TASKS, more].concat());
        assert!(output.status.success(), "{output:?}");
        json(&output)
    };
    let expected = evaluate(&whole, &[]);

    let mut trials = 0;
    let mut parts = Vec::new();
    for part in 1..=PARTS {
        let store = filled(&directory.path().join(format!("part{part}")));
        let part_document = evaluate(&store, &["--partition", &format!("{part}/{PARTS}")]);
        assert_eq!(part_document["part"], format!("{part}/{PARTS}"));
        trials += part_document["trials"].as_u64().unwrap();
        assert!(!Path::new(&store).join("rankings.json").exists(), "a part must not rank");
        parts.push(store);
    }
    assert_eq!(trials, 15, "every trial is in exactly one part");

    let merged = filled(&directory.path().join("merged"));
    let directorys: Vec<&str> = parts.iter().map(String::as_str).collect();
    let output = arena(&[&["merge", "--store", &merged][..], &directorys].concat());
    assert!(output.status.success(), "{output:?}");
    let mode = |file: &str| Path::new(&merged).join(file).metadata().unwrap().permissions().mode();
    assert_eq!(mode("round.json") & 0o777, 0o600);
    let ranked = json(&arena(&["rank", "--store", &merged, "--json"]));
    assert_eq!(ranked["round"]["faults"], Value::Array(Vec::new()));
    assert_eq!(without_times(&ranked["rankings"]), without_times(&expected["rankings"]));
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

    // A round whose seed is known is not taken over.
    let known = filled(&directory.path().join("known"));
    evaluate(&known, &["--close", "--publish-partial"]);
    let refused = arena(&["merge", "--store", &known, &parts[0]]);
    assert_eq!(refused.status.code(), Some(2), "{refused:?}");
    assert!(String::from_utf8_lossy(&refused.stderr).contains("has revealed"), "{refused:?}");

    // A result that differs from the known one is refused, and so is a part of another round.
    let results = Path::new(&parts[0]).join("results");
    let file = std::fs::read_dir(&results).unwrap().next().unwrap().unwrap().path();
    let mut result: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    result["passed"] = 0.into();
    result["verdict"] = "MLE".into();
    std::fs::write(&file, result.to_string()).unwrap();
    let refused = arena(&["merge", "--store", &merged, &parts[0]]);
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    assert!(String::from_utf8_lossy(&refused.stderr).contains("has MLE"), "{refused:?}");
    for (seed, words) in [("8", "another round"), ("7", "other tasks")] {
        let other = filled(&directory.path().join(seed));
        let round = ["evaluate", "--store", &other, "--seed", seed, "--task", "fizz_buzz"];
        assert!(arena(&round).status.success());
        let refused = arena(&["merge", "--store", &merged, &other]);
        assert_eq!(refused.status.code(), Some(2), "{refused:?}");
        assert!(String::from_utf8_lossy(&refused.stderr).contains(words), "{refused:?}");
    }
}

#[test]
fn merged_parts_of_a_benchmark_round_can_be_ranked() {
    let directory = tempfile::tempdir().unwrap();
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/benchmarks/small_plus.jsonl");
    let benchmark = ["--benchmark", &format!("evalplus:{file}")];
    let mut parts = Vec::new();
    for part in ["1/2", "2/2"] {
        let store = filled(&directory.path().join(part.replace('/', "-")));
        let round = ["evaluate", "--store", &store, "--seed", "7", "--partition", part];
        let output = arena(&[&round[..], &benchmark].concat());
        assert!(output.status.success(), "{output:?}");
        parts.push(store);
    }
    let merged = filled(&directory.path().join("merged"));
    let output = arena(&["merge", "--store", &merged, &parts[0], &parts[1]]);
    assert!(output.status.success(), "{output:?}");
    let ranked = arena(&[&["rank", "--store", &merged, "--json"][..], &benchmark].concat());
    assert!(ranked.status.success(), "{ranked:?}");
    assert_eq!(json(&ranked)["rankings"].as_array().unwrap().len(), 5);
}
