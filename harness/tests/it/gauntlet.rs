//! The hostile suite in the real sandbox, and what is left of it afterwards: nothing.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bollard::Docker;
use bollard::query_parameters::{
    ListContainersOptionsBuilder, ListImagesOptions, ListVolumesOptions,
};
use harness::gauntlet::run::{self as gauntlet, Plan};
use harness::sandbox::{self, SandboxSettings};

/// How much memory the harness may take while it runs the suite, in KiB.
const MOST_MEMORY_KIB: u64 = 150 << 10;

#[tokio::test(flavor = "multi_thread")]
async fn the_sandbox_holds_and_nothing_is_left() {
    let docker = sandbox::connect().await.expect("these tests need a Docker daemon");
    let before = disk(&docker).await;
    let options = SandboxSettings { image: std::env::var("ARENA_IMAGE").ok(), runtime: None };
    let sandbox = sandbox::open(&options, &|_| ()).await.expect("an image to run agents in");
    let jobs = std::thread::available_parallelism().map_or(1, usize::from) + 1;
    let plan = Plan { agents: gauntlet::suite(), jobs };
    let started = Instant::now();
    let outcome = gauntlet::run(&sandbox, plan, Arc::new(|_| ())).await.expect("no fault");
    sandbox.cleanup().await.expect("every container can be removed");
    let memory = peak_memory_kib();
    let table = gauntlet::table(&outcome);
    println!("{table}it took {:?}; the harness took {memory} KiB", started.elapsed());
    assert!(outcome.holds, "{table}");
    assert_eq!(own_containers(&docker).await, Vec::<String>::new(), "containers were left");
    assert_eq!(orphans(&docker).await, BTreeSet::new(), "processes were left");
    assert_eq!(disk(&docker).await, before, "Docker's disk use changed");
    assert!(memory < MOST_MEMORY_KIB, "the harness took {memory} KiB");
}

/// The containers that this process made.
async fn own_containers(docker: &Docker) -> Vec<String> {
    let filters = HashMap::from([("label", vec!["arena.owner"])]);
    let options = ListContainersOptionsBuilder::default().all(true).filters(&filters).build();
    let own = format!("/{}/", std::process::id());
    let containers = docker.list_containers(Some(options)).await.expect("a list");
    let is_own = |labels: &HashMap<String, String>| labels["arena.owner"].contains(&own);
    let own = containers.into_iter().filter(|c| c.labels.as_ref().is_some_and(is_own));
    own.filter_map(|container| container.id).collect()
}

/// What Docker keeps on the disk after a container is gone: volumes and images. A container itself has
/// nowhere to write to, for its root is read-only, its work folder is memory, and it has no log.
async fn disk(docker: &Docker) -> [Vec<String>; 2] {
    let volumes = docker
        .list_volumes(None::<ListVolumesOptions>)
        .await
        .expect("volumes")
        .volumes
        .unwrap_or_default();
    let mut volumes: Vec<_> = volumes.into_iter().map(|volume| volume.name).collect();
    volumes.sort_unstable();
    let images = docker.list_images(None::<ListImagesOptions>).await.expect("images");
    let mut images: Vec<_> =
        images.into_iter().map(|image| format!("{} {}", image.id, image.size)).collect();
    images.sort_unstable();
    [volumes, images]
}

/// Processes in the control group of a container that is not there any more. Only a local daemon's can be
/// seen, and some may be on their way out, so a second look decides.
async fn orphans(docker: &Docker) -> BTreeSet<u32> {
    let first = orphans_now(docker).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    first.intersection(&orphans_now(docker).await).copied().collect()
}

async fn orphans_now(docker: &Docker) -> BTreeSet<u32> {
    let processes: Vec<_> = std::fs::read_dir("/proc")
        .expect("processes")
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok())
        .filter_map(|pid| Some((pid, container_of(pid)?)))
        .collect();
    let options = ListContainersOptionsBuilder::default().all(true).build();
    let containers = docker.list_containers(Some(options)).await.expect("a list");
    let there: Vec<_> = containers.into_iter().filter_map(|container| container.id).collect();
    processes.into_iter().filter(|(_, id)| !there.contains(id)).map(|(pid, _)| pid).collect()
}

/// The container that a process belongs to, by the name of its control group.
fn container_of(pid: u32) -> Option<String> {
    let groups = std::fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?;
    groups
        .split(['/', '\n', '-', '.'])
        .find(|part| part.len() == 64 && part.bytes().all(|byte| byte.is_ascii_hexdigit()))
        .map(str::to_owned)
}

fn peak_memory_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}
