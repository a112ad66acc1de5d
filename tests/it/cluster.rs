//! A round over two worker processes, one of which is killed: the ranking is byte for byte that of the same round on one
//! machine. With the real server, Docker and keys as `arena nats init` writes them.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::support::{Finished, arena, command, json, solver, stderr, store};
use serde_json::Value;

const TASKS: [&str; 8] = [
    "--task",
    "reverse_string",
    "--task",
    "two_sum",
    "--task",
    "fizz_buzz",
    "--task",
    "roman_to_int",
];

/// Processes that end with the test.
struct Background(Vec<Child>);

impl Background {
    fn start(&mut self, command: &mut Command) {
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self.0.push(child.spawn().expect("it starts"));
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        for child in &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a temporary directory has a plain name")
}

fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").args(["-a", text(from), text(to)]).status().unwrap();
    assert!(copied.success());
}

#[test]
fn two_workers_of_which_one_is_killed_give_the_ranking_of_one_machine() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    let agents: Vec<_> = (0..6)
        .map(|n| {
            (format!("agent{n}"), solver(&format!("{n}"), &["reverse_string", "two_sum"][..n % 3]))
        })
        .collect();
    let agents: Vec<_> = agents.iter().map(|(name, source)| (&**name, &**source)).collect();
    store(&path("here"), &agents);
    // Both stores judge the same open round: its commitment decides the intervals.
    let opened = arena(&["evaluate", "--open", "--seed", "7", "--store", text(&path("here"))]);
    assert!(opened.status.success(), "{}", stderr(&opened));
    copy(&path("here"), &path("there"));

    let keys = path("keys");
    let made = arena(&["nats", "init", text(&keys), "--data", text(&path("data"))]);
    assert!(made.status.success(), "{}", stderr(&made));
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut background = Background(Vec::new());
    let mut server = Command::new("nats-server");
    server.args(["--config", "localhost.conf", "--port", &port.to_string()]).current_dir(&keys);
    background.start(&mut server);
    let url = format!("tls://localhost:{port}");
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        std::thread::sleep(Duration::from_millis(10));
    }
    let cache = path("cache");
    let worker = |number: u32| {
        let key = keys.join(format!("worker-{number}.nk"));
        let server = ["work", "--nats", &url, "--nats-creds", text(&key)];
        command(&[&server[..], &["--jobs", "1", "--cache", text(&cache)]].concat())
    };
    for number in [1, 2] {
        background.start(&mut worker(number));
    }
    let (coordinator, observer) = (keys.join("coordinator.nk"), keys.join("observer.nk"));
    let there = path("there");
    let nats = ["--nats", &url, "--nats-creds", text(&coordinator), "--audit", "0"];
    let judge = ["evaluate", "--json", "--store", text(&there)];
    let mut judging = command(&[&judge[..], &nats, &TASKS].concat());
    let judging = judging.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // The first worker dies when both have judged something.
    let status = ["round", "status", "--json", "--nats", &url, "--nats-creds", text(&observer)];
    loop {
        let status = arena(&status);
        assert!(status.status.success(), "{}", stderr(&status));
        let status = json(&status);
        let workers = status["coordinator"]["workers"].as_array().cloned().unwrap_or_default();
        let judged = workers.iter().filter(|worker| worker["judged"].as_u64() > Some(0)).count();
        if judged == 2 || status["coordinator"]["over"] == true {
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let killed = &mut background.0[1];
    killed.kill().unwrap();
    killed.wait().unwrap();
    // The audit of its trials needs another worker than the one that is left.
    background.start(&mut worker(1));
    let over_nats = Finished::of(judging.wait_with_output().unwrap());
    over_nats.check(0, &[]);

    let here = path("here");
    let local = arena(&[&["evaluate", "--json", "--store", text(&here)][..], &TASKS].concat());
    assert!(local.status.success(), "{}", stderr(&local));
    let (over_nats, local) = (over_nats.json(), json(&local));
    assert_eq!(over_nats["rankings"].to_string(), local["rankings"].to_string());
    assert_eq!(over_nats["rankings"].as_array().map(Vec::len), Some(6));
    assert_eq!(over_nats["round"]["faults"], Value::Array(Vec::new()));
    assert_eq!(outcomes(&over_nats), outcomes(&local));
    assert_eq!(outcomes(&local).len(), 24);
}

/// What of a report's trials does not depend on the machine.
fn outcomes(report: &Value) -> Vec<String> {
    let trials = report["trials"].as_array().expect("a report has trials").iter();
    let outcome = |trial: &Value| {
        let fields = ["miner_id", "task", "verdict", "passed", "total", "stdout", "cases"];
        fields.map(|field| trial[field].to_string()).join(" ")
    };
    let mut outcomes: Vec<_> = trials.map(outcome).collect();
    outcomes.sort();
    outcomes
}

#[test]
fn bad_input_is_one_sentence() {
    let directory = tempfile::tempdir().unwrap();
    let keys = directory.path().join("keys");
    let keys = text(&keys);
    for (arguments, status, part) in [
        (
            &["work", "--nats", "nats://127.0.0.1:1"][..],
            1,
            "no NATS server answers at nats://127.0.0.1:1",
        ),
        (&["work", "--nats", "http://x"], 2, "is not the address of a NATS server"),
        (&["work", "--nats", "nats://127.0.0.1:1", "--nats-creds", "none"], 2, "cannot read none"),
        (
            &["nats", "init", keys, "--host", "a", "--host", "b"],
            2,
            "2 servers cannot form a majority",
        ),
        (&["nats", "init", "/proc/keys"], 2, "cannot write /proc/keys"),
        (&["evaluate", "--audit", "0.1"], 2, "--nats"),
        (&["evaluate", "--nats", "nats://x", "--audit", "2"], 2, "'2' is not a share"),
        (&["evaluate", "--nats", "nats://x", "--top", "1"], 2, "cannot be used with"),
    ] {
        let finished = Finished::of(arena(arguments));
        finished.check(status, &[part]);
        assert!(!finished.stderr.contains("panicked"), "{finished:?}");
    }
    let made = Finished::of(arena(&["nats", "init", keys]));
    assert_eq!(made.status, Some(0), "{made:?}");
    // Keys are never replaced.
    Finished::of(arena(&["nats", "init", keys])).check(2, &["cannot write", "File exists"]);
}
