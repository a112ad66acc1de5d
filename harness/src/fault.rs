//! The arena's own failures. None of them is ever an agent's score.
//!
//! A trial that meets one is tried again in a fresh container; if that does not help, the round ends
//! with status 1, says what broke, and keeps every trial that was finished.

use std::path::PathBuf;

/// What broke, where, and what to do about it.
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
        /// What the attempt came to
        cause: String,
    },
    /// There is a daemon, and it is not ours to use.
    #[error(
        "permission to use the Docker daemon at {host} is denied; add yourself to the group 'docker' \
         ('sudo usermod -aG docker $USER', then log in again) or run as root"
    )]
    NoPermission {
        /// The daemon's address
        host: String,
    },
    /// No image with Python 3.11 is here, and none could be had.
    #[error("no image to run agents in: {0}")]
    Image(String),
    /// The daemon refused or failed a request.
    #[error(
        "Docker at {host} failed to {action}: {cause}; its log says more, and 'harness doctor' tries it out",
        host = crate::sandbox::host(),
        cause = crate::sandbox::innermost(cause)
    )]
    Docker {
        /// What was asked of it
        action: &'static str,
        /// What it answered
        cause: bollard::errors::Error,
    },
    /// The daemon did not answer a request in time.
    #[error(
        "Docker at {host} did not {action} within {seconds} s; look whether it is stopped or overloaded \
         ('harness doctor' tries it out), or take fewer --jobs",
        host = crate::sandbox::host()
    )]
    DockerSilent {
        /// What was asked of it
        action: &'static str,
        /// How long it had
        seconds: u64,
    },
    /// The daemon created a container without a limit that was asked for.
    #[error(
        "the Docker daemon dropped a limit that agents must live under: {0}; mend the host (for the \
         swap limit: boot with 'cgroup_enable=memory swapaccount=1', or use cgroup v2)"
    )]
    LimitDropped(String),
    /// A container ended although nothing here ended it.
    #[error(
        "container {container} ended under a trial (status {status}){errors}; somebody removed it, or the \
         daemon or the host had to end it: nobody but the harness may touch what is called arena-*"
    )]
    ContainerGone {
        /// The first digits of its id
        container: String,
        /// Its exit status as Docker gives it, or what Docker said instead
        status: String,
        /// What the driver printed on stderr before, if anything
        errors: String,
    },
    /// The driver in a container did not answer long after it must have.
    #[error(
        "the driver in container {container} said nothing for {seconds} s; if this machine is overloaded, \
         take fewer --jobs"
    )]
    DriverSilent {
        /// The first digits of its id
        container: String,
        /// How long it had
        seconds: u64,
    },
    /// The canonical solution of a benchmark's problem does not do what it is there for.
    #[error(
        "the canonical solution of {problem} cannot be used: {what}; mend the benchmark's file"
    )]
    Canonical {
        /// The problem's name
        problem: String,
        /// What came of running it
        what: String,
    },
    /// A container's wall-clock time was up, and for a large part of it the machine had not let it run.
    #[error(
        "the time of container {container} was up after {wall_ms} ms, for {starved_ms} ms of which this machine \
         was too busy to let it run; take fewer --jobs, or give the machine less other work"
    )]
    Starved {
        /// The first digits of its id
        container: String,
        /// How long a process of it that could run was kept waiting, by the kernel's account
        starved_ms: u64,
        /// How long it had
        wall_ms: u64,
    },
    /// The driver said what it never should.
    #[error(
        "the driver in container {container} broke the protocol: {what}; should that happen again, the \
         image's Python is not the one that is wanted, or this is a mistake of ours to be reported"
    )]
    Protocol {
        /// The first digits of its id
        container: String,
        /// What was wrong
        what: String,
    },
    /// A file of ours could not be read or written.
    #[error("cannot {action} {}: {cause}", .path.display())]
    File {
        /// What was tried
        action: &'static str,
        /// On which file
        path: PathBuf,
        /// What the system answered
        cause: std::io::Error,
    },
    /// The platform failed a request.
    #[error(transparent)]
    Platform(#[from] platform::client::ClientError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] platform::store::StoreError),
}

impl Fault {
    /// Whether a fresh container may do better.
    pub const fn is_worth_another_attempt(&self) -> bool {
        !matches!(
            self,
            Self::Store(_)
                | Self::File { .. }
                | Self::NoPermission { .. }
                | Self::Image(_)
                | Self::Canonical { .. }
                | Self::LimitDropped(_)
        )
    }

    /// Whether it is the daemon that fails, whatever container is asked for.
    pub const fn is_of_the_daemon(&self) -> bool {
        matches!(self, Self::NoDaemon { .. } | Self::Docker { .. } | Self::DockerSilent { .. })
    }
}
