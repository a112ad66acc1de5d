//! `cargo xtask demo`: the whole way in one go, through every part that the finished product has.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context as _, bail};
use xshell::{Shell, cmd};

use crate::children::{self, Running};
use crate::{forward, setup};

/// The demo's miners: each is called like the sample that writes its agent.
const MINERS: [&str; 3] = ["good", "partial", "bad"];
/// The demo's seed is fixed, so that what it prints is the same everywhere.
const SEED: &str = "1";
/// What the demo asks: a task or two of each family, so that it is over soon.
const TASKS: [&str; 12] = [
    "reverse_string",
    "fizz_buzz",
    "common_elements",
    "roman_to_int",
    "two_sum",
    "lru_cache",
    "iso_week",
    "standard_deviation",
    "read_port",
    "longest_unique",
    "comment_html",
    "review_web_app",
];
/// Everything that the demo writes.
const FOLDER: &str = "target/demo";

/// Serves a platform, has three miners upload agents, evaluates them, and shows the rankings.
pub fn run(sh: &Shell, consent: &setup::Consent) -> anyhow::Result<ExitCode> {
    setup::run(sh, consent)?;
    sh.remove_path(FOLDER)?;
    let store = format!("{FOLDER}/store");
    let (platform, url) = serve(sh, &store)?;
    eprintln!("platform: {url}");

    let tasks = &TASKS.map(|task| format!("--task={task}"));
    for miner in MINERS {
        eprintln!("\nminer {miner}:");
        let model = format!("sample:{miner}");
        let token = format!("{FOLDER}/tokens/{miner}");
        let mine = cmd!(
            sh,
            "target/debug/miner mine --platform {url} --miner {miner} --model {model} --token-file {token} {tasks...}"
        );
        let status = children::run(mine.quiet())?;
        if !status.success() {
            return Ok(forward::code(status));
        }
    }
    eprintln!("\nvalidator:");
    let evaluate = cmd!(
        sh,
        "target/debug/harness evaluate --store {store} --platform {url} --seed {SEED} {tasks...}"
    );
    let status = children::run(evaluate.quiet())?;
    if !status.success() {
        return Ok(forward::code(status));
    }
    let stopped = platform.stop()?;
    if !stopped.success() {
        bail!("the platform ended with {stopped}");
    }
    Ok(ExitCode::SUCCESS)
}

/// Starts a platform on a free port. It ends when its stdin is closed, so it cannot outlive this process
/// whatever happens to it.
fn serve(sh: &Shell, store: &str) -> anyhow::Result<(Running, String)> {
    let serve = cmd!(
        sh,
        "target/debug/platform serve --addr 127.0.0.1:0 --store {store} --until-stdin-closes"
    );
    let mut serve = Command::from(serve.quiet());
    serve.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut platform = children::start(serve)?;
    let output = platform.child.stdout.take().context("the platform has no stdout")?;
    let mut line = String::new();
    BufReader::new(output).read_line(&mut line)?;
    match line.trim().strip_prefix("listening on ") {
        Some(url) => Ok((platform, url.to_owned())),
        None => bail!("the platform did not come up; the lines above say why"),
    }
}
