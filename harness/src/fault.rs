//! Failures of the arena. None of them is ever an agent's score.
//!
//! A trial that ends in a fault is tried again in a fresh container. If the fault persists, the round ends
//! with status 1, reports the fault, and keeps every finished trial.

use std::path::PathBuf;

/// What failed, where, and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// Nothing answers at the daemon's address.
    #[error(
        "no Docker daemon answers at {host} ({cause}); start it ('systemctl start docker', or \
         'cargo xtask demo --setup'), or point DOCKER_HOST at one"
    )]
    NoDaemon {
        /// The daemon's address
        host: String,
        /// Why the connection failed
        cause: String,
    },
    /// The daemon refuses this user.
    #[error(
        "permission to use the Docker daemon at {host} is denied; add yourself to the group 'docker' \
         ('sudo usermod -aG docker $USER', then log in again) or run as root"
    )]
    NoPermission {
        /// The daemon's address
        host: String,
    },
    /// No image with Python 3.11 is on the daemon, and none can be pulled or built.
    #[error("no image to run agents in: {0}")]
    Image(String),
    /// The daemon refused or failed a request.
    #[error(
        "Docker at {host} failed to {action}: {cause}; see the daemon's log, and run 'arena doctor' to test it"
    )]
    Docker {
        /// The daemon's address
        host: String,
        /// The request
        action: &'static str,
        /// The HTTP status of a refusal
        status: Option<u16>,
        /// The daemon's answer, or why there is none
        cause: String,
    },
    /// The daemon did not answer a request in time.
    #[error(
        "Docker at {host} did not {action} within {seconds} s; check whether it is stopped or overloaded \
         ('arena doctor' tests it), or use fewer --jobs"
    )]
    DockerSilent {
        /// The daemon's address
        host: String,
        /// The request
        action: &'static str,
        /// The time limit
        seconds: u64,
    },
    /// The daemon created a container without a limit that was requested.
    #[error(
        "the Docker daemon dropped a limit that agents must run under: {0}; fix the host (for the \
         swap limit: boot with 'cgroup_enable=memory swapaccount=1', or use cgroup v2)"
    )]
    LimitDropped(String),
    /// A container ended although the harness did not end it.
    #[error(
        "container {container} ended under a trial (status {status}){errors}; it was removed by someone, or ended by \
         the daemon or the host: only the arena may touch containers named arena-*"
    )]
    ContainerGone {
        /// The first digits of its id
        container: String,
        /// Its exit status as Docker reports it, or Docker's error
        status: String,
        /// The last line of the driver's stderr, if any
        errors: String,
    },
    /// The driver in a container did not answer long after its deadline.
    #[error(
        "the driver in container {container} sent nothing for {seconds} s; if this machine is overloaded, \
         use fewer --jobs"
    )]
    DriverSilent {
        /// The first digits of its id
        container: String,
        /// The time limit
        seconds: u64,
    },
    /// A container may use more memory than there is.
    #[error(
        "Docker at {host} has {} MiB of memory, and an answer may use {} MiB; choose less with --memory",
        .total_bytes >> 20,
        .memory_bytes >> 20
    )]
    TooLittleMemory {
        /// The daemon's address
        host: String,
        /// The memory of its machine, in bytes
        total_bytes: u64,
        /// The limit of a container, in bytes
        memory_bytes: u64,
    },
    /// A container's wall-clock time was up, and for a large part of it the machine had not let it run.
    #[error(
        "the time of container {container} was up after {wall_ms} ms, for {starved_ms} ms of which this machine \
         was too busy to let it run; use fewer --jobs, or reduce the machine's other load"
    )]
    Starved {
        /// The first digits of its id
        container: String,
        /// How long the kernel kept a runnable process of the container waiting
        starved_ms: u64,
        /// The time limit
        wall_ms: u64,
    },
    /// The driver sent something that the protocol does not allow.
    #[error(
        "the driver in container {container} broke the protocol: {what}; if it happens again, the \
         image's Python is not the expected one, or this is a bug to be reported"
    )]
    Protocol {
        /// The first digits of its id
        container: String,
        /// What was wrong
        what: String,
    },
    /// A file of the arena could not be read or written.
    #[error("cannot {action} {}: {cause}", .path.display())]
    File {
        /// The operation
        action: &'static str,
        /// The file
        path: PathBuf,
        /// The system's answer
        cause: std::io::Error,
    },
    /// The provider of the model that agents may ask does not answer in this round.
    #[error(
        "{model} does not answer: {why}; this trial was asking it, and continues when 'arena evaluate' runs again"
    )]
    Model {
        /// The model
        model: String,
        /// What the provider or the host's own request to it showed
        why: String,
    },
    /// A response of the model broke off after a part of it had reached the agent.
    #[error("a response of {model} broke off: {why}")]
    ModelBrokeOff {
        /// The model
        model: String,
        /// How it broke off
        why: String,
    },
    /// A replay has no response to a request.
    #[error(
        "{} has no recording of the request {request}; record it with --model-mode record",
        .directory.display()
    )]
    NoRecording {
        /// The directory of recordings
        directory: PathBuf,
        /// The request
        request: String,
    },
    /// What was asked and answered cannot be kept.
    #[error("the exchanges with the model cannot be kept: {0}")]
    ModelJournal(String),
    /// A batch of trials was given to several workers, and trials of it have no record.
    #[error("the batch {batch} was given to {deliveries} workers, and none finished it: {why}")]
    Batch {
        /// The batch
        batch: String,
        /// How often it was given to a worker
        deliveries: u32,
        /// What the last worker reported
        why: String,
    },
    /// The server between the machines of a round failed a request.
    #[error("NATS at {url} failed to {action}: {cause}")]
    Queue {
        /// The server's address
        url: String,
        /// The request
        action: &'static str,
        /// Its answer, or why there is none
        cause: String,
    },
    /// The platform failed a request.
    #[error(transparent)]
    Platform(#[from] platform::client::ClientError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] platform::store::StoreError),
}

impl Fault {
    /// Whether another attempt in a fresh container may succeed.
    pub const fn is_retryable(&self) -> bool {
        !matches!(
            self,
            Self::Store(_)
                | Self::File { .. }
                | Self::NoPermission { .. }
                | Self::Image(_)
                | Self::TooLittleMemory { .. }
                | Self::LimitDropped(_)
                | Self::Model { .. }
                | Self::NoRecording { .. }
                | Self::ModelJournal(_)
        )
    }

    /// Whether the daemon itself fails, whichever container is requested.
    pub const fn is_daemon_failure(&self) -> bool {
        matches!(self, Self::NoDaemon { .. } | Self::Docker { .. } | Self::DockerSilent { .. })
    }
}
