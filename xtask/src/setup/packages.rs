//! Packages of the distribution.

use anyhow::{Context as _, ensure};

use super::machine::Machine;
use crate::children;

/// The packages of the programs that are not installed. `needed` pairs a program with its Debian package.
pub fn missing(machine: &Machine, needed: &[(&str, &str)]) -> Vec<String> {
    let missing = needed.iter().filter(|(program, _)| machine.find(program).is_none());
    missing.map(|(_, package)| (*package).to_owned()).collect()
}

/// Installs packages with apt-get.
pub fn install(machine: &Machine, packages: &[String]) -> anyhow::Result<()> {
    let list = packages.join(" ");
    ensure!(
        machine.find("apt-get").is_some(),
        "cannot install {list}: this system has no apt-get; install them by hand"
    );
    let purpose = format!("'apt-get install {list}'");
    let mut update = machine.root_command("apt-get", &purpose)?;
    update.args(["update", "-qq"]);
    let mut install = machine.root_command("env", &purpose)?;
    install.args(["DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "-y", "-qq"]);
    install.arg("--no-install-recommends").args(packages);
    machine.confirm(&format!("install {list} with apt-get"))?;
    // An index that cannot be updated may still be good enough to install from.
    children::run(update)?;
    let status = children::run(install).with_context(|| format!("cannot install {list}"))?;
    ensure!(status.success(), "apt-get could not install {list} ({status}); see its output above");
    Ok(())
}
