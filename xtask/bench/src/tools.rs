//! Programs of others: their directory, whether they are installed, and Python environments for peers.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};

use crate::program;
use crate::report::progress;

/// Creates and returns the directory of peers and of everything that rows write.
///
/// It lies where cargo builds: the system's directory for temporary files may be in memory, where nothing
/// has to be made durable.
pub fn directory() -> anyhow::Result<PathBuf> {
    let dir = std::path::absolute("target/bench")?;
    std::fs::create_dir_all(&dir).with_context(|| format!("cannot create {}", dir.display()))?;
    Ok(dir)
}

/// Fails with all missing programs and the command that installs them. `needed` pairs a program with its
/// Debian package.
pub fn check(needed: &[(&str, &str)]) -> anyhow::Result<()> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path =
        |program: &str| std::env::split_paths(&path).any(|dir| dir.join(program).is_file());
    let missing: Vec<_> = needed.iter().filter(|(program, _)| !on_path(program)).collect();
    let list = |name: fn(&(&str, &str)) -> String| {
        missing.iter().map(|tool| name(tool)).collect::<Vec<_>>().join(" ")
    };
    ensure!(
        missing.is_empty(),
        "missing programs: {}; install them with 'apt-get install {}'",
        list(|(program, _)| (*program).to_owned()),
        list(|(_, package)| (*package).to_owned()),
    );
    Ok(())
}

/// Makes a Python environment with these packages from `PyPI`, once, and returns its `bin` directory.
pub fn python_environment(dir: &Path, packages: &[&str]) -> anyhow::Result<PathBuf> {
    let (bin, list) = (dir.join("bin"), packages.join(" "));
    let installed = dir.join("installed");
    if std::fs::read_to_string(&installed).is_ok_and(|text| text == list) {
        return Ok(bin);
    }
    progress(&format!("installing {list} in {}", dir.display()));
    let mut create = Command::new(python()?);
    create.args(["-m", "venv"]).arg(dir);
    program::run(&mut create, "python3 -m venv").context("is the package python3-venv missing?")?;
    let mut install = Command::new(bin.join("python"));
    install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]).args(packages);
    program::run(&mut install, &format!("pip install {list}"))?;
    std::fs::write(&installed, list)
        .with_context(|| format!("cannot write {}", installed.display()))?;
    Ok(bin)
}

/// A Python 3.11 of this machine, the distribution's first: an image that is built locally runs that one, and
/// another build may be half as fast.
pub fn python() -> anyhow::Result<PathBuf> {
    for path in ["/usr/bin/python3", "python3"] {
        let version = Command::new(path).arg("--version").output();
        if version.is_ok_and(|output| output.stdout.starts_with(b"Python 3.11.")) {
            return Ok(path.into());
        }
    }
    anyhow::bail!("no Python 3.11 on this machine; install python3 and python3-venv")
}
