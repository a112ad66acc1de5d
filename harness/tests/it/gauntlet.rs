//! The gauntlet in the real sandbox, and what it leaves behind: nothing.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bollard::Docker;
use bollard::query_parameters::{
    ListContainersOptionsBuilder, ListImagesOptions, ListVolumesOptions,
};
use harness::gauntlet::programs::programs;
use harness::gauntlet::report::table;
use harness::gauntlet::run::{GauntletPlan, run};
use harness::sandbox::{self, SandboxSettings};

use crate::machine;

/// The most memory that the gauntlet may take in the harness, in KiB. A value of 1 MiB on the wire, the most that is
/// accepted, takes up to 42 MiB while it is compared, so this is enough for three at the same time. What an agent prints
/// or sends without end exceeds it in seconds, if it is kept.
const MOST_MEMORY_KIB: u64 = 150 << 10;

#[tokio::test(flavor = "multi_thread")]
async fn sandbox_holds_and_nothing_is_left() {
    let _alone = machine::alone().await;
    // Earlier tests of this process leave memory with the allocator.
    reset_peak_memory();
    let memory_before = peak_memory_kib();
    let docker = sandbox::connect().await.expect("these tests need a Docker daemon");
    let before = disk(&docker).await;
    let settings =
        SandboxSettings { image: std::env::var("ARENA_IMAGE").ok(), ..SandboxSettings::default() };
    let sandbox = sandbox::open(&settings, &|_| ()).await.expect("an image to run agents in");
    let jobs = std::thread::available_parallelism().map_or(1, usize::from) + 1;
    let plan = GauntletPlan { programs: programs(), jobs };
    let started = Instant::now();
    let outcome = run(&sandbox, plan, Arc::new(|_| ())).await;
    sandbox.cleanup().await.expect("every container can be removed");
    let memory = peak_memory_kib() - memory_before;
    let table = table(&outcome, None);
    println!("{table}it took {:?}; the harness took {memory} KiB", started.elapsed());
    assert!(outcome.holds, "{table}");
    assert_eq!(sandbox.containers().await.unwrap(), [""; 0], "containers were left");
    assert_eq!(orphans(&docker).await, BTreeSet::new(), "processes were left");
    assert_eq!(disk(&docker).await, before, "Docker's disk use changed");
    assert!(memory < MOST_MEMORY_KIB, "the harness took {memory} KiB");
}

/// What Docker keeps on the disk after a container is gone: volumes and images. A container itself cannot
/// write to the disk: its root is read-only, its work directory is in memory, and it has no log.
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

/// Processes in the control group of a container that is gone. Only those of a local daemon are visible. Some may be
/// about to end, so only a process that is seen twice counts.
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
    let present: Vec<_> = containers.into_iter().filter_map(|container| container.id).collect();
    processes.into_iter().filter(|(_, id)| !present.contains(id)).map(|(pid, _)| pid).collect()
}

/// The container that a process belongs to, by the name of its control group.
fn container_of(pid: u32) -> Option<String> {
    let groups = std::fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?;
    groups
        .split(['/', '\n', '-', '.'])
        .find(|part| part.len() == 64 && part.bytes().all(|byte| byte.is_ascii_hexdigit()))
        .map(str::to_owned)
}

/// Makes the memory that is in use now the peak.
fn reset_peak_memory() {
    std::fs::write("/proc/self/clear_refs", "5").expect("the peak can be reset");
}

fn peak_memory_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}
