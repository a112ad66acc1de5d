//! Repetitions, intervals, groups, the payout `gated`, and agents that are stopped early.

use serde_json::{Value, json};

use crate::support::{Finished, REVERSER, TestStore, solver};

/// Tasks whose prompts name no other of them.
const TASKS: [&str; 8] = [
    "reverse_string",
    "fizz_buzz",
    "factorial",
    "common_elements",
    "merge_intervals",
    "roman_to_int",
    "two_sum",
    "word_count",
];

/// Evaluates these tasks and publishes that.
fn evaluate(store: &TestStore, tasks: &[&str], more: &[&str]) -> Finished {
    let tasks: Vec<_> = tasks.iter().flat_map(|task| ["--task", task]).collect();
    store.arena(&[&["evaluate", "--publish-partial"], &tasks[..], more].concat())
}

/// Verifies the report that a command printed.
fn verify(store: &TestStore, report: &Value) -> Finished {
    let path = store.path("report");
    std::fs::write(&path, report.to_string()).unwrap();
    store.arena(&["verify", path.to_str().unwrap()])
}

fn refuses(store: &TestStore, report: &Value, words: &str) {
    let refused = verify(store, report);
    refused.check(1, &[]);
    assert!(refused.stdout.contains(words), "{refused:?}");
}

fn records(store: &TestStore) -> usize {
    std::fs::read_dir(store.path("results")).unwrap().count()
}

#[test]
fn every_repetition_has_a_record_and_is_run_once() {
    let store = TestStore::new(&[("alice", REVERSER), ("bob", "pass\n")]);
    let tasks = &TASKS[..2];
    let once = evaluate(&store, tasks, &[]);
    once.check(0, &[]);
    // Two agents and two controls on two tasks; then one more of each trial of an agent.
    assert_eq!(records(&store), 8);
    evaluate(&store, tasks, &["--repeat", "3"]).check(0, &[]);
    assert_eq!(records(&store), 16);
    // The open round keeps its repetitions.
    let report = evaluate(&store, tasks, &["--close", "--json"]);
    report.check(0, &[]);
    assert_eq!(records(&store), 16);
    let report = report.json();
    assert_eq!((&report["round"]["repeat"], &report["round"]["trials"]), (&3.into(), &12.into()));
    let task = &report["rankings"][0]["tasks"]["reverse_string"];
    let (passed, total) = (task["passed"].as_u64().unwrap(), task["total"].as_u64().unwrap());
    assert_eq!((passed, &task["repetitions"]), (total, &json!([total / 3, total / 3, total / 3])));
    verify(&store, &report).check(0, &[]);
    // A report that lacks a repetition is refused by its name.
    let mut forged = report.clone();
    forged["trials"].as_array_mut().unwrap().retain(|trial| trial["repetition"] != 2);
    refuses(&store, &forged, "alice on fizz_buzz #2: the trial is missing");

    let shown = store.arena(&["show", "alice", "--repetition", "2", "--format", "csv"]);
    assert!(shown.stdout.contains("alice,reverse_string #2,AC,100"), "{shown:?}");
    store.arena(&["show", "alice", "--repetition", "4"]).check(2, &["each trial ran 3 times"]);
}

#[test]
fn ranking_shows_what_it_can_distinguish() {
    let all = solver("all", &TASKS);
    let store = TestStore::new(&[("all", &all), ("one", REVERSER), ("none", "pass\n")]);
    let text = evaluate(&store, &TASKS, &[]);
    text.check(0, &[]);
    for part in ["95 % interval   100 to 100", "group", "differences below "] {
        assert!(text.stdout.contains(part), "{part}: {}", text.stdout);
    }
    let report = evaluate(&store, &TASKS, &["--json"]).json();
    let groups: Vec<_> =
        report["rankings"].as_array().unwrap().iter().map(|r| r["group"].clone()).collect();
    assert_eq!(groups, ["a", "b", "b"]);
    // All eight tasks differ in the same direction: 2 of 256 outcomes. One differs: all outcomes.
    assert_eq!(report["rankings"][1]["p_above"], 2.0 / 128.0);
    assert_eq!(report["rankings"][2]["p_above"], 1.0);
    assert!(report["round"]["resolution"].as_f64().unwrap() > 0.0);

    // One task shows nothing: no interval, no difference, and no number that is not one.
    let one = evaluate(&store, &TASKS[..1], &[]);
    assert!(one.stdout.contains("no difference between neighbours"), "{one:?}");
    assert!(!one.stdout.contains("interval") && !one.stdout.contains("NaN"), "{one:?}");
}

#[test]
fn first_place_changes_hands_only_by_evidence() {
    let all = solver("all", &TASKS);
    let seven = solver("seven", &TASKS[1..]);
    let store = TestStore::new(&[("seven", &seven)]);
    let close = ["--close", "--payout", "gated"];
    let first = evaluate(&store, &TASKS, &close);
    assert!(first.stdout.contains("seven takes the first place, which was vacant"), "{first:?}");

    // One task more does not suffice.
    store.upload("all", &all);
    let kept = evaluate(&store, &TASKS, &[&close[..], &["--json"]].concat()).json();
    let (round, rankings) = (&kept["round"], &kept["rankings"]);
    assert_eq!(
        (&rankings[0]["miner_id"], &rankings[0]["reward_tao"]),
        (&"all".into(), &"0".into())
    );
    assert_eq!(rankings[1]["reward_tao"], "100");
    assert_eq!(round["gate"]["challengers"][0]["p"], 1.0);
    verify(&store, &kept).check(0, &[]);
    let mut forged = kept.clone();
    forged["round"]["gate"]["incumbent"] = Value::Null;
    refuses(&store, &forged, "the gate does not follow");

    // A round without the incumbent leaves the place to the best agent.
    let taken = evaluate(&store, &TASKS, &[&close[..], &["--agent", "all"]].concat());
    assert!(taken.stdout.contains("all takes the first place: seven is not ranked"), "{taken:?}");

    let simulated = store.arena(&["payout-sim", "--payout", "winner-takes-all"]);
    assert_eq!(simulated.status, Some(0), "{simulated:?}");
    let line = simulated.stdout.lines().find(|line| line.contains("all")).unwrap();
    assert_eq!(line.split_whitespace().collect::<Vec<_>>(), ["all", "100", "200"]);
}

#[test]
fn agents_that_do_not_count_are_stopped_with_a_proof() {
    let all = solver("all", &TASKS);
    let store = TestStore::new(&[("all", &all), ("late", "print(1)\n"), ("none", "pass\n")]);
    let stopped = |report: &Value| -> Vec<Value> {
        let stopped = report["round"]["stopped"].as_array().cloned().unwrap_or_default();
        stopped.into_iter().map(|agent| agent["miner_id"].clone()).collect()
    };
    let more = ["--jobs", "1", "--json"];
    let screened = evaluate(&store, &TASKS, &[&more[..], &["--screen", "2:30"]].concat()).json();
    assert_eq!(stopped(&screened), ["late", "none"]);
    assert_eq!(screened["rankings"].as_array().unwrap().len(), 1);
    // Two trials of each stopped agent were run, on the same tasks.
    assert_eq!(screened["round"]["stopped"][0]["trials"], 2);

    // With another rule, the missing trials run until the bound is below the first rank.
    let report = evaluate(&store, &TASKS, &["--jobs", "1", "--json", "--top", "1", "--close"]);
    let report = report.json();
    assert_eq!(stopped(&report), ["late", "none"]);
    let agent = &report["round"]["stopped"][0];
    assert_eq!((&agent["reason"], &agent["trials"]), (&"out-of-reach".into(), &2.into()));
    verify(&store, &report).check(0, &[]);
    let mut forged = report.clone();
    forged["round"]["stopped"][0]["bound"] = json!(99.0);
    refuses(&store, &forged, "do not prove that it had to be stopped");

    let shown = store.arena(&["show", "late"]);
    assert!(shown.stdout.contains("cannot reach rank 1"), "{shown:?}");
    let ranked = store.arena(&["rank", "--json"]);
    ranked.check(0, &[]);
    assert_eq!(stopped(&ranked.json()), ["late", "none"]);
}

#[test]
fn unusable_rules_are_refused_with_one_sentence() {
    let store = TestStore::new(&[("alice", REVERSER)]);
    for (arguments, part) in [
        (["--repeat", "0"], "0 is not in 1..=100"),
        (["--repeat", "101"], "101 is not in 1..=100"),
        (["--alpha", "0"], "expected a number from 0.0001 to 0.5"),
        (["--alpha", "1.5"], "expected a number from 0.0001 to 0.5"),
        (["--alpha", "nan"], "expected a number from 0.0001 to 0.5"),
        (["--screen", "10"], "expected 'N:SCORE'"),
        (["--top", "0"], "0 is not in 1.."),
    ] {
        let refused = store.arena(&[&["evaluate"][..], &arguments].concat());
        refused.check(2, &[part]);
        assert_eq!(refused.stdout, "");
    }
    store.arena(&["payout-sim", "--payout", "gated"]).check(2, &["holds no closed round"]);
}
