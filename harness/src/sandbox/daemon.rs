//! The way to the Docker daemon, and what it means when there is none.

use std::fmt;
use std::future::Future;
use std::time::Duration;

use bollard::Docker;
use bollard::errors::Error;

use crate::Fault;

/// How long the daemon may take for one request. It is long, because a request on a starved machine is
/// no reason to give up, and finite, because a stopped daemon must not stop us for ever.
pub(super) const REQUEST_SECONDS: u64 = 60;

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
        Error::SocketNotFoundError(path) => no_daemon(format!("there is no socket {path}")),
        cause => no_daemon(innermost(&cause)),
    })?;
    let docker = docker.with_timeout(Duration::from_secs(REQUEST_SECONDS));
    match docker.negotiate_version().await {
        Ok(docker) => Ok(docker),
        Err(cause) if is_permission_denied(&cause) => Err(Fault::NoPermission { host }),
        Err(cause) => Err(no_daemon(innermost(&cause))),
    }
}

/// What a daemon says of itself.
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

/// Asks the daemon about itself.
pub async fn daemon_facts() -> Result<DaemonFacts, Fault> {
    let docker = connect().await?;
    let version = ask("tell its version", docker.version()).await?;
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

/// Asks the daemon for something, within a time.
pub(super) async fn ask<T>(
    action: &'static str,
    request: impl Future<Output = Result<T, Error>>,
) -> Result<T, Fault> {
    match tokio::time::timeout(Duration::from_secs(REQUEST_SECONDS), request).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(cause)) => Err(Fault::Docker { action, cause }),
        Err(_) => Err(Fault::DockerSilent { action, seconds: REQUEST_SECONDS }),
    }
}

/// The HTTP status of the daemon's refusal, if it was one.
pub(super) fn status_of(fault: &Fault) -> Option<u16> {
    match fault {
        Fault::Docker { cause: Error::DockerResponseServerError { status_code, .. }, .. } => {
            Some(*status_code)
        }
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

/// What an error comes down to.
pub(crate) fn innermost(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}
