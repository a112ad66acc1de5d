//! Programs that are not ours: the load generator, and what the `FastAPI` twin runs on.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, ensure};

/// What the twin needs from `PyPI`; `standard` brings the fast event loop and parser.
const PACKAGES: [&str; 3] =
    ["fastapi==0.165.0", "uvicorn[standard]==0.54.0", "python-multipart==0.0.34"];

/// Says what is missing, all at once, together with the command that brings it.
pub fn check(needed: &[(&str, &str)]) -> anyhow::Result<()> {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let on_path = |program: &str| {
        std::env::split_paths(&folders).any(|folder| folder.join(program).is_file())
    };
    let missing: Vec<_> = needed.iter().filter(|(program, _)| !on_path(program)).collect();
    let list = |part: fn(&(&str, &str)) -> String| {
        missing.iter().map(|tool| part(tool)).collect::<Vec<_>>().join(" ")
    };
    ensure!(
        missing.is_empty(),
        "the benchmark needs programs that are missing ({}): apt-get install {}",
        list(|(program, _)| (*program).to_owned()),
        list(|(_, package)| (*package).to_owned()),
    );
    Ok(())
}

/// A Python of our own with the twin's packages, made once.
pub fn python() -> anyhow::Result<PathBuf> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench-python");
    let python = folder.join("bin/python");
    if !python.exists() {
        run(Command::new("python3").args(["-m", "venv"]).arg(&folder))
            .context("cannot make a Python environment: apt-get install python3-venv")?;
    }
    let install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
    run(Command::new(&python).args(install).args(PACKAGES))
        .with_context(|| format!("cannot install {} from PyPI", PACKAGES.join(" ")))?;
    Ok(python)
}

fn run(command: &mut Command) -> anyhow::Result<()> {
    let output = command.stdin(Stdio::null()).output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{}", said.trim().lines().last().unwrap_or("it failed"));
    Ok(())
}

/// What wrk saw.
pub struct Load {
    pub requests_per_s: f64,
    pub p99_ms: f64,
}

/// Asks from one core over 16 connections for so many whole seconds, with what may be a script and its argument.
pub fn wrk(url: &str, script: &[&str], time: Duration) -> anyhow::Result<Load> {
    let mut command = Command::new("taskset");
    command.args([
        "-c",
        super::CLIENT_CORE,
        "wrk",
        "-t1",
        "-c16",
        &format!("-d{}s", time.as_secs()),
        "--timeout=30s",
        "--latency",
    ]);
    if let [file, argument @ ..] = script {
        command.args(["-s", file, url, "--"]).args(argument);
    } else {
        command.arg(url);
    }
    let output = command.output().context("cannot run wrk")?;
    let text = String::from_utf8_lossy(&output.stdout);
    ensure!(
        output.status.success() && !text.contains("Non-2xx") && !text.contains("Socket errors"),
        "wrk met errors, and a figure would lie: {text}"
    );
    let after = |what: &str| {
        let line = text.lines().find_map(|line| line.trim().strip_prefix(what));
        line.map(str::trim).with_context(|| format!("wrk does not say '{what}': {text}"))
    };
    let requests_per_s = after("Requests/sec:")?.parse()?;
    let p99 = after("99%")?;
    let (number, unit) = p99.split_at(p99.find(char::is_alphabetic).context("wrk names no unit")?);
    let scale = match unit {
        "us" => 0.001,
        "s" => 1000.0,
        _ => 1.0,
    };
    Ok(Load { requests_per_s, p99_ms: number.parse::<f64>()? * scale })
}
