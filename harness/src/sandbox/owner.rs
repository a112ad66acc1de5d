//! Whose containers are whose.
//!
//! Every container carries a label that names the process that made it. A process is known by machine,
//! boot, process namespace, number and start time, so a number that was given out again does not pass
//! for its former holder. Only containers of an owner that is certainly dead are ever removed: one of
//! another machine on a shared daemon may well be alive.

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
/// The label that holds when, in Unix seconds, the container should be gone. For people: clocks differ
/// between machines, so nothing is decided by it.
const DEADLINE: &str = "arena.deadline";

/// The process that made a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Owner {
    machine: String,
    boot: String,
    namespace: String,
    process: u32,
    started: String,
}

impl Owner {
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
pub(super) struct Run {
    owner: Owner,
    id: String,
}

impl Run {
    /// A new run of this process.
    pub(super) fn new() -> Self {
        Self { owner: Owner::current(), id: format!("{:032x}", rand::random::<u128>()) }
    }

    /// The labels of a container that this run makes and will not need for longer than `seconds`.
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

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { machine, boot, namespace, process, started } = self;
        write!(f, "{machine}/{boot}/{namespace}/{process}/{started}")
    }
}

impl FromStr for Owner {
    type Err = ();

    fn from_str(label: &str) -> Result<Self, ()> {
        let parts: Vec<_> = label.split('/').map(str::to_owned).collect();
        let [machine, boot, namespace, process, started] = parts.try_into().map_err(|_| ())?;
        let process = process.parse().map_err(|_| ())?;
        Ok(Self { machine, boot, namespace, process, started })
    }
}

/// A container of some harness on the daemon.
#[derive(Clone, Debug)]
pub struct Leftover {
    /// The first digits of its id.
    pub container: String,
    /// Whether its owner is dead and it was removed.
    pub removed: bool,
}

/// Finds the containers that harnesses left behind, and removes those whose owner is dead.
pub async fn remove_leftovers(engine: &dyn Engine) -> Result<Vec<Leftover>, Fault> {
    let here = Owner::current();
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

/// Removes every container that this run made. One that cannot be removed does not keep the others.
pub(super) async fn remove_own(engine: &dyn Engine, run: &Run) -> Result<(), Fault> {
    let mut removed = Ok(());
    for (id, _) in labelled(engine, &format!("{RUN}={}", run.id)).await? {
        removed = removed.and(remove(engine, &id).await);
    }
    removed
}

/// Removes a container by force. That it is gone already, or is just going, is as good.
pub(super) async fn remove(engine: &dyn Engine, id: &str) -> Result<(), Fault> {
    match ask("remove a container", engine.remove(id)).await {
        Err(fault) if !matches!(status_of(&fault), Some(404 | 409)) => Err(fault),
        _ => Ok(()),
    }
}

/// The containers with this label, and their owners.
async fn labelled(engine: &dyn Engine, label: &str) -> Result<Vec<(String, Option<Owner>)>, Fault> {
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

/// When a process started, in ticks since boot: field 22 of its `stat`, of which the second may hold
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
    fn an_owner_survives_its_label() {
        let owner = Owner::current();
        assert_eq!(owner.to_string().parse(), Ok(owner));
        for wrong in ["", "a/b/c", "a/b/c/x/e", "a/b/c/1/e/f"] {
            assert_eq!(wrong.parse::<Owner>(), Err(()), "{wrong:?} was accepted");
        }
    }

    #[test]
    fn only_a_certainly_dead_owner_is_dead() {
        let here = Owner::current();
        let other = |change: fn(&mut Owner)| {
            let mut owner = here.clone();
            change(&mut owner);
            owner.is_dead(&here)
        };
        assert!(!other(|_| {}), "this process lives");
        assert!(other(|o| o.started.push('1')), "the number was given out again");
        assert!(other(|o| o.process = u32::MAX), "there is no such process");
        assert!(other(|o| o.boot.push('x')), "the machine was booted since");
        assert!(!other(|o| o.machine.push('x')), "another machine's may be alive");
        assert!(!other(|o| o.namespace.push('1')), "another namespace's cannot be seen");
    }
}
