//! The Docker daemon: what state it is in, and how it is started.

use std::fmt;
use std::fs;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

use super::machine::Machine;
use crate::children;

/// What makes an image where there is none.
pub const IMAGE_HINT: &str = "'cargo xtask image' pulls or builds it";
/// The images that `arena` uses unless `ARENA_IMAGE` names another: the official one and the one it builds.
const IMAGES: [&str; 2] = ["python:3.11-slim", "arena/python:3.11-bookworm"];
/// How long the daemon may take for a request.
const REQUEST: Duration = Duration::from_secs(20);
/// How often a daemon that was just started is asked whether it is up.
const ASK_EVERY: Duration = Duration::from_millis(200);
/// Lines of the daemon's log in an error.
const LOG_LINES: &str = "12";

/// State of the daemon, as far as this process can see it.
#[derive(Debug, PartialEq, Eq)]
pub enum DaemonState {
    /// It answers.
    Works,
    /// No daemon runs, and no program can start one.
    NotInstalled,
    /// Docker is installed, and no daemon runs.
    NotRunning,
    /// There is a daemon, and this user may not use it.
    NoPermission,
    /// `DOCKER_HOST` is set, and no daemon answers there.
    HostUnreachable {
        /// Value of `DOCKER_HOST`
        host: String,
        /// Why
        cause: String,
    },
    /// Something listens on the socket, but does not answer as a daemon does.
    Silent {
        /// Why
        cause: String,
    },
}

impl fmt::Display for DaemonState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Works => f.write_str("the daemon works"),
            Self::NotInstalled => f.write_str("it is not installed"),
            Self::NotRunning => f.write_str(
                "it is installed, but its daemon does not run: start it with 'systemctl start docker' or 'dockerd'",
            ),
            Self::NoPermission => f.write_str(
                "this user has no permission to use the daemon: run as root, or join the group 'docker' ('sudo \
                 usermod -aG docker $USER') and log in again",
            ),
            Self::HostUnreachable { host, cause } => write!(
                f,
                "no Docker daemon can be used at DOCKER_HOST={host} ({cause}); nothing was installed or started: \
                 make that daemon available, or unset DOCKER_HOST"
            ),
            Self::Silent { cause } => write!(
                f,
                "something listens on the Docker socket but does not answer ({cause}); it was left alone: see the \
                 daemon's log"
            ),
        }
    }
}

/// Finds out the state of the daemon. Changes nothing.
pub fn probe(machine: &Machine) -> DaemonState {
    let answer = request(machine, "/_ping");
    if let Some(host) = &machine.docker_host {
        return match answer {
            Ok(200) => DaemonState::Works,
            Ok(status) => unreachable(host, &format!("it answered with status {status}")),
            Err(error) => unreachable(host, &error.to_string()),
        };
    }
    match answer {
        Ok(200) => DaemonState::Works,
        Ok(status) => DaemonState::Silent { cause: format!("it answered with status {status}") },
        Err(error) => match error.kind() {
            ErrorKind::PermissionDenied => DaemonState::NoPermission,
            ErrorKind::NotFound | ErrorKind::ConnectionRefused => match machine.find("dockerd") {
                Some(_) => DaemonState::NotRunning,
                None => DaemonState::NotInstalled,
            },
            _ => DaemonState::Silent { cause: error.to_string() },
        },
    }
}

/// Whether the daemon has an image to run agents in.
pub fn has_image(machine: &Machine) -> bool {
    let chosen = std::env::var("ARENA_IMAGE").ok();
    let names = chosen.as_deref().map_or(IMAGES.to_vec(), |name| vec![name]);
    names.iter().any(|name| matches!(request(machine, &format!("/images/{name}/json")), Ok(200)))
}

/// Starts the daemon unless one runs, and waits until it answers. Returns its state, which is
/// [`DaemonState::Works`] or [`DaemonState::NoPermission`], or one that starting it cannot change.
pub fn ensure_running(machine: &Machine) -> anyhow::Result<DaemonState> {
    match probe(machine) {
        DaemonState::NotRunning => {}
        DaemonState::NotInstalled => {
            bail!("Docker was installed, but PATH, /usr/sbin and /sbin hold no dockerd")
        }
        state => return Ok(state),
    }
    // A package's own script may have started one a moment ago.
    if running_daemon(machine).is_some() {
        return wait(machine, None);
    }
    let started = if machine.systemd_dir.exists() && machine.find("systemctl").is_some() {
        start_with_systemd(machine)?;
        None
    } else {
        Some(start_alone(machine)?)
    };
    wait(machine, started)
}

fn start_with_systemd(machine: &Machine) -> anyhow::Result<()> {
    let mut start = machine.root_command("systemctl", "starting the Docker daemon")?;
    machine.confirm("start the Docker daemon with systemctl")?;
    start.args(["start", "docker"]);
    let status = children::run(start)?;
    if status.success() {
        return Ok(());
    }
    let log = machine.root_command("journalctl", "reading the log").and_then(|mut journal| {
        journal.args(["--unit", "docker", "--no-pager", "--lines", LOG_LINES]);
        Ok(String::from_utf8_lossy(&journal.output()?.stdout).into_owned())
    });
    bail!("'systemctl start docker' ended with {status}\n{}", log.unwrap_or_default().trim_end())
}

/// Starts the daemon without an init system, in a session of its own, so that it outlives this terminal.
/// Returns its process id. The log is appended to: it may be that of an earlier daemon.
fn start_alone(machine: &Machine) -> anyhow::Result<u32> {
    const SCRIPT: &str = "echo \"cargo xtask starts dockerd: $(date)\" >>\"$1\" && \
                          { setsid dockerd >>\"$1\" 2>&1 </dev/null & echo $!; }";
    let mut start = machine.root_command("sh", "starting the Docker daemon")?;
    machine.confirm("start the Docker daemon")?;
    start.args(["-c", SCRIPT, "sh"]).arg(&machine.daemon_log);
    let output = start.stdin(Stdio::inherit()).stderr(Stdio::inherit()).output()?;
    let pid = String::from_utf8_lossy(&output.stdout);
    pid.trim().parse().with_context(|| format!("cannot start dockerd ({})", output.status))
}

/// Waits until the daemon answers. Ends at once if the process that was started does.
fn wait(machine: &Machine, started: Option<u32>) -> anyhow::Result<DaemonState> {
    let began = Instant::now();
    loop {
        match probe(machine) {
            DaemonState::NotRunning | DaemonState::Silent { .. } => {}
            state => return Ok(state),
        }
        if started.is_some_and(|pid| !is_running(pid)) {
            bail!(
                "dockerd ended right after its start; the end of its log:\n{}",
                log_tail(machine)
            );
        }
        if children::interrupted() {
            bail!("interrupted while waiting for the Docker daemon");
        }
        if began.elapsed() > machine.daemon_start {
            let seconds = machine.daemon_start.as_secs();
            let socket = machine.socket.display();
            match (started, running_daemon(machine)) {
                (None, Some(pid)) => bail!(
                    "dockerd runs as process {pid}, but does not answer at {socket}; it was left alone. If it \
                     listens elsewhere, set DOCKER_HOST"
                ),
                _ => bail!(
                    "the Docker daemon does not answer at {socket} {seconds} s after its start; the end of its \
                     log:\n{}",
                    log_tail(machine)
                ),
            }
        }
        std::thread::sleep(ASK_EVERY);
    }
}

/// The process id of a daemon that runs, by its pid files.
fn running_daemon(machine: &Machine) -> Option<u32> {
    let pids = machine
        .pid_files
        .iter()
        .filter_map(|path| fs::read_to_string(path).ok()?.trim().parse::<u32>().ok());
    let is_dockerd = |pid: &u32| {
        fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name.trim() == "dockerd")
    };
    pids.into_iter().find(|pid| is_running(*pid) && is_dockerd(pid))
}

/// Whether a process runs; one that ended and was not waited for yet does not.
fn is_running(pid: u32) -> bool {
    match fs::read_to_string(format!("/proc/{pid}/stat")) {
        // PID (NAME) STATE …; the name can hold anything.
        Ok(stat) => {
            !matches!(stat.rsplit(')').next().map(str::trim_start), Some(rest) if rest.starts_with(['Z', 'X']))
        }
        // Where /proc hides the processes of others, nothing is known.
        Err(_) => !Path::new("/proc/1/stat").exists(),
    }
}

fn log_tail(machine: &Machine) -> String {
    let tail = || {
        let mut tail = machine.root_command("tail", "reading the daemon's log")?;
        let output = tail.args(["-n", LOG_LINES]).arg(&machine.daemon_log).output()?;
        anyhow::Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
    };
    tail().unwrap_or_else(|error| format!("({}: {error:#})", machine.daemon_log.display()))
}

fn unreachable(host: &str, cause: &str) -> DaemonState {
    DaemonState::HostUnreachable { host: host.to_owned(), cause: cause.to_owned() }
}

/// Sends a GET request to the daemon and returns the status of its response.
fn request(machine: &Machine, path: &str) -> io::Result<u16> {
    let Some(host) = &machine.docker_host else {
        return request_on_socket(machine, &machine.socket, path);
    };
    if let Some(socket) = host.strip_prefix("unix://") {
        return request_on_socket(machine, Path::new(socket), path);
    }
    let address = host.strip_prefix("tcp://").or_else(|| host.strip_prefix("http://"));
    let address = address.ok_or_else(|| {
        io::Error::new(ErrorKind::Unsupported, "expected unix://, tcp:// or http://")
    })?;
    let address = address.trim_end_matches('/').to_socket_addrs()?.next();
    let address = address.ok_or_else(|| io::Error::from(ErrorKind::HostUnreachable))?;
    let stream = TcpStream::connect_timeout(&address, REQUEST)?;
    stream.set_read_timeout(Some(REQUEST))?;
    stream.set_write_timeout(Some(REQUEST))?;
    exchange(stream, path)
}

fn request_on_socket(machine: &Machine, socket: &Path, path: &str) -> io::Result<u16> {
    let stream = (machine.connect)(socket)?;
    stream.set_read_timeout(Some(REQUEST))?;
    stream.set_write_timeout(Some(REQUEST))?;
    exchange(stream, path)
}

fn exchange(mut stream: impl Read + Write, path: &str) -> io::Result<u16> {
    stream.write_all(format!("GET {path} HTTP/1.0\r\nHost: docker\r\n\r\n").as_bytes())?;
    // "HTTP/1.0 200" is all that counts.
    let mut start = [0; 12];
    stream.read_exact(&mut start)?;
    let status = std::str::from_utf8(&start[9..]).ok().and_then(|digits| digits.parse().ok());
    status.ok_or_else(|| io::Error::new(ErrorKind::InvalidData, "the response is not HTTP"))
}
