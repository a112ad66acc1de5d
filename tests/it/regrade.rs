//! Judging stored answers again after a change of the tasks.

use serde_json::{Value, json};

use crate::support::TestStore;

/// An agent that appends a line to its answer each time it runs, in random order, so that a second run would show.
const AGENT: &str = "import os\nprint('# ' + os.urandom(16).hex())\nprint('def double(n):\\n    return abs(n) * 2')\n";

/// One problem of the small benchmark, with other inputs.
fn benchmark(store: &TestStore, plus_input: &Value) -> String {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/benchmarks/small_plus.jsonl");
    let text = std::fs::read_to_string(file).unwrap();
    let mut problem: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    problem["plus_input"] = plus_input.clone();
    let path = store.path("problems.jsonl");
    std::fs::write(&path, problem.to_string()).unwrap();
    format!("evalplus:{}", path.display())
}

#[test]
fn stored_answers_are_judged_by_the_changed_task_without_running_agents() {
    let store = TestStore::new(&[("alice", AGENT), ("silent", "import sys\nsys.exit(3)\n")]);
    let with = |plus_input: Value, words: &[&str]| {
        let benchmark = benchmark(&store, &plus_input);
        store.arena(&[words, &["--benchmark", &benchmark]].concat())
    };
    with(json!([[-4], [5]]), &["evaluate"]).check(0, &[]);
    let answer = |ran: &crate::support::Finished| {
        let report = ran.json();
        let trial = &report["agent"]["trials"][0];
        (trial["stdout"].clone(), trial["verdict"].clone())
    };
    let before = answer(&with(json!([[-4], [5]]), &["show", "alice", "--json"]));
    assert_eq!(before.1, "WA");
    let same = with(json!([[-4], [5]]), &["regrade"]);
    assert_eq!(same.stdout, "0 trials judged again, 0 changed; 2 as before\n", "{same:?}");

    // The input that the answer failed is taken out.
    let changed = json!([[5], [6]]);
    let regraded = with(changed.clone(), &["regrade"]);
    regraded.check(0, &[]);
    assert!(
        regraded.stdout.contains("2 trials judged again, 1 changed; 0 as before"),
        "{regraded:?}"
    );
    assert!(regraded.stdout.contains("AC 100"), "{regraded:?}");
    let after = answer(&with(changed.clone(), &["show", "alice", "--json"]));
    assert_eq!(after, (before.0, "AC".into()));
    let closed = with(changed.clone(), &["evaluate", "--close", "--json"]);
    closed.check(0, &[]);
    let report = closed.json();
    assert_eq!(report["rankings"][0]["score"], 100.0);
    assert!(report["trials"][0]["origin"]["regraded_from"].is_string(), "{report}");
    assert_eq!(report["trials"][1]["verdict"], "RE");
    std::fs::write(store.path("report"), report.to_string()).unwrap();
    with(changed, &["verify", store.path("report").to_str().unwrap()]).check(0, &[]);
}

#[test]
fn answer_to_another_prompt_is_not_judged() {
    let store = TestStore::new(&[("alice", AGENT)]);
    let benchmark = benchmark(&store, &json!([[5]]));
    store.arena(&["evaluate", "--benchmark", &benchmark]).check(0, &[]);
    let path = store.path("problems.jsonl");
    let text = std::fs::read_to_string(&path).unwrap();
    let mut problem: Value = serde_json::from_str(&text).unwrap();
    let prompt = problem["prompt"].as_str().unwrap().replacen("\"\"\"", "\"\"\"Carefully: ", 1);
    problem["prompt"] = prompt.into();
    std::fs::write(&path, problem.to_string()).unwrap();
    let regraded = store.arena(&["regrade", "--benchmark", &benchmark, "--json"]);
    regraded.check(0, &[]);
    let outcome = regraded.json();
    assert_eq!(outcome["regraded"], json!([]));
    assert_eq!(outcome["without_answer"].as_array().unwrap().len(), 1, "{outcome}");

    let empty = TestStore::new(&[("alice", AGENT)]);
    empty.arena(&["regrade"]).check(2, &["holds no judged round"]);
}
