//! The load generator.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, ensure};

/// The core of clients, in the notation of taskset.
pub const CLIENT_CORE: &str = "1";

/// Connections of a load that is measured.
const CONNECTIONS: u32 = 16;

/// What wrk measured.
pub struct LoadFigures {
    /// Responses in a second
    pub requests_per_s: f64,
    /// 99th percentile of the latency in milliseconds
    pub p99_ms: f64,
}

/// What is requested.
pub struct WrkLoad<'a> {
    /// The URL
    pub url: &'a str,
    /// Headers of each request, such as `Accept-Encoding: gzip`
    pub headers: &'a [String],
    /// How long, in whole seconds
    pub time: Duration,
}

impl<'a> WrkLoad<'a> {
    /// A load without headers.
    pub const fn plain(url: &'a str, time: Duration) -> Self {
        Self { url, headers: &[], time }
    }
}

/// The program on the client's core, without its URL.
fn program(load: &WrkLoad<'_>, connections: u32) -> Command {
    let mut command = Command::new("taskset");
    command.args(["-c", CLIENT_CORE, "wrk", "-t1", "--timeout=30s", "--latency"]);
    command.arg(format!("-c{connections}")).arg(format!("-d{}s", load.time.as_secs()));
    for header in load.headers {
        command.args(["-H", header]);
    }
    command
}

/// Requests a URL over 16 connections.
pub fn wrk(load: &WrkLoad<'_>) -> anyhow::Result<LoadFigures> {
    let mut command = program(load, CONNECTIONS);
    command.arg(load.url);
    measured(&mut command, load.url)
}

/// Like [`wrk`], with a Lua script and its argument.
pub fn scripted(load: &WrkLoad<'_>, script: [&str; 2]) -> anyhow::Result<LoadFigures> {
    let [file, argument] = script;
    let mut command = program(load, CONNECTIONS);
    command.args(["-s", file, load.url, "--", argument]);
    measured(&mut command, load.url)
}

/// Starts a load that goes on while others are measured.
pub fn background(load: &WrkLoad<'_>, connections: u32) -> anyhow::Result<Child> {
    let mut command = program(load, connections);
    command.arg(load.url).stdout(Stdio::null());
    command.spawn().context("cannot run wrk")
}

fn measured(command: &mut Command, url: &str) -> anyhow::Result<LoadFigures> {
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
