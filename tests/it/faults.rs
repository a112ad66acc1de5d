//! Deliberate faults of the arena: none is ever an agent's score.
//!
//! `arena evaluate` reaches the real daemon through a proxy that can cut every connection, as a restarted daemon
//! does, and can stay away.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::net::{UnixListener, UnixStream};
use tokio::runtime::Runtime;
use tokio::sync::watch;

use crate::support::{command, containers_of, json, store};

/// Right on `reverse_string` and `fizz_buzz`, and slow enough to be interrupted.
const SLOW: &str = r#"
import sys, time
time.sleep(0.4)
if "reverse_string" in sys.argv[-1]:
    print("def reverse_string(s): return s[::-1]")
else:
    print("def fizz_buzz(n): return ['Fizz' * (i % 3 == 0) + 'Buzz' * (i % 5 == 0) or str(i) for i in range(1, n + 1)]")
"#;

/// A connection to the daemon that can be cut.
struct DaemonProxy {
    runtime: Runtime,
    address: String,
    cut: watch::Sender<u32>,
    away: Arc<AtomicBool>,
}

impl DaemonProxy {
    fn start(directory: &Path) -> Self {
        let runtime = Runtime::new().unwrap();
        let socket = directory.join("docker.sock");
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

/// Evaluates two agents on two tasks through the proxy, and disturbs it once the first trial is finished.
fn disturbed(directory: &Path, proxy: &DaemonProxy, disturb: impl FnOnce(&DaemonProxy)) -> Output {
    let path = directory.join("store");
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
    wait_for_a_trial(&directory.join("store"));
    disturb(proxy);
    child.wait_with_output().unwrap()
}

/// Waits until an agent's first trial is finished: four other records are those of the controls.
fn wait_for_a_trial(store: &Path) {
    let deadline = Instant::now() + Duration::from_secs(120);
    while results(store).len() < 5 {
        assert!(Instant::now() < deadline, "the evaluation makes no progress");
        std::thread::yield_now();
    }
}

/// The trial records of a store: their paths and contents.
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

/// The number of attempts that ended in a fault.
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
fn daemon_that_comes_back_costs_an_attempt_and_no_verdict() {
    let directory = tempfile::tempdir().unwrap();
    let proxy = DaemonProxy::start(directory.path());
    let output = disturbed(directory.path(), &proxy, DaemonProxy::cut);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let document = json(&output);
    assert_eq!(verdicts(&document), ALL_RIGHT);
    assert!(faults(&document) > 0, "a lost attempt is not recorded: {document:#}");
}

#[test]
fn absent_daemon_is_a_fault_and_finished_trials_are_kept() {
    let directory = tempfile::tempdir().unwrap();
    let proxy = DaemonProxy::start(directory.path());
    let output = disturbed(directory.path(), &proxy, |proxy| {
        proxy.away.store(true, Ordering::SeqCst);
        proxy.cut();
    });
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(!stderr.contains("panicked"), "{stderr}");
    let store = platform::store::Store::open(directory.path().join("store")).unwrap();
    assert!(store.rankings().unwrap().is_none(), "an incomplete ranking was published");

    let kept = results(&directory.path().join("store"));
    assert!(kept.len() >= 5, "finished trials were lost");

    // The daemon is back: only missing trials are run, and no agent lost a point.
    proxy.away.store(false, Ordering::SeqCst);
    let tasks = ["--task", "reverse_string", "--task", "fizz_buzz", "--seed", "5", "--json"];
    let path = directory.path().join("store");
    let again = [&["evaluate", "--store", path.to_str().unwrap()], &tasks[..]].concat();
    let document = json(&command(&again).output().unwrap());
    assert_eq!(verdicts(&document), ALL_RIGHT);
    let now = results(&path);
    assert!(kept.iter().all(|(path, record)| now.get(path) == Some(record)), "rewritten");
    drop(proxy.runtime);
}

#[test]
fn removed_container_costs_an_attempt_and_no_verdict() {
    let directory = tempfile::tempdir().unwrap();
    let proxy = DaemonProxy::start(directory.path());
    let output = disturbed(directory.path(), &proxy, |proxy| {
        proxy.runtime.block_on(async {
            use bollard::query_parameters::{
                ListContainersOptionsBuilder, RemoveContainerOptionsBuilder,
            };
            let docker = harness::sandbox::connect().await.unwrap();
            // The process of this test is the child whose store is in this test's directory.
            let options = ListContainersOptionsBuilder::default().all(false).build();
            let children = children_of_this_process();
            for container in docker.list_containers(Some(options)).await.unwrap() {
                let owner = container.labels.unwrap_or_default().remove("arena.owner");
                let ours = |owner: &String| {
                    children.iter().any(|child| owner.contains(&format!("/{child}/")))
                };
                if owner.as_ref().is_some_and(ours)
                    && directory_of(owner.as_deref()) == directory.path()
                {
                    let options = RemoveContainerOptionsBuilder::default().force(true).build();
                    let _ = docker.remove_container(&container.id.unwrap(), Some(options)).await;
                }
            }
        });
    });
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(verdicts(&json(&output)), ALL_RIGHT);
    assert!(faults(&json(&output)) > 0, "nothing was removed, or a lost attempt is not recorded");
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

/// The directory of the test whose process owns a container: the process's command line names its store.
fn directory_of(owner: Option<&str>) -> std::path::PathBuf {
    let process = owner.and_then(|owner| owner.split('/').nth(3)).unwrap_or_default();
    let line = std::fs::read_to_string(format!("/proc/{process}/cmdline")).unwrap_or_default();
    let store = line.split('\0').skip_while(|word| *word != "--store").nth(1).unwrap_or_default();
    Path::new(store).parent().map(Path::to_owned).unwrap_or_default()
}

#[test]
fn second_evaluation_of_a_store_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store");
    let agents = [("alice", SLOW), ("bob", &format!("{SLOW}# bob\n"))];
    store(&path, &agents);
    let tasks = ["--task", "reverse_string", "--task", "fizz_buzz", "--jobs", "1", "--json"];
    let arguments = [&["evaluate", "--store", path.to_str().unwrap()], &tasks[..]].concat();
    let mut first =
        command(&arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    wait_for_a_trial(&path);
    for word in ["evaluate", "rank"] {
        let second = command(&[word, "--store", path.to_str().unwrap()]).output().unwrap();
        let said = String::from_utf8_lossy(&second.stderr);
        assert_eq!(second.status.code(), Some(2), "{said}");
        assert!(said.contains(&format!("is running (process {})", first.id())), "{said}");
    }
    // The lock ends with its owner, however that ends.
    first.kill().unwrap();
    first.wait().unwrap();
    let output = command(&arguments).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(verdicts(&json(&output)), ALL_RIGHT);
}

#[test]
fn repeatedly_killed_evaluation_keeps_finished_trials() {
    const KILLS: usize = 6;
    let directory = tempfile::tempdir().unwrap();
    let sources: Vec<_> = (0..8).map(|n| (format!("a{n}"), format!("{SLOW}# {n}\n"))).collect();
    let agents: Vec<_> =
        sources.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    store(directory.path(), &agents);
    let path = directory.path().to_str().unwrap();
    let tasks = ["--task", "reverse_string", "--task", "fizz_buzz", "--seed", "5", "--json"];
    let arguments = [&["evaluate", "--store", path, "--jobs", "2"], &tasks[..]].concat();
    let (mut kept, mut processes, mut unfinished) = (results(directory.path()), Vec::new(), 0);
    for _ in 0..KILLS {
        let mut child =
            command(&arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // This does not wait for anything: the evaluation is to be killed at a random point.
        std::thread::sleep(Duration::from_millis(rand::random_range(0..1_500)));
        unfinished += usize::from(child.try_wait().unwrap().is_none());
        let _ = child.kill();
        child.wait().unwrap();
        processes.push(child.id());
        let now = results(directory.path());
        for (path, before) in &kept {
            assert_eq!(now.get(path), Some(before), "{} was rewritten", path.display());
        }
        kept = now;
    }
    assert!(unfinished > 0, "it was never killed at work");
    let output = command(&arguments).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let document = json(&output);
    assert_eq!(verdicts(&document).len(), 16);
    assert!(verdicts(&document).iter().all(|verdict| verdict.ends_with("\"AC\"")));
    let now = results(directory.path());
    assert!(kept.iter().all(|(path, record)| now.get(path) == Some(record)), "rewritten");
    // Containers that the daemon was still creating when their owner died.
    assert!(command(&["clean"]).output().unwrap().status.success());
    let runtime = Runtime::new().unwrap();
    for process in processes {
        assert_eq!(runtime.block_on(containers_of(process)), 0, "containers were left");
    }
    let names = std::fs::read_dir(directory.path().join("results")).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert_eq!(names.filter(|name| name.starts_with('.')).collect::<Vec<_>>(), [""; 0]);
}

#[test]
fn moved_wall_clock_changes_no_deadline_and_no_verdict() {
    // libfaketime changes the wall clock that `arena` sees, and leaves the monotonic one alone.
    let library = std::fs::read_dir("/usr/lib").unwrap().find_map(|directory| {
        let path = directory.unwrap().path().join("faketime/libfaketimeMT.so.1");
        path.exists().then_some(path)
    });
    let library = library.expect("libfaketime is installed ('apt-get install faketime')");
    for (moved, seconds) in [("+3600", 3_600), ("-3600", -3_600)] {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("store");
        store(&path, &[("alice", SLOW), ("bob", &format!("{SLOW}# bob\n"))]);
        let clock = directory.path().join("clock");
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
        let took = time("finished_at").as_second() - time("opened_at").as_second();
        assert!((took - seconds).abs() < 600, "the clock did not move: {took} s");
    }
}
