//! The load generator.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, ensure};

/// The core of clients, in the notation of taskset.
pub const CLIENT_CORE: &str = "1";

/// What wrk measured.
pub struct LoadFigures {
    /// Responses in a second
    pub requests_per_s: f64,
    /// 99th percentile of the latency in milliseconds
    pub p99_ms: f64,
}

/// Requests `url` from the client's core over 16 connections for so many whole seconds. `script` is empty, or a
/// Lua script and its argument.
pub fn wrk(url: &str, script: &[&str], time: Duration) -> anyhow::Result<LoadFigures> {
    let mut command = Command::new("taskset");
    command.args(["-c", CLIENT_CORE, "wrk", "-t1", "-c16", "--timeout=30s", "--latency"]);
    command.arg(format!("-d{}s", time.as_secs()));
    if let [file, argument @ ..] = script {
        command.args(["-s", file, url, "--"]).args(argument);
    } else {
        command.arg(url);
    }
    let output = command.output().context("cannot run wrk")?;
    let text = String::from_utf8_lossy(&output.stdout);
    ensure!(
        output.status.success() && !text.contains("Non-2xx") && !text.contains("Socket errors"),
        "wrk reports errors on {url}: {text}"
    );
    let after = |label: &str| {
        let line = text.lines().find_map(|line| line.trim().strip_prefix(label));
        line.map(str::trim).with_context(|| format!("wrk printed no '{label}': {text}"))
    };
    let requests_per_s = after("Requests/sec:")?.parse()?;
    let p99 = after("99%")?;
    let unit_at = p99.find(char::is_alphabetic).context("wrk printed no unit")?;
    let (figure, unit) = p99.split_at(unit_at);
    let scale = match unit {
        "us" => 0.001,
        "s" => 1000.0,
        _ => 1.0,
    };
    Ok(LoadFigures { requests_per_s, p99_ms: figure.parse::<f64>()? * scale })
}
