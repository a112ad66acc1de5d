//! The connection to the Docker daemon: its address, its requests and their failures.

use std::fmt;
use std::future::Future;
use std::time::Duration;

use bollard::Docker;
use bollard::errors::Error;

use crate::Fault;

/// How long the daemon may take for one request. It is long, because requests are slow on a starved machine,
/// and finite, because a stopped daemon must not stop a round for ever.
const REQUEST_SECONDS: u64 = 60;

/// The daemon's address: `DOCKER_HOST`, or the local socket.
pub fn host() -> String {
    let from_environment = std::env::var("DOCKER_HOST").ok().filter(|host| !host.is_empty());
    from_environment.unwrap_or_else(|| "unix:///var/run/docker.sock".to_owned())
}

/// Connects to the daemon at [`host`] and agrees with it on a version of its API.
pub async fn connect() -> Result<Docker, Fault> {
    let host = host();
    let no_daemon = |cause: String| Fault::NoDaemon { host: host.clone(), cause };
    let docker = Docker::connect_with_host(&host).map_err(|cause| match cause {
        Error::SocketNotFoundError(path) => no_daemon(format!("{path} does not exist")),
        cause => no_daemon(innermost(&cause)),
    })?;
    let docker = docker.with_timeout(Duration::from_secs(REQUEST_SECONDS));
    match docker.negotiate_version().await {
        Ok(docker) => Ok(docker),
        Err(cause) if is_permission_denied(&cause) => Err(Fault::NoPermission { host }),
        Err(cause) => Err(no_daemon(innermost(&cause))),
    }
}

/// Version and features of a daemon.
#[derive(Clone, Debug)]
pub struct DaemonFacts {
    version: String,
    api: String,
    cgroups: String,
    runtimes: Vec<String>,
}

impl fmt::Display for DaemonFacts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { version, api, cgroups, runtimes } = self;
        let runtimes = runtimes.join(", ");
        write!(f, "{} {version}, API {api}, cgroup v{cgroups}, runtimes {runtimes}", host())
    }
}

/// Returns what the daemon reports about itself.
pub async fn daemon_facts() -> Result<DaemonFacts, Fault> {
    let docker = connect().await?;
    let version = ask("report its version", docker.version()).await?;
    let info = ask("describe itself", docker.info()).await?;
    let known = |text: Option<String>| text.unwrap_or_else(|| "unknown".to_owned());
    let mut runtimes: Vec<_> = info.runtimes.unwrap_or_default().into_keys().collect();
    runtimes.sort_unstable();
    Ok(DaemonFacts {
        version: known(version.version),
        api: known(version.api_version),
        cgroups: known(info.cgroup_version.map(|version| version.to_string())),
        runtimes,
    })
}

/// Sends a request and waits for its answer, for a limited time.
pub(super) async fn ask<T>(
    action: &'static str,
    request: impl Future<Output = Result<T, Error>>,
) -> Result<T, Fault> {
    match tokio::time::timeout(Duration::from_secs(REQUEST_SECONDS), request).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(cause)) => Err(docker_fault(action, &cause)),
        Err(_) => Err(silent(action, REQUEST_SECONDS)),
    }
}

/// The fault of a request that the daemon refused or failed.
pub(super) fn docker_fault(action: &'static str, cause: &Error) -> Fault {
    let status = match cause {
        Error::DockerResponseServerError { status_code, .. } => Some(*status_code),
        _ => None,
    };
    Fault::Docker { host: host(), action, status, cause: innermost(cause) }
}

/// The fault of a request that the daemon did not answer in time.
pub(super) fn silent(action: &'static str, seconds: u64) -> Fault {
    Fault::DockerSilent { host: host(), action, seconds }
}

/// The HTTP status of the daemon's refusal, if the fault is one.
pub(super) fn status_of(fault: &Fault) -> Option<u16> {
    match fault {
        Fault::Docker { status, .. } => *status,
        _ => None,
    }
}

fn is_permission_denied(error: &Error) -> bool {
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = cause {
        let io = error.downcast_ref::<std::io::Error>();
        if io.is_some_and(|io| io.kind() == std::io::ErrorKind::PermissionDenied) {
            return true;
        }
        cause = error.source();
    }
    false
}

/// The innermost cause of an error, as text.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}
