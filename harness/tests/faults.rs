//! Faults of ours, made on purpose: none is ever an agent's score.
//!
//! The harness reaches the real daemon through a proxy that can cut every connection, as a daemon does that
//! is restarted, and can stay away.

mod common;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use common::{command, containers_of, json, store};
use serde_json::Value;
use tokio::net::{UnixListener, UnixStream};
use tokio::runtime::Runtime;
use tokio::sync::watch;

/// Right on `reverse_string` and `fizz_buzz`, and slow enough to be interrupted.
const SLOW: &str = r#"
import sys, time
time.sleep(0.4)
if "reverse_string" in sys.argv[-1]:
    print("def reverse_string(s): return s[::-1]")
else:
    print("def fizz_buzz(n): return ['Fizz' * (i % 3 == 0) + 'Buzz' * (i % 5 == 0) or str(i) for i in range(1, n + 1)]")
"#;

/// A way to the daemon that can be cut.
struct Proxy {
    runtime: Runtime,
    address: String,
    cut: watch::Sender<u32>,
    away: Arc<AtomicBool>,
}

impl Proxy {
    fn start(folder: &Path) -> Self {
        let runtime = Runtime::new().unwrap();
        let socket = folder.join("docker.sock");
        let daemon = harness::sandbox::host();
        let daemon =
            daemon.strip_prefix("unix://").expect("these tests need a local daemon").to_owned();
        let (cut, cuts) = watch::channel(0);
        let away = Arc::new(AtomicBool::new(false));
        let is_away = Arc::clone(&away);
        let listener = {
            let _inside = runtime.enter();
            UnixListener::bind(&socket).unwrap()
        };
        runtime.spawn(async move {
            while let Ok((mut ours, _)) = listener.accept().await {
                if is_away.load(Ordering::SeqCst) {
                    continue;
                }
                let Ok(mut theirs) = UnixStream::connect(&daemon).await else { continue };
                let mut cuts = cuts.clone();
                cuts.mark_unchanged();
                tokio::spawn(async move {
                    tokio::select! {
                        _ = tokio::io::copy_bidirectional(&mut ours, &mut theirs) => {}
                        _ = cuts.changed() => {}
                    }
                });
            }
        });
        Self { runtime, address: format!("unix://{}", socket.display()), cut, away }
    }

    fn cut(&self) {
        self.cut.send_modify(|cuts| *cuts += 1);
    }
}

/// Evaluates two agents on two tasks through the proxy, and disturbs once the first trial is finished.
fn disturbed(folder: &Path, proxy: &Proxy, disturb: impl FnOnce(&Proxy)) -> Output {
    let path = folder.join("store");
    store(&path, &[("alice", SLOW), ("bob", &format!("{SLOW}# bob\n"))]);
    let tasks = ["--task", "reverse_string", "--task", "fizz_buzz", "--jobs", "1", "--seed", "5"];
    let path = path.to_str().unwrap();
    let arguments = [&["evaluate", "--store", path, "--json"], &tasks[..]].concat();
    let child = command(&arguments)
        .env("DOCKER_HOST", &proxy.address)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    wait_for_a_trial(&folder.join("store"));
    disturb(proxy);
    child.wait_with_output().unwrap()
}

/// Waits until an agent's first trial is finished: four more results are those of the controls.
fn wait_for_a_trial(store: &Path) {
    let deadline = Instant::now() + Duration::from_secs(120);
    while results(store).len() < 5 {
        assert!(Instant::now() < deadline, "it makes no progress");
        std::thread::yield_now();
    }
}

/// The whole results of a store: their names, and what they hold.
fn results(store: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let Ok(entries) = std::fs::read_dir(store.join("results")) else { return BTreeMap::new() };
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let whole = paths.filter(|path| path.extension().is_some_and(|extension| extension == "json"));
    whole.map(|path| (path.clone(), std::fs::read(path).unwrap())).collect()
}

fn verdicts(document: &Value) -> Vec<String> {
    let trials = document["trials"].as_array().unwrap();
    trials.iter().map(|t| format!("{} {} {}", t["miner_id"], t["task"], t["verdict"])).collect()
}

/// How many attempts ended in a fault.
fn faults(document: &Value) -> usize {
    let attempts = |trial: &Value| trial["attempts"].as_array().unwrap().clone();
    let all = document["trials"].as_array().unwrap().iter().flat_map(attempts);
    all.filter(|attempt| attempt["fault"].is_string()).count()
}

const ALL_RIGHT: [&str; 4] = [
    "\"alice\" \"reverse_string\" \"AC\"",
    "\"alice\" \"fizz_buzz\" \"AC\"",
    "\"bob\" \"reverse_string\" \"AC\"",
    "\"bob\" \"fizz_buzz\" \"AC\"",
];

#[test]
fn a_daemon_that_comes_back_costs_an_attempt_and_no_verdict() {
    let folder = tempfile::tempdir().unwrap();
    let proxy = Proxy::start(folder.path());
    let output = disturbed(folder.path(), &proxy, Proxy::cut);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let document = json(&output);
    assert_eq!(verdicts(&document), ALL_RIGHT);
    assert!(faults(&document) > 0, "an attempt was lost in silence: {document:#}");
}

#[test]
fn a_daemon_that_stays_away_is_a_fault_and_what_was_finished_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let proxy = Proxy::start(folder.path());
    let output = disturbed(folder.path(), &proxy, |proxy| {
        proxy.away.store(true, Ordering::SeqCst);
        proxy.cut();
    });
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(!said.contains("panicked"), "{said}");
    let store = platform::store::Store::open(folder.path().join("store")).unwrap();
    assert!(store.rankings().unwrap().is_none(), "an incomplete ranking was published");

    // The daemon is there again: only what is missing is run, and nobody lost a point.
    proxy.away.store(false, Ordering::SeqCst);
    let tasks = ["--task", "reverse_string", "--task", "fizz_buzz", "--seed", "5", "--json"];
    let path = folder.path().join("store");
    let again = [&["evaluate", "--store", path.to_str().unwrap()], &tasks[..]].concat();
    let document = json(&command(&again).output().unwrap());
    assert_eq!(verdicts(&document), ALL_RIGHT);
    assert!(document["round"]["cached"].as_u64().unwrap() >= 1, "what was finished was run again");
    drop(proxy.runtime);
}

#[test]
fn a_container_that_is_removed_under_a_trial_costs_an_attempt_and_no_verdict() {
    let folder = tempfile::tempdir().unwrap();
    let proxy = Proxy::start(folder.path());
    let output = disturbed(folder.path(), &proxy, |proxy| {
        proxy.runtime.block_on(async {
            use bollard::query_parameters::{
                ListContainersOptionsBuilder, RemoveContainerOptionsBuilder,
            };
            let docker = harness::sandbox::connect().await.unwrap();
            // The test's own harness is the one whose store is in this test's folder: its child process.
            let options = ListContainersOptionsBuilder::default().all(false).build();
            let children = children_of_this_process();
            for container in docker.list_containers(Some(options)).await.unwrap() {
                let owner = container.labels.unwrap_or_default().remove("arena.owner");
                let ours = |owner: &String| {
                    children.iter().any(|child| owner.contains(&format!("/{child}/")))
                };
                if owner.as_ref().is_some_and(ours) && folder_of(owner.as_deref()) == folder.path()
                {
                    let options = RemoveContainerOptionsBuilder::default().force(true).build();
                    let _ = docker.remove_container(&container.id.unwrap(), Some(options)).await;
                }
            }
        });
    });
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(verdicts(&json(&output)), ALL_RIGHT);
    assert!(faults(&json(&output)) > 0, "nothing was removed, or an attempt was lost in silence");
}

fn children_of_this_process() -> Vec<u32> {
    let own = std::process::id();
    let tasks = std::fs::read_dir(format!("/proc/{own}/task")).unwrap();
    let of_task = |task: std::fs::DirEntry| {
        std::fs::read_to_string(task.path().join("children")).unwrap_or_default()
    };
    let text: String = tasks.filter_map(Result::ok).map(of_task).collect::<Vec<_>>().join(" ");
    text.split_whitespace().filter_map(|pid| pid.parse().ok()).collect()
}

/// The folder of the test whose harness owns a container: the harness's command line names its store.
fn folder_of(owner: Option<&str>) -> std::path::PathBuf {
    let process = owner.and_then(|owner| owner.split('/').nth(3)).unwrap_or_default();
    let line = std::fs::read_to_string(format!("/proc/{process}/cmdline")).unwrap_or_default();
    let store = line.split('\0').skip_while(|word| *word != "--store").nth(1).unwrap_or_default();
    Path::new(store).parent().map(Path::to_owned).unwrap_or_default()
}

#[test]
fn two_harnesses_on_one_store_end_with_the_same_rankings() {
    let folder = tempfile::tempdir().unwrap();
    store(folder.path(), &[("alice", SLOW), ("bob", &format!("{SLOW}# bob\n"))]);
    let path = folder.path().to_str().unwrap();
    let tasks = ["--task", "reverse_string", "--task", "fizz_buzz", "--seed", "5", "--json"];
    let arguments = [&["evaluate", "--store", path], &tasks[..]].concat();
    let start =
        || command(&arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let (first, second) = (start(), start());
    let outputs = [first, second].map(|child| child.wait_with_output().unwrap());
    for output in &outputs {
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(verdicts(&json(output)), ALL_RIGHT);
    }
    assert_eq!(json(&outputs[0])["rankings"], json(&outputs[1])["rankings"]);
}

#[test]
fn a_harness_that_is_killed_again_and_again_loses_nothing_that_was_finished() {
    const KILLS: usize = 6;
    let folder = tempfile::tempdir().unwrap();
    let sources: Vec<_> = (0..8).map(|n| (format!("a{n}"), format!("{SLOW}# {n}\n"))).collect();
    let agents: Vec<_> =
        sources.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    store(folder.path(), &agents);
    let path = folder.path().to_str().unwrap();
    let tasks = ["--task", "reverse_string", "--task", "fizz_buzz", "--seed", "5", "--json"];
    let arguments = [&["evaluate", "--store", path, "--jobs", "2"], &tasks[..]].concat();
    let (mut kept, mut processes, mut unfinished) = (results(folder.path()), Vec::new(), 0);
    for _ in 0..KILLS {
        let mut child =
            command(&arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // Not a wait for anything: where it is by then is a matter of chance, which is what is wanted.
        std::thread::sleep(Duration::from_millis(rand::random_range(0..1_500)));
        unfinished += usize::from(child.try_wait().unwrap().is_none());
        let _ = child.kill();
        child.wait().unwrap();
        processes.push(child.id());
        let now = results(folder.path());
        for (path, before) in &kept {
            assert_eq!(now.get(path), Some(before), "{} was touched again", path.display());
        }
        kept = now;
    }
    assert!(unfinished > 0, "it was never killed at work");
    let output = command(&arguments).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let document = json(&output);
    assert_eq!(verdicts(&document).len(), 16);
    assert!(verdicts(&document).iter().all(|verdict| verdict.ends_with("\"AC\"")));
    let cached = document["round"]["cached"].as_u64().unwrap();
    assert!(cached + 4 >= kept.len() as u64, "{cached} of {} were kept", kept.len());
    // What the daemon was still making when its owner died.
    assert!(command(&["clean"]).output().unwrap().status.success());
    let runtime = Runtime::new().unwrap();
    for process in processes {
        assert_eq!(runtime.block_on(containers_of(process)), 0, "containers were left");
    }
    let names = std::fs::read_dir(folder.path().join("results")).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert_eq!(names.filter(|name| name.starts_with('.')).collect::<Vec<_>>(), [""; 0]);
}

#[test]
fn a_wall_clock_that_is_moved_by_an_hour_changes_no_deadline_and_no_verdict() {
    // libfaketime stands between the harness and its wall clock, and leaves the monotonic one alone.
    let library = std::fs::read_dir("/usr/lib").unwrap().find_map(|folder| {
        let path = folder.unwrap().path().join("faketime/libfaketimeMT.so.1");
        path.exists().then_some(path)
    });
    let library = library.expect("libfaketime is installed ('apt-get install faketime')");
    for (moved, seconds) in [("+3600", 3_600), ("-3600", -3_600)] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store");
        store(&path, &[("alice", SLOW), ("bob", &format!("{SLOW}# bob\n"))]);
        let clock = folder.path().join("clock");
        std::fs::write(&clock, "+0").unwrap();
        let tasks = ["--task", "reverse_string", "--task", "fizz_buzz", "--seed", "5", "--json"];
        let arguments = [&["evaluate", "--store", path.to_str().unwrap()], &tasks[..]].concat();
        let child = command(&arguments)
            .env("LD_PRELOAD", &library)
            .env("FAKETIME_TIMESTAMP_FILE", &clock)
            .env("FAKETIME_NO_CACHE", "1")
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
            .env("DONT_FAKE_MONOTONIC", "1")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        wait_for_a_trial(&path);
        std::fs::write(&clock, moved).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        let document = json(&output);
        assert_eq!(verdicts(&document), ALL_RIGHT);
        let one = |trial: &Value| trial["attempts"].as_array().unwrap().len() == 1;
        assert!(document["trials"].as_array().unwrap().iter().all(one), "{document:#}");
        let time = |name: &str| {
            document["round"][name].as_str().unwrap().parse::<jiff::Timestamp>().unwrap()
        };
        let took = time("finished_at").as_second() - time("started_at").as_second();
        assert!((took - seconds).abs() < 600, "the clock did not move: {took} s");
    }
}
