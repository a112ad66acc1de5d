//! `arena show`, and the forms in which `check`, `evaluate`, `rank` and `show` print results.

use std::path::Path;
use std::process::Output;

use crate::support::{REVERSER, arena, command, json, stderr, store};

/// An agent whose answers fail in two ways: one raises in its third line, the other never returns.
const FAILING: &str = r"
import sys
if 'reverse_string' in sys.argv[-1]:
    print('def reverse_string(s):\n    if len(s) != 5:\n        raise KeyError(s)\n    return s[::-1]')
elif 'fizz_buzz' in sys.argv[-1]:
    print('def fizz_buzz(n):\n    while True: pass')
";

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("the output is text")
}

/// Runs `arena` where there is no Docker.
fn without_docker(arguments: &[&str]) -> Output {
    let mut command = command(arguments);
    command.env("DOCKER_HOST", "unix:///no/such/socket").output().expect("arena starts")
}

/// A store with a round over two tasks.
fn judged(directory: &Path) -> String {
    store(directory, &[("alice", FAILING), ("bob", REVERSER)]);
    let path = directory.to_str().expect("the path is text").to_owned();
    let tasks = ["--task", "reverse_string", "--task", "fizz_buzz"];
    let evaluated = arena(&[&["evaluate", "--store", &path, "--seed", "5"], &tasks[..]].concat());
    assert!(evaluated.status.success(), "{evaluated:?}");
    // A result is printed once.
    assert_eq!(text(&evaluated).matches("(reward: ").count(), 2, "{evaluated:?}");
    assert!(stderr(&evaluated).contains("4 of 4 trials (100 %)"), "{evaluated:?}");
    path
}

#[test]
fn show_reads_the_stored_round_without_docker() {
    let directory = tempfile::tempdir().unwrap();
    let path = judged(directory.path());
    let files = || {
        let entries = std::fs::read_dir(directory.path().join("results")).unwrap();
        entries.map(|entry| entry.unwrap().file_name()).collect::<Vec<_>>().len()
    };
    let before = files();
    let show = |arguments: &[&str]| {
        let output = without_docker(&[&["show", "--store", &path], arguments].concat());
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        output
    };
    let check = |arguments: &[&str], parts: &[&str]| {
        let printed = text(&show(arguments));
        for part in parts {
            assert!(printed.contains(part), "{arguments:?}: {part:?} is not in {printed}");
        }
        printed
    };
    check(&[], &["open round ", " alice ", "1 RE 1 TLE", " bob ", "1 NS"]);
    check(
        &["alice"],
        &["fizz_buzz:\n", "the limit of 2 s of CPU time per call was exceeded", "score: "],
    );
    check(&["alice", "--failed"], &["reverse_string", "fizz_buzz"]);
    let passed = check(&["bob", "--failed"], &["fizz_buzz"]);
    assert!(!passed.contains("reverse_string"), "{passed}");
    let details = ["alice", "reverse_string"];
    let shown = check(
        &details,
        &["alice on reverse_string: RE", "attempt 1: a verdict", "used: ", "example_1"],
    );
    let all =
        check(&[&details[..], &["--disclose", "all"]].concat(), &["raised KeyError in line 3: "]);
    // Hidden cases that ended alike share a row.
    assert!(shown.contains(" to generated_") && !all.contains(" to generated_"), "{shown}\n{all}");
    let raised = |text: &str| text.matches("in line 3").count();
    assert!(raised(&all) > 10 && raised(&shown) < 5, "{shown}\n{all}");

    let document = json(&show(&["alice", "--json"]));
    assert_eq!(document["agent"]["trials"].as_array().unwrap().len(), 2);
    for secret in ["key", "seed"] {
        assert_eq!(document["agent"]["trials"][0][secret], serde_json::Value::Null);
    }
    let summary = json(&show(&["--json"]));
    assert_eq!(summary["agents"][0]["not_judged"], serde_json::json!([]));
    assert_eq!(files(), before, "it changed the store");

    for (arguments, said) in [
        (&["alic"][..], "did you mean 'alice'?"),
        (&["alice", "fizz_buz"], "did you mean 'fizz_buzz'?"),
    ] {
        let output = without_docker(&[&["show", "--store", &path], arguments].concat());
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        assert!(stderr(&output).contains(said), "{output:?}");
    }
    let nowhere = directory.path().join("nowhere");
    let refused = without_docker(&["show", "--store", nowhere.to_str().unwrap()]);
    assert_eq!(refused.status.code(), Some(2), "{refused:?}");
    assert!(!nowhere.exists());
}

#[test]
fn a_trial_without_a_record_is_not_judged_in_any_form() {
    let directory = tempfile::tempdir().unwrap();
    let path = judged(directory.path());
    let results = directory.path().join("results");
    let sha256 = json(&arena(&["agents", "--store", &path, "--json"]))[1]["sha256"].clone();
    for entry in std::fs::read_dir(results).unwrap() {
        let file = entry.unwrap().path();
        let record: serde_json::Value =
            serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        if record["agent_sha256"] == sha256 && record["task"] == "fizz_buzz" {
            std::fs::remove_file(file).unwrap();
        }
    }
    let show =
        |form: &str| text(&without_docker(&["show", "bob", "--store", &path, "--format", form]));
    let csv = show("csv");
    assert!(csv.contains("\nbob,fizz_buzz,,,,,,,not judged: "), "{csv}");
    assert!(csv.contains("\nbob,reverse_string,AC,100,"), "{csv}");
    let markdown = show("markdown");
    assert!(markdown.contains("| bob | fizz_buzz |  |  |  |  |  |  | not judged: "), "{markdown}");
    let junit = show("junit");
    assert!(junit.contains("tests=\"2\" skipped=\"0\" failures=\"0\" errors=\"1\""), "{junit}");
    assert!(show("text").contains("score: 1 trial not judged"));
    assert_eq!(
        json(&without_docker(&["show", "bob", "--store", &path, "--json"]))["agent"]["score"],
        serde_json::Value::Null
    );

    let rank = |form: &str| without_docker(&["rank", "--store", &path, "--format", form]);
    let csv = text(&rank("csv"));
    assert!(
        csv.contains("\n1,alice,") && csv.contains("\n,bob,,,,,,,,not judged: 1 faults"),
        "{csv}"
    );
    let ranked = rank("junit");
    assert_eq!(ranked.status.code(), Some(1), "{ranked:?}");
    assert!(
        text(&ranked).contains("tests=\"4\" skipped=\"0\" failures=\"2\" errors=\"1\""),
        "{ranked:?}"
    );
}

#[test]
fn check_shows_tasks_that_failed_alike_together() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("agent.py");
    std::fs::write(&file, REVERSER).unwrap();
    let file = file.to_str().unwrap();
    let check = |more: &[&str]| {
        let tasks = ["--task", "reverse_string", "--task", "parse_*", "--jobs", "2"];
        let output = arena(&[&["check", file, "--seed", "5"], &tasks[..], more].concat());
        assert!(output.status.success(), "{output:?}");
        text(&output)
    };
    let tasks = tasks::all().iter().filter(|t| t.id.as_str().starts_with("parse_")).count();
    let group = format!("{tasks} tasks: NS, the agent printed no answer\n");
    let grouped = check(&[]);
    assert!(grouped.contains(&group) && grouped.contains(" reverse_string   AC "), "{grouped}");
    assert_eq!(grouped.matches("parse_ini").count(), 1, "{grouped}");
    let failed = check(&["--failed"]);
    assert!(failed.contains(&group) && !failed.contains("reverse_string"), "{failed}");
    let verbose = check(&["--verbose"]);
    assert!(!verbose.contains(&group), "{verbose}");
    assert_eq!(verbose.matches("parse_ini").count(), 2, "{verbose}");
    let junit = check(&["--format", "junit"]);
    assert!(
        junit.contains(&format!("tests=\"{}\" skipped=\"0\" failures=\"{tasks}\"", tasks + 1)),
        "{junit}"
    );
    assert_eq!(check(&["--format", "csv"]).lines().count(), tasks + 2);
    assert!(check(&["--format", "markdown"]).starts_with("| agent | task | verdict |"));
}

#[test]
fn a_limit_that_only_hidden_calls_exceeded_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let agent = directory.path().join("agent.py");
    let slow = "def reverse_string(s):\n    while len(s) > 6: pass\n    return s[::-1]";
    std::fs::write(&agent, format!("print('''{slow}''')\n")).unwrap();
    let agent = agent.to_str().unwrap();
    let check = |more: &[&str]| {
        let arguments = ["check", agent, "--task", "reverse_string", "--seed", "3"];
        let checked = arena(&[&arguments[..], more].concat());
        assert!(checked.status.success(), "{checked:?}");
        text(&checked)
    };
    let hint = "'--disclose all' shows the hidden calls that failed\n";
    let limit =
        "  TLE in hidden calls: the limit is 2 s of CPU time per call, 60 s for all calls\n";
    let exceeded = "'): the limit of 2 s of CPU time per call was exceeded\n";
    let shown = check(&[]);
    assert!(shown.contains(limit) && shown.contains(hint) && !shown.contains(exceeded), "{shown}");
    // Nothing is known of these calls, so no colon promises more.
    assert!(!shown.contains(":\n\n") && shown.contains("  failed: "), "{shown}");
    let all = check(&["--disclose", "all"]);
    assert!(all.contains(exceeded) && !all.contains(limit) && !all.contains(hint), "{all}");
}
