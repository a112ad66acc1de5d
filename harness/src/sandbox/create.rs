//! Creating a container: its user, its process 1 and everything that it must not do.

use std::collections::HashMap;
use std::sync::Arc;

use bollard::models::{
    ContainerCreateBody, ContainerCreateResponse, HostConfig, HostConfigCgroupnsModeEnum,
    HostConfigLogConfig, ResourcesUlimits,
};

use super::context::SandboxContext;
use super::daemon::{ask, status_of};
use super::image::SitePackages;
use crate::Fault;

/// The program that runs as process 1 of every container.
pub const DRIVER: &str = include_str!("../../driver/driver.py");

/// The work directory, in memory.
const WORK: &str = "/work";
/// The other directory that can be written to, in memory, because many programs expect it.
const TMP: &str = "/tmp";
/// Where pip and others install packages in the images that are used. Empty read-only mounts hide them.
const SITE_PACKAGES: [&str; 3] = [
    "/usr/lib/python3/dist-packages",
    "/usr/local/lib/python3.11/dist-packages",
    "/usr/local/lib/python3.11/site-packages",
];
/// The system calls that an agent may make; every other one is refused. The file gives the reasons.
const SECCOMP: &str = include_str!("../../seccomp.json");
/// How often another user id is drawn if a container with the drawn one exists.
const USER_DRAWS: usize = 8;
/// Files that a process may have open.
const OPEN_FILES: i64 = 256;
/// Signals that may wait to be delivered.
const PENDING_SIGNALS: i64 = 256;
/// When a container should be gone, in seconds after its creation. Only people read it.
const LIFETIME_SECONDS: u64 = 24 * 3600;

/// Creates a container, to the end even if the caller is dropped: a request that was sent cannot be taken back, and
/// a cleanup that did not wait for its answer would miss the container.
pub(super) async fn create(
    context: &Arc<SandboxContext>,
) -> Result<ContainerCreateResponse, Fault> {
    let in_progress = Arc::clone(&context.creations).read_owned().await;
    let context = Arc::clone(context);
    let creating = tokio::spawn(async move {
        let created = create_with_own_user(&context).await;
        drop(in_progress);
        created
    });
    creating.await.expect("creating a container does not panic")
}

/// Creates a container with a user of its own: limits that the kernel counts per user are never shared.
/// The container's name contains the user id and Docker refuses a name that exists, so no two
/// containers of a daemon share a user.
async fn create_with_own_user(context: &SandboxContext) -> Result<ContainerCreateResponse, Fault> {
    let mut draws = 0;
    loop {
        draws += 1;
        let user = rand::random_range(1_000_000..2_000_000_000_u32);
        let name = format!("arena-{user}");
        let created = context.engine().create(&name, body(context, user));
        match ask("create a container", created).await {
            Err(fault) if status_of(&fault) == Some(409) && draws < USER_DRAWS => {}
            Err(fault) if status_of(&fault) == Some(404) => {
                let image = context.spec.image.pinned();
                return Err(Fault::Image(format!(
                    "{image} is not on this daemon any more; 'arena image' gets it again"
                )));
            }
            created => return created,
        }
    }
}

fn body(context: &SandboxContext, user: u32) -> ContainerCreateBody {
    let words = |words: &[&str]| Some(words.iter().map(ToString::to_string).collect::<Vec<_>>());
    ContainerCreateBody {
        image: Some(context.spec.image.id.clone()),
        entrypoint: words(&["python", "-P", "-s", "-X", "utf8", "-c", DRIVER]),
        cmd: words(&[]),
        // Without an entry in /etc/passwd, Python's getpass.getuser() needs one of the names.
        env: words(&[
            "PYTHONHASHSEED=0",
            "HOME=/work",
            "TMPDIR=/work",
            "USER=agent",
            "LOGNAME=agent",
            "LANG=C.UTF-8",
        ]),
        user: Some(format!("{user}:{user}")),
        working_dir: Some(WORK.to_owned()),
        attach_stdin: Some(true),
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        open_stdin: Some(true),
        stdin_once: Some(true),
        tty: Some(false),
        network_disabled: Some(true),
        labels: Some(context.run.labels(LIFETIME_SECONDS)),
        host_config: Some(host_config(context, user)),
        ..Default::default()
    }
}

fn host_config(context: &SandboxContext, user: u32) -> HostConfig {
    let limits = &context.spec.limits;
    let signed = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    let limit = |name: &str, most: i64| ResourcesUlimits {
        name: Some(name.to_owned()),
        soft: Some(most),
        hard: Some(most),
    };
    HostConfig {
        network_mode: Some("none".to_owned()),
        readonly_rootfs: Some(true),
        tmpfs: Some(mounts(context, user)),
        ipc_mode: Some("none".to_owned()),
        cgroupns_mode: Some(HostConfigCgroupnsModeEnum::PRIVATE),
        memory: Some(signed(limits.memory_bytes)),
        memory_swap: Some(signed(limits.memory_bytes)),
        nano_cpus: Some(i64::from(limits.cpu_millis) * 1_000_000),
        pids_limit: Some(i64::from(limits.pids)),
        ulimits: Some(vec![
            limit("nofile", OPEN_FILES),
            limit("core", 0),
            limit("fsize", signed(limits.work_bytes)),
            limit("msgqueue", 0),
            limit("sigpending", PENDING_SIGNALS),
        ]),
        cap_drop: Some(vec!["ALL".to_owned()]),
        security_opt: Some(vec!["no-new-privileges:true".to_owned(), format!("seccomp={SECCOMP}")]),
        privileged: Some(false),
        init: Some(false),
        auto_remove: Some(false),
        log_config: Some(HostConfigLogConfig { typ: Some("none".to_owned()), config: None }),
        runtime: context.spec.runtime.clone(),
        ..Default::default()
    }
}

/// File systems in memory: the directories that can be written to, and an empty one over each directory of packages
/// that is to be hidden.
fn mounts(context: &SandboxContext, user: u32) -> HashMap<String, String> {
    let limits = &context.spec.limits;
    let writable = format!(
        "rw,noexec,nosuid,nodev,size={},nr_inodes={},mode=0700,uid={user},gid={user}",
        limits.work_bytes, limits.work_inodes
    );
    let hidden = "ro,noexec,nosuid,nodev,size=4k,nr_inodes=2,mode=0555";
    let packages = match context.spec.image.packages {
        SitePackages::Hidden => SITE_PACKAGES.as_slice(),
        SitePackages::Visible => &[],
    };
    let hidden = packages.iter().map(|path| ((*path).to_owned(), hidden.to_owned()));
    let writable = [WORK, TMP].map(|path| (path.to_owned(), writable.clone()));
    hidden.chain(writable).collect()
}
