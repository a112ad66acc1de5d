//! What a fresh machine lacks, installed only with leave: Docker Engine from the distribution's packages,
//! its daemon, and the image. A daemon that runs is never touched.

use std::io::{IsTerminal as _, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use xshell::{Shell, cmd};

/// How long a daemon that was just started may take to answer.
const DAEMON_START: Duration = Duration::from_secs(90);

/// Leave to install what is missing.
#[derive(clap::Args)]
pub struct Consent {
    /// Install what is missing: Docker Engine from the distribution's packages, its daemon started, the
    /// image. Asks first on a terminal. Without it, what is missing is named with the command that mends it
    #[arg(long)]
    setup: bool,
}

impl Consent {
    /// Fails with what is missing and the mend, unless there is leave to install it.
    pub fn needed(&self, what: &str) -> anyhow::Result<()> {
        ensure!(self.setup, "{what}; --setup gives leave to install what is missing");
        Ok(())
    }
}

/// Builds the binaries, and sees to it that agents can be run: with leave by installing, else by naming
/// what is missing.
pub fn run(sh: &Shell, consent: &Consent) -> anyhow::Result<()> {
    // Not quiet: the first time it takes minutes, and silence would look like a fault.
    cmd!(sh, "cargo build --bins").quiet().run()?;
    if consent.setup && !daemon_answers(sh)? {
        if !on_path("dockerd") {
            install(sh, &["docker.io"])?;
        }
        if !daemon_answers(sh)? {
            start_daemon(sh)?;
        }
    }
    if image(sh)? {
        return Ok(());
    }
    let sentence = "agents cannot be run on this machine; the lines above say why";
    if !daemon_answers(sh)? {
        consent.needed(sentence)?;
    }
    bail!(sentence)
}

/// Installs distribution packages that are missing, with leave; without it, names them.
pub fn packages(sh: &Shell, consent: &Consent, needed: &[(&str, &str)]) -> anyhow::Result<()> {
    let missing: Vec<&str> = needed
        .iter()
        .filter(|(program, _)| !on_path(program))
        .map(|(_, package)| *package)
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let list = missing.join(" ");
    consent.needed(&format!("programs are missing that 'apt-get install {list}' brings"))?;
    install(sh, &missing)
}

fn binary(name: &str) -> String {
    format!("target/debug/{name}")
}

fn daemon_answers(sh: &Shell) -> anyhow::Result<bool> {
    // Cleaning needs a daemon that can be used, and nothing else.
    let clean = Command::new(sh.current_dir().join(binary("harness")))
        .arg("clean")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    Ok(clean.context("cannot run the harness")?.success())
}

fn image(sh: &Shell) -> anyhow::Result<bool> {
    let harness = binary("harness");
    let mut found = Command::from(cmd!(sh, "{harness} image").quiet());
    // It says on stderr what it does; its stdout is for programs.
    found.stdout(Stdio::null());
    Ok(crate::children::run(found)?.success())
}

/// Installs distribution packages.
pub fn install(sh: &Shell, packages: &[&str]) -> anyhow::Result<()> {
    let list = packages.join(" ");
    ensure!(
        on_path("apt-get"),
        "'{list}' is missing, and this system has no apt-get; install it by hand"
    );
    let as_root = as_root(sh);
    confirm(&format!("install '{list}' with apt-get"))?;
    cmd!(sh, "{as_root} apt-get update -qq").run()?;
    cmd!(sh, "{as_root} env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends {packages...}")
        .run()
        .with_context(|| format!("cannot install '{list}'"))
}

fn start_daemon(sh: &Shell) -> anyhow::Result<()> {
    confirm("start the Docker daemon")?;
    let as_root = as_root(sh);
    if Path::new("/run/systemd/system").exists() {
        cmd!(sh, "{as_root} systemctl start docker").run()?;
    } else {
        // Without an init system it runs on its own, and ends with the machine.
        let log = "/var/log/dockerd.log";
        let start = format!("setsid dockerd >{log} 2>&1 </dev/null &");
        cmd!(sh, "{as_root} sh -c {start}").run()?;
    }
    let deadline = Instant::now() + DAEMON_START;
    while !daemon_answers(sh)? {
        if Instant::now() > deadline || crate::children::interrupted() {
            let harness = binary("harness");
            cmd!(sh, "{harness} clean")
                .quiet()
                .run()
                .context("the Docker daemon did not come up")?;
        }
        std::thread::sleep(Duration::from_millis(300));
    }
    Ok(())
}

/// Asks on a terminal; elsewhere --setup was the answer.
fn confirm(what: &str) -> anyhow::Result<()> {
    if !std::io::stdin().is_terminal() {
        eprintln!("--setup: going to {what}");
        return Ok(());
    }
    eprint!("May I {what}? [y/N] ");
    std::io::stderr().flush()?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    ensure!(matches!(answer.trim(), "y" | "Y" | "yes"), "stopped: no leave to {what}");
    Ok(())
}

/// The program that runs the rest of its line as root: `env`, which changes nothing, for root itself.
pub fn as_root(sh: &Shell) -> &'static str {
    let root = cmd!(sh, "id -u").quiet().read().is_ok_and(|id| id == "0");
    if root { "env" } else { "sudo" }
}

fn on_path(program: &str) -> bool {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let usual = ["/usr/sbin", "/sbin"].map(std::path::PathBuf::from);
    std::env::split_paths(&folders).chain(usual).any(|folder| folder.join(program).is_file())
}
