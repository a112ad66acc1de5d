//! Which process owns which container.
//!
//! Every container has a label that names the process that created it. A process is identified by machine,
//! boot, process namespace, process id and start time, so a reused process id does not match. Only containers of an
//! owner that is certainly dead are removed: an owner on another machine that shares the daemon may be alive.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;

use super::daemon::{ask, status_of};
use super::engine::Engine;
use crate::Fault;

/// The label that holds the owner.
const OWNER: &str = "arena.owner";
/// The label that holds the run: a process may have several sandboxes at the same time.
const RUN: &str = "arena.run";
/// The label that holds when, in Unix seconds, the container should be gone. Only people read it: clocks differ
/// between machines, so no decision uses it.
const DEADLINE: &str = "arena.deadline";

/// The process that created a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ContainerOwner {
    machine: String,
    boot: String,
    namespace: String,
    process: u32,
    started: String,
}

impl ContainerOwner {
    /// This process.
    pub(super) fn current() -> Self {
        let process = std::process::id();
        Self {
            machine: read("/etc/machine-id"),
            boot: read("/proc/sys/kernel/random/boot_id"),
            namespace: namespace(),
            process,
            started: start_time(process).unwrap_or_default(),
        }
    }

    /// Whether this owner is certainly dead, as seen from `here`.
    fn is_dead(&self, here: &Self) -> bool {
        if self.machine != here.machine || self.machine.is_empty() {
            return false;
        }
        if self.boot != here.boot {
            return true;
        }
        self.namespace == here.namespace
            && start_time(self.process).is_none_or(|started| started != self.started)
    }
}

/// One sandbox of a process.
pub(super) struct SandboxRun {
    owner: ContainerOwner,
    id: String,
}

impl SandboxRun {
    /// A new run of this process.
    pub(super) fn new() -> Self {
        Self { owner: ContainerOwner::current(), id: format!("{:032x}", rand::random::<u128>()) }
    }

    /// The labels of a container of this run that is needed for at most `seconds`.
    pub(super) fn labels(&self, seconds: u64) -> HashMap<String, String> {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let deadline = now.map_or(0, |now| now.as_secs()) + seconds;
        HashMap::from([
            (OWNER.to_owned(), self.owner.to_string()),
            (RUN.to_owned(), self.id.clone()),
            (DEADLINE.to_owned(), deadline.to_string()),
        ])
    }
}

impl fmt::Display for ContainerOwner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { machine, boot, namespace, process, started } = self;
        write!(f, "{machine}/{boot}/{namespace}/{process}/{started}")
    }
}

impl FromStr for ContainerOwner {
    type Err = ();

    fn from_str(label: &str) -> Result<Self, ()> {
        let parts: Vec<_> = label.split('/').map(str::to_owned).collect();
        let [machine, boot, namespace, process, started] = parts.try_into().map_err(|_| ())?;
        let process = process.parse().map_err(|_| ())?;
        Ok(Self { machine, boot, namespace, process, started })
    }
}

/// A container that another run created.
#[derive(Clone, Debug)]
pub struct Leftover {
    /// The first digits of its id.
    pub container: String,
    /// Whether its owner is dead and it was removed.
    pub removed: bool,
}

/// Finds the containers of other runs, and removes those whose owner is dead.
pub async fn remove_leftovers(engine: &dyn Engine) -> Result<Vec<Leftover>, Fault> {
    let here = ContainerOwner::current();
    let mut leftovers = Vec::new();
    for (id, owner) in labelled(engine, OWNER).await? {
        if owner.as_ref() == Some(&here) {
            continue;
        }
        let dead = owner.is_some_and(|owner| owner.is_dead(&here));
        if dead {
            remove(engine, &id).await?;
        }
        leftovers.push(Leftover { container: id[..12].to_owned(), removed: dead });
    }
    Ok(leftovers)
}

/// Removes every container of this run. The first failure is returned after all of them were tried.
pub(super) async fn remove_own(engine: &dyn Engine, run: &SandboxRun) -> Result<(), Fault> {
    let mut removed = Ok(());
    for id in own(engine, run).await? {
        removed = removed.and(remove(engine, &id).await);
    }
    removed
}

/// The ids of the containers of this run.
pub(super) async fn own(engine: &dyn Engine, run: &SandboxRun) -> Result<Vec<String>, Fault> {
    let own = labelled(engine, &format!("{RUN}={}", run.id)).await?;
    Ok(own.into_iter().map(|(id, _)| id).collect())
}

/// Removes a container by force. One that is gone already, or is being removed, counts as removed.
pub(super) async fn remove(engine: &dyn Engine, id: &str) -> Result<(), Fault> {
    match ask("remove a container", engine.remove(id)).await {
        Err(fault) if !matches!(status_of(&fault), Some(404 | 409)) => Err(fault),
        _ => Ok(()),
    }
}

/// The containers with this label, and their owners.
async fn labelled(
    engine: &dyn Engine,
    label: &str,
) -> Result<Vec<(String, Option<ContainerOwner>)>, Fault> {
    let containers = ask("list containers", engine.list(label)).await?;
    let owner = |labels: Option<HashMap<String, String>>| labels?.get(OWNER)?.parse().ok();
    let known = |c: bollard::models::ContainerSummary| Some((c.id?, owner(c.labels)));
    Ok(containers.into_iter().filter_map(known).collect())
}

fn read(path: &str) -> String {
    std::fs::read_to_string(path).unwrap_or_default().trim().to_owned()
}

fn namespace() -> String {
    let link = std::fs::read_link("/proc/self/ns/pid").unwrap_or_default();
    link.to_string_lossy().chars().filter(char::is_ascii_digit).collect()
}

/// When a process started, in ticks since boot: field 22 of its `stat`, of which the second may contain
/// spaces and brackets.
fn start_time(process: u32) -> Option<String> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let (_, fields) = stat.rsplit_once(") ")?;
    fields.split(' ').nth(19).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owner_round_trips_through_its_label() {
        let owner = ContainerOwner::current();
        assert_eq!(owner.to_string().parse(), Ok(owner));
        for wrong in ["", "a/b/c", "a/b/c/x/e", "a/b/c/1/e/f"] {
            assert_eq!(wrong.parse::<ContainerOwner>(), Err(()), "{wrong:?} was accepted");
        }
    }

    #[test]
    fn only_a_certainly_dead_owner_counts_as_dead() {
        let here = ContainerOwner::current();
        let other = |change: fn(&mut ContainerOwner)| {
            let mut owner = here.clone();
            change(&mut owner);
            owner.is_dead(&here)
        };
        assert!(!other(|_| {}), "this process is alive");
        assert!(other(|o| o.started.push('1')), "the process id was reused");
        assert!(other(|o| o.process = u32::MAX), "no such process");
        assert!(other(|o| o.boot.push('x')), "the machine was rebooted");
        assert!(!other(|o| o.machine.push('x')), "a process of another machine may be alive");
        assert!(!other(|o| o.namespace.push('1')), "a process of another namespace cannot be seen");
    }
}
