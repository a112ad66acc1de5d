//! `cargo xtask demo`: a platform, four miners, a round in Docker, rankings and rewards.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context as _, ensure};
use xshell::{Shell, cmd};

use crate::children::{self, RunningChild};
use crate::setup::ARENA;
use crate::{forward, setup};

/// The demo's miners. Each has the sample of its own name as its model.
const MINERS: [&str; 3] = ["good", "partial", "bad"];
/// The miner whose agent asks a model while it runs. What the model answers is recorded, so that the demo needs no key;
/// xtask/recordings/README.md says by whom.
const THINKER: &str = "thinker";
const MODEL: &str = "ollama:scripted";
const RECORDINGS: &str = "xtask/recordings/thinker";
/// The seed is fixed, so that the demo prints the same everywhere.
const SEED: &str = "1";
/// A task or two of each family, so that the demo is short.
const TASKS: [&str; 8] = [
    "reverse_string",
    "common_elements",
    "roman_to_int",
    "two_sum",
    "lru_cache",
    "iso_week",
    "comment_html",
    "review_web_app",
];
/// The directory of everything that the demo writes.
const DIR: &str = "target/demo";

/// Starts a platform, has four miners upload agents, evaluates them, and shows the rankings.
pub fn run(sh: &Shell, consent: &setup::Consent) -> anyhow::Result<ExitCode> {
    setup::run(sh, consent, &setup::Needs::default())?;
    sh.remove_path(DIR)?;
    let store = format!("{DIR}/store");
    let (platform, url) = serve(sh, &store)?;
    eprintln!("platform: {url}");

    let tasks = &TASKS.map(|task| format!("--task={task}"));
    for miner in MINERS {
        eprintln!("\nminer {miner}:");
        let model = format!("sample:{miner}");
        let token = format!("{DIR}/tokens/{miner}");
        let work = format!("{DIR}/work/{miner}");
        let mine = cmd!(
            sh,
            "{ARENA} mine --platform {url} --miner {miner} --model {model} --token-file {token} --work {work} {tasks...}"
        );
        let status = children::run(mine.quiet())?;
        if !status.success() {
            return Ok(forward::code(status));
        }
    }
    eprintln!("\nminer {THINKER}:");
    let (agent, token) = (format!("{DIR}/thinker.py"), format!("{DIR}/tokens/{THINKER}"));
    let init = cmd!(sh, "{ARENA} init --model {agent}");
    let upload =
        cmd!(sh, "{ARENA} upload {agent} --platform {url} --miner {THINKER} --token-file {token}");
    for command in [init, upload] {
        let status = children::run(command.quiet())?;
        if !status.success() {
            return Ok(forward::code(status));
        }
    }
    eprintln!("\nvalidator:");
    let model = ["--model", MODEL, "--model-mode", "replay", "--model-recordings", RECORDINGS];
    let evaluate = cmd!(
        sh,
        "{ARENA} evaluate --store {store} --platform {url} --seed {SEED} --close --publish-partial {model...} {tasks...}"
    );
    let status = children::run(evaluate.quiet())?;
    if !status.success() {
        return Ok(forward::code(status));
    }
    let stopped = platform.stop()?;
    ensure!(stopped.success(), "the platform ended with {stopped}");
    Ok(ExitCode::SUCCESS)
}

/// Starts a platform on a free port. It ends when its stdin is closed, so it never outlives this process.
fn serve(sh: &Shell, store: &str) -> anyhow::Result<(RunningChild, String)> {
    let serve = cmd!(
        sh,
        "{ARENA} serve --addr 127.0.0.1:0 --store {store} --log-file {DIR}/access.log --until-stdin-closes"
    );
    let mut serve = Command::from(serve.quiet());
    serve.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut platform = children::start(serve)?;
    let output = platform.child.stdout.take().context("stdout is piped")?;
    let mut line = String::new();
    BufReader::new(output).read_line(&mut line)?;
    let url = line.trim().strip_prefix("listening on ");
    let url = url.context("the platform did not start; see the lines above")?.to_owned();
    Ok((platform, url))
}
