//! The right to use the daemon for this run.
//!
//! The daemon's socket belongs to a group. A process gets it by running again with that group in addition:
//! through `sg` where the user is a member already and only this login does not know it, else through sudo and
//! `setpriv`. Either way the command goes on as the same user, so files keep their owner, and nothing about
//! the user's account is changed.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::os::unix::fs::MetadataExt as _;

use anyhow::{Context as _, bail};

use super::machine::{Machine, RERUN_VARIABLE};

/// How to start this command again with the right to use the daemon.
#[derive(Debug)]
pub struct Rerun {
    /// Why, and through which program
    pub reason: String,
    /// Program and arguments
    pub command: Vec<OsString>,
}

/// Decides how this command gets the right to use the daemon.
pub fn rerun(machine: &Machine) -> anyhow::Result<Rerun> {
    let (socket, user) = (machine.socket.display(), &machine.account.name);
    if machine.is_rerun {
        bail!("permission to use the Docker daemon at {socket} is still denied to '{user}'");
    }
    let metadata = machine.socket.metadata();
    let gid = metadata.with_context(|| format!("cannot read the owner of {socket}"))?.gid();
    // The database of users can be ahead of this login.
    let member_of = machine.read("id", &["-G", user]).unwrap_or_default();
    let is_member = member_of.split_whitespace().any(|group| group == gid.to_string());
    let group = machine.read("getent", &["group", &gid.to_string()]).unwrap_or_default();
    let group = group.split(':').next().unwrap_or_default().to_owned();
    if is_member && !group.is_empty() && machine.find("sg").is_some() {
        return through_sg(machine, &group);
    }
    if machine.find("sudo").is_some() {
        return through_sudo(machine, gid);
    }
    bail!(
        "permission to use the Docker daemon at {socket} is denied to '{user}', and sudo is not installed: \
         run as root, or have root run 'usermod -aG docker {user}' and log in again"
    )
}

fn through_sg(machine: &Machine, group: &str) -> anyhow::Result<Rerun> {
    let mut line = format!("exec env {RERUN_VARIABLE}=1").into();
    for word in &machine.command {
        push_quoted(&mut line, word);
    }
    Ok(Rerun {
        reason: format!(
            "running again through 'sg {group}': '{}' is a member of the group '{group}', which may use \
             Docker, but this login began before that",
            machine.account.name
        ),
        command: vec![path_of(machine, "sg")?, group.into(), "-c".into(), line],
    })
}

fn through_sudo(machine: &Machine, gid: u32) -> anyhow::Result<Rerun> {
    let account = &machine.account;
    let groups: BTreeSet<u32> = account.groups.iter().copied().chain([account.gid, gid]).collect();
    let groups: Vec<_> = groups.iter().map(ToString::to_string).collect();
    let mut path = OsString::from("PATH=");
    path.push(std::env::var_os("PATH").unwrap_or_default());
    let mut home = OsString::from("HOME=");
    home.push(std::env::var_os("HOME").unwrap_or_default());
    let mut command: Vec<OsString> = vec![
        path_of(machine, "sudo")?,
        "--preserve-env".into(),
        "setpriv".into(),
        format!("--reuid={}", account.uid).into(),
        format!("--regid={}", account.gid).into(),
        format!("--groups={}", groups.join(",")).into(),
        "env".into(),
        // sudo replaces both, also when it preserves the rest.
        path,
        home,
        format!("{RERUN_VARIABLE}=1").into(),
    ];
    command.extend(machine.command.iter().cloned());
    let name = &account.name;
    Ok(Rerun {
        reason: format!(
            "running again through sudo: '{name}' is not in the group that may use Docker, so this run gets \
             that group in addition, still as '{name}'. To do without sudo: 'sudo usermod -aG docker {name}' and \
             log in again; members of that group control the whole machine"
        ),
        command,
    })
}

fn path_of(machine: &Machine, program: &str) -> anyhow::Result<OsString> {
    let path = machine.find(program).with_context(|| format!("'{program}' is not installed"))?;
    Ok(path.into_os_string())
}

/// Appends a space and a word for `sh`.
fn push_quoted(line: &mut OsString, word: &OsStr) {
    use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
    let mut quoted = b" '".to_vec();
    for byte in word.as_bytes() {
        match byte {
            b'\'' => quoted.extend_from_slice(br"'\''"),
            byte => quoted.push(*byte),
        }
    }
    quoted.push(b'\'');
    line.push(OsString::from_vec(quoted));
}
