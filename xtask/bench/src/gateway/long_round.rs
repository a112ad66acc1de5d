//! A round of many trials that ask a model which fails now and then: what is lost, and whether memory grows.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Command, Stdio};

use anyhow::{Context as _, ensure};
use serde_json::Value;

use super::mock::MockModel;
use crate::agents::{SEED, agent, tasks};
use crate::platform::server::MeasuredServer;
use crate::program;
use crate::report::progress;
use crate::setup::BenchSetup;

/// 128 agents on 8 tasks.
const AGENTS: usize = 128;
const TASKS: usize = 8;

/// The number of trials.
pub const TRIALS: usize = AGENTS * TASKS;

/// The result of a round.
pub struct LongRound {
    /// Attempts and trials that ended in a fault
    pub faults: usize,
    /// Trials whose right answer has no score of 100
    pub lost: usize,
    /// Peak memory of the host's process after the first tenth of the trials, in KiB
    pub first_peak_kib: u64,
    /// The same at the end
    pub last_peak_kib: u64,
}

/// Runs the round. Each agent asks by running `asks`, then prints the right answer.
pub fn run(setup: &BenchSetup, model: &MockModel, asks: &str) -> anyhow::Result<LongRound> {
    let store = tempfile::tempdir_in(&setup.dir)?;
    let tasks: Vec<_> = tasks().into_iter().take(TASKS).collect();
    let server = MeasuredServer::arena(&setup.arena, store.path(), None)?;
    for id in 0..AGENTS {
        let source = format!("{asks}\n{}", agent(&tasks, &id.to_string()));
        server.upload(&format!("agent-{id}"), &source, None)?;
    }
    drop(server);
    let mut command = Command::new(&setup.arena);
    command.args(["evaluate", "--json", "--disclose", "all", "--seed", &SEED.0.to_string()]);
    command.args(["--jobs", &setup.jobs.to_string()]);
    command.args(["--model", "ollama:mock", "--price", "1,1", "--base-url"]);
    command.arg(format!("http://{}/v1", model.address)).arg("--store").arg(store.path());
    for task in &tasks {
        command.args(["--task", task.id.as_str()]);
    }
    let (document, [first_peak_kib, last_peak_kib]) = watched(&mut command)?;
    let trials = document["trials"].as_array().context("a report lists its trials")?;
    let right = trials.iter().filter(|trial| trial["verdict"] == "AC").count();
    let faults = faults(&document, trials);
    for fault in &faults {
        progress(&format!("a fault: {fault}"));
    }
    Ok(LongRound { faults: faults.len(), lost: TRIALS - right, first_peak_kib, last_peak_kib })
}

/// The faults of trials, and of attempts that were repeated.
fn faults(document: &Value, trials: &[Value]) -> Vec<String> {
    let of_round = document["round"]["faults"].as_array().into_iter().flatten();
    let attempts = trials.iter().filter_map(|trial| trial["attempts"].as_array()).flatten();
    let all = of_round.chain(attempts).filter_map(|one| one["fault"].as_str());
    all.map(str::to_owned).collect()
}

/// Runs an evaluation, and returns its report and its peak memory after the first tenth and at the end.
fn watched(command: &mut Command) -> anyhow::Result<(Value, [u64; 2])> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().context("cannot start arena evaluate")?;
    let mut stdout = child.stdout.take().context("stdout is piped")?;
    let report = std::thread::spawn(move || {
        let mut text = String::new();
        stdout.read_to_string(&mut text).map(|_| text)
    });
    let status_file = format!("/proc/{}/status", child.id());
    let tenth = format!("of {TRIALS} trials (10 %)");
    let (mut first, mut last) = (0, 0);
    for line in BufReader::new(child.stderr.take().context("stderr is piped")?).lines() {
        let line = line?;
        // The last line comes after the report was printed.
        last = program::peak_memory_bytes(&status_file).max(last);
        if line.contains(&tenth) {
            first = last;
        }
    }
    child.wait()?;
    let report = report.join().ok().context("the report is read")??;
    ensure!(first > 0, "the evaluation did not say when a tenth of the trials was done");
    Ok((serde_json::from_str(&report)?, [first >> 10, last >> 10]))
}
