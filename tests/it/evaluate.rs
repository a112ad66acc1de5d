//! `arena evaluate` and `arena check`: documents, messages, exit status, and what remains after a kill.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use platform::api::ProgressState;
use platform::store::Store;
use serde_json::Value;

use crate::support::{REVERSER, arena, command, containers_of, json, store};

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().expect("an object").keys().map(String::as_str).collect()
}

/// The fields of a trial; those of an open round lack `key` and `seed`.
const TRIAL: [&str; 19] = [
    "agent_sha256",
    "attempts",
    "cases",
    "cpu_ms",
    "key",
    "miner_id",
    "origin",
    "passed",
    "peak_memory_bytes",
    "score",
    "seed",
    "stderr",
    "stderr_truncated",
    "stdout",
    "stdout_truncated",
    "task",
    "total",
    "verdict",
    "wall_ms",
];

#[test]
fn check_prints_the_documented_record() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("agent.py");
    std::fs::write(&file, REVERSER).unwrap();
    let file = file.to_str().unwrap();
    let tasks = ["--task", "reverse_string", "--task", "fizz_buzz"];
    let output = arena(&[&["check", file, "--seed", "5", "--json"], &tasks[..]].concat());
    assert!(output.status.success(), "{output:?}");
    let document = json(&output);
    assert_eq!(keys(&document), ["faults", "score", "trials"]);
    assert_eq!(document["faults"], serde_json::json!([]));
    assert_eq!(document["score"], 50.0);
    let trials = document["trials"].as_array().unwrap();
    assert_eq!(trials.len(), 2);
    for trial in trials {
        assert_eq!(keys(trial), TRIAL);
        assert_eq!(keys(&trial["cases"][0]), ["detail", "name", "passed", "verdict"]);
        assert_eq!(trial["seed"], 5);
    }
    assert_eq!((&trials[0]["verdict"], &trials[1]["verdict"]), (&"AC".into(), &"NS".into()));
}

#[test]
fn evaluate_prints_the_documented_document_and_stores_the_rankings() {
    let directory = tempfile::tempdir().unwrap();
    let store = store(directory.path(), &[("alice", REVERSER), ("bob", "pass\n")]);
    let path = directory.path().to_str().unwrap();
    let run = || {
        let task = ["--task", "reverse_string", "--publish-partial"];
        arena(&[&["evaluate", "--store", path, "--seed", "5", "--json"][..], &task].concat())
    };
    let output = run();
    assert!(output.status.success(), "{output:?}");
    let document = json(&output);
    assert_eq!(keys(&document), ["digest", "rankings", "round", "trials"]);
    assert_eq!(document["trials"].as_array().unwrap().len(), 2);
    let secret: Vec<_> =
        TRIAL.into_iter().filter(|key| !["key", "origin", "seed"].contains(key)).collect();
    assert_eq!(keys(&document["trials"][0]), secret);
    let first = &document["rankings"][0];
    assert_eq!(
        keys(first),
        [
            "agent_sha256",
            "copy_of",
            "families",
            "first_submitted_at",
            "group",
            "miner_id",
            "program_sha256",
            "rank",
            "reward_rao",
            "reward_tao",
            "score",
            "tasks",
            "uploaded_at"
        ]
    );
    assert_eq!(keys(&first["tasks"]["reverse_string"]), ["passed", "score", "total", "verdict"]);
    assert_eq!((&first["miner_id"], &first["reward_tao"]), (&"alice".into(), &"100".into()));
    let kept = serde_json::to_value(store.rankings().unwrap().unwrap()).unwrap();
    assert_eq!((&kept["rankings"], &kept["round"]), (&document["rankings"], &document["round"]));

    // Repeating the round runs nothing, and ranking it with another pool needs no container.
    let records = written(directory.path());
    assert_eq!(json(&run())["rankings"], document["rankings"]);
    assert_eq!(written(directory.path()), records);
    let ranked = arena(&["rank", "--store", path, "--pool", "7"]);
    assert!(String::from_utf8_lossy(&ranked.stdout).contains("alice: 100 (reward: 7 'TAO')"));
}

#[test]
fn killed_evaluation_resumes_and_leaves_no_containers() {
    let agents: Vec<(String, String)> =
        (0..8).map(|n| (format!("agent{n}"), format!("{REVERSER}# {n}\n"))).collect();
    let agents: Vec<(&str, &str)> = agents.iter().map(|(n, s)| (n.as_str(), s.as_str())).collect();
    let (disturbed, quiet) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    store(disturbed.path(), &agents);
    store(quiet.path(), &agents);
    let arguments = |directory: &Path| {
        let directory = directory.to_str().unwrap().to_owned();
        ["evaluate", "--store", &directory, "--seed", "5", "--jobs", "1", "--json"]
            .map(str::to_owned)
    };
    let arguments_of = |directory: &Path| arguments(directory).to_vec();
    let run = |directory: &Path| {
        let arguments = arguments_of(directory);
        json(&arena(&arguments.iter().map(String::as_str).collect::<Vec<_>>()))
    };
    let results = written;

    let arguments = arguments_of(disturbed.path());
    let mut child = command(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let (controls, trials) = (2 * tasks::all().len(), tasks::all().len() * agents.len());
    let deadline = Instant::now() + Duration::from_secs(120);
    while results(disturbed.path()).len() < controls + trials / 3 {
        assert!(child.try_wait().unwrap().is_none(), "it ended before the kill");
        assert!(Instant::now() < deadline, "no progress");
        std::thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let before = results(disturbed.path());
    assert!(before.len() < controls + trials, "the kill came after the last trial");

    let resumed = run(disturbed.path());
    let undisturbed = run(quiet.path());
    let standings = |document: &Value| {
        let line = |r: &Value| format!("{} {} {}", r["miner_id"], r["score"], r["reward_tao"]);
        document["rankings"].as_array().unwrap().iter().map(line).collect::<Vec<_>>()
    };
    assert_eq!(standings(&resumed), standings(&undisturbed));
    assert_eq!(standings(&resumed).len(), agents.len());
    assert!(results(disturbed.path()).is_superset(&before), "a finished trial was run again");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    assert_eq!(runtime.block_on(containers_of(child.id())), 0, "the killed run left containers");
}

#[test]
fn interrupted_evaluation_exits_130_and_removes_its_containers() {
    let directory = tempfile::tempdir().unwrap();
    let slow = "import time\ntime.sleep(5)\n";
    store(directory.path(), &[("slow", slow)]);
    let child =
        command(&["evaluate", "--store", directory.path().to_str().unwrap(), "--jobs", "1"])
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn();
    let mut child = child.unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    while runtime.block_on(containers_of(child.id())) == 0 {
        assert!(Instant::now() < deadline, "no container was started");
    }
    let signal = ["-INT", &child.id().to_string()].map(str::to_owned);
    assert!(std::process::Command::new("kill").args(signal).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(runtime.block_on(containers_of(child.id())), 0);
    // Readers who watch the round see that it has stopped.
    let progress = Store::open(directory.path()).unwrap().progress().unwrap().unwrap();
    assert_eq!(progress.state, ProgressState::Stopped);
}

/// The trial records of a store, each with the time at which it was written.
fn written(store: &Path) -> BTreeSet<(std::ffi::OsString, std::time::SystemTime)> {
    let Ok(entries) = std::fs::read_dir(store.join("results")) else { return BTreeSet::new() };
    // A file that is being written has a temporary name.
    let paths = entries.map(|entry| entry.unwrap().path());
    let whole = paths.filter(|path| path.extension().is_some_and(|e| e == "json"));
    let written = |path: &Path| std::fs::metadata(path).unwrap().modified().unwrap();
    whole.map(|path| (path.file_name().unwrap().to_owned(), written(&path))).collect()
}

/// Checks that the command fails with this status, prints all of these words on stderr, and nothing on stdout.
fn check_refusal(arguments: &[&str], environment: &[(&str, &str)], status: i32, words: &[&str]) {
    let output = command(arguments).envs(environment.iter().copied()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{arguments:?}: {said}");
    for word in words {
        assert!(said.contains(word), "{arguments:?}: '{word}' is not in: {said}");
    }
    assert!(!said.contains("panicked"), "{said}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "", "{arguments:?}");
}

#[test]
fn bad_input_is_named_with_the_right_status() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().to_str().unwrap();
    store(directory.path(), &[("alice", REVERSER)]);
    let file = directory.path().join("a-file");
    std::fs::write(&file, "import requests\n").unwrap();
    let file = file.to_str().unwrap();
    let evaluate = ["evaluate", "--store", path];
    let with = |more: &[&'static str]| [&evaluate[..], more].concat();

    check_refusal(&with(&["--task", "no_such"]), &[], 2, &["no task 'no_such'", "arena tasks"]);
    check_refusal(&with(&["--agent", "zoe"]), &[], 2, &["no agent 'zoe'", "arena agents"]);
    check_refusal(&with(&["--agent", "../x"]), &[], 2, &["../x"]);
    check_refusal(&with(&["--seed", "x"]), &[], 2, &["--seed"]);
    check_refusal(&with(&["--pool", "much"]), &[], 2, &["--pool"]);
    check_refusal(&with(&["--jobs", "0"]), &[], 2, &["--jobs"]);
    check_refusal(&with(&["--platform", "http://127.0.0.1:1"]), &[], 1, &["http://127.0.0.1:1"]);
    check_refusal(&["check", "/no/such/file"], &[], 2, &["/no/such/file", "cannot read"]);
    check_refusal(&["check", file], &[], 2, &["a-file:1:8", "requests"]);
    check_refusal(&["rank", "--store", path], &[], 2, &["no judged round", "arena evaluate"]);
    // A file where the store should be.
    check_refusal(&["evaluate", "--store", file], &[], 2, &[file]);
    check_refusal(&["check", file, "--image", "no-such-image-of-ours"], &[], 2, &["requests"]);
}

#[test]
fn missing_daemon_or_image_is_a_fault_that_names_the_fix() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().to_str().unwrap();
    let evaluate = ["evaluate", "--store", path];
    store(directory.path(), &[("alice", REVERSER)]);
    let gone = [("DOCKER_HOST", "unix:///no/such/docker.sock")];
    check_refusal(&evaluate, &gone, 1, &["no Docker daemon", "/no/such/docker.sock", "systemctl"]);
    let closed = [("DOCKER_HOST", "tcp://127.0.0.1:1")];
    check_refusal(&evaluate, &closed, 1, &["no Docker daemon", "127.0.0.1:1", "DOCKER_HOST"]);
    let image = ["--image", "127.0.0.1:1/no/such:image"];
    let arguments = [&evaluate[..], &image].concat();
    check_refusal(&arguments, &[], 1, &["127.0.0.1:1/no/such:image", "cannot be pulled"]);
    assert_eq!(std::fs::read_dir(directory.path().join("results")).unwrap().count(), 0);
}

#[test]
fn corrupt_result_is_set_aside_and_its_trial_runs_again() {
    let directory = tempfile::tempdir().unwrap();
    store(directory.path(), &[("alice", REVERSER)]);
    let path = directory.path().to_str().unwrap();
    let run = || {
        arena(&["evaluate", "--store", path, "--seed", "5", "--task", "reverse_string", "--json"])
    };
    let first = json(&run());
    let results = directory.path().join("results");
    let result = std::fs::read_dir(&results).unwrap().next().unwrap().unwrap().path();
    let whole = std::fs::read(&result).unwrap();
    std::fs::write(&result, &whole[..whole.len() / 2]).unwrap();

    let output = run();
    assert!(output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("corrupt"), "{output:?}");
    assert_eq!(json(&output)["rankings"], first["rankings"]);
    assert!(result.with_extension("json.corrupt").exists(), "the corrupt file is lost");
    assert!(result.exists());
}
