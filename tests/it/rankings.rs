//! Snapshots of the demo's rankings: three sample agents, uploaded over HTTP and evaluated in the real sandbox.
//!
//! The tasks are named here, so that a new task does not change the rankings. If they change, then a task, a
//! sample, or the path from evidence to reward has changed.

use serde_json::Value;

use crate::support::{Finished, TestPlatform, fixture};

const TASKS: [&str; 10] = [
    "reverse_string",
    "word_count",
    "fizz_buzz",
    "factorial",
    "common_elements",
    "merge_intervals",
    "roman_to_int",
    "two_sum",
    "lru_cache",
    "review_web_app",
];

/// Runs a round of every agent stored on the platform. Trials that have a result are not run again.
async fn evaluate(platform: &TestPlatform, tasks: &[&str], more: &[&str]) -> Finished {
    let store = platform.store.root().to_str().unwrap();
    let tasks = tasks.iter().flat_map(|task| ["--task", task]);
    let arguments = ["evaluate", "--store", store, "--seed", "2026", "--publish-partial"];
    let arguments: Vec<_> =
        arguments.into_iter().chain(tasks).chain(more.iter().copied()).collect();
    let evaluated = platform.arena(&arguments).await;
    evaluated.check(0, &[]);
    evaluated
}

#[tokio::test(flavor = "multi_thread")]
async fn sample_agents_match_the_snapshots() {
    let platform = TestPlatform::start().await;
    for sample in ["good", "partial", "bad"] {
        let model = format!("sample:{sample}");
        let mine = ["mine", "--miner", sample, "--model", &model, "--no-check"];
        platform.arena(&mine).await.check(0, &["uploaded as version 1"]);
    }
    let mut rankings = evaluate(&platform, &TASKS, &["--json"]).await.json()["rankings"].take();
    for ranking in rankings.as_array_mut().unwrap() {
        ranking["agent_sha256"] = Value::from("[sha256]");
        ranking["program_sha256"] = Value::from("[sha256]");
        ranking["uploaded_at"] = Value::from("[time]");
        ranking["first_submitted_at"] = Value::from("[time]");
        // It is drawn from the commitment, which has a random salt.
        ranking["interval"] = Value::from("[interval]");
    }
    let printed = evaluate(&platform, &TASKS, &["--close"]).await.stdout;
    // The width of the columns depends on the intervals.
    let is_stable = |line: &&str| !line.contains("interval") && !line.contains('─');
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ") + "\n";
    let printed: String = printed.lines().filter(is_stable).map(words).collect();
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../../snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| {
        insta::assert_json_snapshot!("rankings", rankings);
        insta::assert_snapshot!("rankings_console", printed);
    });
    assert_eq!(rankings[0]["score"], 100.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn agent_with_a_second_attempt_is_ranked_first() {
    let platform = TestPlatform::start().await;
    let replay = format!("replay:{}", fixture("replays/two_attempts").display());
    for (miner, model) in [("bad", "sample:bad"), ("me", &replay)] {
        let mined = platform.arena(&["mine", "--miner", miner, "--model", model]).await;
        mined.check(0, &["uploaded as version 1"]);
    }
    let evaluated = evaluate(&platform, &["reverse_string", "roman_to_int"], &["--json"]).await;
    let ranked = &evaluated.json()["rankings"];
    let places: Vec<_> = ranked
        .as_array()
        .unwrap()
        .iter()
        .map(|r| (r["rank"].clone(), r["miner_id"].clone()))
        .collect();
    assert_eq!(places, [(1.into(), "me".into()), (2.into(), "bad".into())]);
    assert_eq!(ranked[0]["score"], 100.0);
    assert!(ranked[1]["score"].as_f64().unwrap() < 50.0, "{ranked}");
}
