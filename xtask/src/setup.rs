//! Set-up of a fresh machine: packages, Docker Engine, its daemon, the right to use it, the image.
//!
//! Nothing is installed or started without `--setup`; without it, everything that is missing is listed at once.
//! A daemon that runs is never touched.

pub mod access;
pub mod daemon;
pub mod machine;
pub mod packages;

use std::fmt::Write as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail, ensure};
use xshell::{Cmd, Shell, cmd};

use crate::children;
use access::Rerun;
use daemon::DaemonState;
use machine::Machine;

/// Package of Docker Engine in Debian and Ubuntu.
const DOCKER_PACKAGE: &str = "docker.io";

/// Whether missing things may be installed.
#[derive(clap::Args)]
pub struct Consent {
    /// Install what is missing: packages of the distribution, Docker Engine, its daemon, the image. Asks first
    /// on a terminal. Without it, everything that is missing is listed
    #[arg(long)]
    pub setup: bool,
}

/// What a command needs apart from Docker.
#[derive(Default)]
pub struct Needs {
    /// Packages of the distribution that are not installed
    pub packages: Vec<String>,
    /// Descriptions of other missing things, which the command installs itself
    pub others: Vec<String>,
}

/// What is left to do after [`prepare`].
#[derive(Debug)]
pub enum Readiness {
    /// The daemon can be used by this process.
    Ready,
    /// The daemon can be used by another process of this command.
    NeedsRerun(Rerun),
}

/// Packages and features of every build and test. Cargo chooses the features of dependencies by them, so with another
/// selection it builds most dependencies, and the libraries, once more.
pub const SELECTION: [&str; 3] =
    ["--workspace", "--features", "arena/outside-tools,platform/outside-tools,miner/outside-tools"];
/// The binary that [`build`] builds.
pub const ARENA: &str = "target/debug/arena";

/// Makes the machine ready to run agents, and builds `arena`.
pub fn run(sh: &Shell, consent: &Consent, needs: &Needs) -> anyhow::Result<()> {
    prepare_or_rerun(consent, needs)?;
    // Not `--quiet`: the first build takes minutes, and should show its progress.
    build(sh).quiet().run()?;
    let mut image = Command::from(cmd!(sh, "{ARENA} image").quiet());
    // Its progress is on stderr; its stdout is for programs.
    image.stdout(Stdio::null());
    ensure!(children::run(image)?.success(), "no image to run agents in; see the lines above");
    Ok(())
}

/// The build of `arena`.
pub fn build(sh: &Shell) -> Cmd<'_> {
    cmd!(sh, "cargo build {SELECTION...} --bin arena")
}

/// Makes the machine ready to build and to run agents.
///
/// Where this process has no permission to use the daemon, it is replaced by one of the same command that has.
pub fn prepare_or_rerun(consent: &Consent, needs: &Needs) -> anyhow::Result<()> {
    let machine = Machine::this()?;
    if let Readiness::NeedsRerun(rerun) = prepare(&machine, consent, needs)? {
        eprintln!("{}", rerun.reason);
        let (program, arguments) = rerun.command.split_first().context("a rerun has a program")?;
        let error = Command::new(program).args(arguments).exec();
        return Err(error).with_context(|| format!("cannot run {}", program.display()));
    }
    Ok(())
}

/// Finds out what the machine lacks. With consent it is installed and started, without it listed in an error.
pub fn prepare(machine: &Machine, consent: &Consent, needs: &Needs) -> anyhow::Result<Readiness> {
    let state = daemon::probe(machine);
    if let DaemonState::HostUnreachable { .. } | DaemonState::Silent { .. } = state {
        bail!("{state}");
    }
    if !consent.setup {
        list_missing(machine, &state, needs)?;
        return Ok(Readiness::Ready);
    }
    let mut packages = needs.packages.clone();
    if let DaemonState::NotInstalled = state {
        packages.push(DOCKER_PACKAGE.to_owned());
    }
    if !packages.is_empty() {
        packages::install(machine, &packages)?;
    }
    match daemon::ensure_running(machine)? {
        DaemonState::Works => Ok(Readiness::Ready),
        DaemonState::NoPermission => Ok(Readiness::NeedsRerun(access::rerun(machine)?)),
        state => bail!("{state}"),
    }
}

/// Fails with a list if anything is missing.
fn list_missing(machine: &Machine, state: &DaemonState, needs: &Needs) -> anyhow::Result<()> {
    let mut missing = Vec::new();
    let mut packages = needs.packages.clone();
    if let DaemonState::NotInstalled = state {
        packages.push(DOCKER_PACKAGE.to_owned());
    }
    if !packages.is_empty() {
        missing.push(format!("packages: apt-get install {}", packages.join(" ")));
    }
    missing.extend(needs.others.iter().cloned());
    match state {
        DaemonState::Works if daemon::has_image(machine) => {}
        DaemonState::Works => missing.push(format!("image: {}", daemon::IMAGE_HINT)),
        state => {
            missing.push(format!("Docker: {state}"));
            missing.push(format!("image, unless the daemon has it: {}", daemon::IMAGE_HINT));
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    let mut text = "this machine lacks:\n".to_owned();
    for item in missing {
        let _ = writeln!(text, "  - {item}");
    }
    bail!("{text}Run the command again with --setup to install all of it");
}
