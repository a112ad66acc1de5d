//! What becomes of a round when the Docker daemon itself fails: it is restarted, killed or stopped, or loses the
//! image. The daemon is the test's own, so these tests must run as root, as `dockerd` must: with `--features
//! own-daemon`, which `cargo xtask test` does.

#[path = "../common/mod.rs"]
mod common;
mod own;

use std::path::Path;
use std::process::{Child, Output, Stdio};
use std::time::{Duration, Instant};

use bollard::models::ContainerConfig;
use bollard::query_parameters::{
    CommitContainerOptionsBuilder, CreateContainerOptionsBuilder, InspectContainerOptions,
    ListContainersOptionsBuilder, RemoveContainerOptionsBuilder, RemoveImageOptionsBuilder,
};
use common::{command, json, store};
use harness::Fault;
use harness::sandbox::{self, Sandbox};
use own::Daemon;
use serde_json::Value;
use tasks::Limits;

/// Right on `reverse_string`, and slow enough for a daemon to be gone meanwhile.
const SLOW: &str = "import time\ntime.sleep(0.5)\nprint('def reverse_string(s): return s[::-1]')\n";
const AGENTS: usize = 8;

fn start_round(folder: &Path, daemon: &Daemon) -> Child {
    let sources: Vec<_> =
        (0..AGENTS).map(|n| (format!("agent{n}"), format!("{SLOW}# {n}\n"))).collect();
    let agents: Vec<_> = sources.iter().map(|(n, s)| (n.as_str(), s.as_str())).collect();
    store(folder, &agents);
    let path = folder.to_str().unwrap();
    let arguments =
        ["evaluate", "--store", path, "--json", "--task", "reverse_string", "--seed", "5"];
    command(&arguments)
        .args(["--jobs", "2"])
        .env("DOCKER_HOST", daemon.address())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Waits until this many trials of agents are finished. Two more are those of the controls.
fn wait_for_trials(folder: &Path, trials: usize) {
    let deadline = Instant::now() + Duration::from_secs(120);
    let finished = || {
        let entries = std::fs::read_dir(folder.join("results")).unwrap();
        entries
            .filter(|e| e.as_ref().unwrap().path().extension().is_some_and(|e| e == "json"))
            .count()
    };
    while finished() < 2 + trials {
        assert!(Instant::now() < deadline, "it makes no progress");
        std::thread::yield_now();
    }
}

/// Everybody has all points, and nothing is left on the daemon.
async fn check_all_right(output: &Output, daemon: &Daemon) -> Value {
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let document = json(output);
    let trials = document["trials"].as_array().unwrap();
    let verdicts: Vec<_> = trials.iter().map(|trial| trial["verdict"].as_str().unwrap()).collect();
    assert_eq!(verdicts, ["AC"; AGENTS]);
    let options = ListContainersOptionsBuilder::default().all(true).build();
    assert_eq!(daemon.docker().list_containers(Some(options)).await.unwrap(), []);
    document
}

fn faults(document: &Value) -> Vec<String> {
    let attempts = |trial: &Value| trial["attempts"].as_array().unwrap().clone();
    let all = document["trials"].as_array().unwrap().iter().flat_map(attempts);
    all.filter_map(|attempt| attempt["fault"].as_str().map(str::to_owned)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_that_is_restarted_costs_attempts_and_no_verdict() {
    let mut daemon = Daemon::start().await;
    let folder = tempfile::tempdir().unwrap();
    let round = start_round(folder.path(), &daemon);
    wait_for_trials(folder.path(), 1);
    let started = Instant::now();
    daemon.restart().await;
    println!("it was away for {:?}", started.elapsed());
    let document = check_all_right(&round.wait_with_output().unwrap(), &daemon).await;
    println!("{:#?}", faults(&document));
    assert!(!faults(&document).is_empty(), "an attempt was lost in silence");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_that_is_stopped_for_a_while_costs_nothing() {
    let daemon = Daemon::start().await;
    let folder = tempfile::tempdir().unwrap();
    let round = start_round(folder.path(), &daemon);
    wait_for_trials(folder.path(), 1);
    daemon.signal("STOP");
    // Nobody can tell when a request has got stuck; this is longer than a trial takes.
    tokio::time::sleep(Duration::from_secs(3)).await;
    daemon.signal("CONT");
    check_all_right(&round.wait_with_output().unwrap(), &daemon).await;
}

/// Makes an image that nobody else has, with everything that the machine's has, and gives it this name.
async fn commit(daemon: &Daemon, label: &str, name: &str) -> String {
    let docker = daemon.docker();
    let body = bollard::models::ContainerCreateBody {
        image: Some(daemon.image.clone()),
        cmd: Some(vec!["true".to_owned()]),
        ..Default::default()
    };
    let options = CreateContainerOptionsBuilder::default().name(label).build();
    let created = docker.create_container(Some(options), body).await.unwrap();
    let (repository, tag) = name.split_once(':').unwrap();
    let options = CommitContainerOptionsBuilder::default()
        .container(&created.id)
        .repo(repository)
        .tag(tag)
        .comment(label)
        .build();
    let committed = docker.commit_container(options, ContainerConfig::default()).await.unwrap();
    let force = RemoveContainerOptionsBuilder::default().force(true).build();
    docker.remove_container(&created.id, Some(force)).await.unwrap();
    committed.id
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_whose_tag_moves_stays_and_one_that_is_removed_is_named() {
    let daemon = Daemon::start().await;
    let docker = daemon.docker();
    let name = "arena-test:moves";
    let first = commit(&daemon, "first", name).await;
    let image = sandbox::resolve_image(&docker, Some(name), false, &|_| ()).await.unwrap();
    assert_eq!(image.id, first);
    let sandbox = Sandbox::new(docker.clone(), image, Limits::STANDARD, None);

    let second = commit(&daemon, "second", name).await;
    assert_ne!(first, second);
    let container = sandbox.start().await.unwrap();
    let options = None::<InspectContainerOptions>;
    let inspected = docker.inspect_container(container.short_id(), options).await.unwrap();
    assert_eq!(inspected.image.as_deref(), Some(first.as_str()), "the tag was followed");
    container.remove().await.unwrap();

    let force = RemoveImageOptionsBuilder::default().force(true).build();
    docker.remove_image(&first, Some(force), None).await.unwrap();
    let Err(Fault::Image(told)) = sandbox.start().await else { panic!("it was started") };
    assert!(told.contains(&format!("{name}@{first}")) && told.contains("harness image"), "{told}");
    sandbox.cleanup().await.unwrap();
}
