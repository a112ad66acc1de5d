//! Agents that ask a model: what the gateway adds to a call, what it lets them overspend, and what a provider's failures
//! cost.

mod long_round;
mod mock;
mod on_host;

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, ensure};
use serde_json::Value;

use self::mock::{EVENTS, MockModel};
use self::on_host::HostGateway;
use crate::agents::{SEED, agent};
use crate::program;
use crate::report::{BenchReport, progress};
use crate::row::{BenchRow, RowFigures, RowSubject, RowTarget, number};
use crate::setup::BenchSetup;

/// Calls of which the median is taken.
const CALLS: usize = 300;
/// Calls of a trial while the provider fails, which of them fail (every so many-th), and calls of a trial of the long
/// round.
const CALLS_PER_TRIAL: usize = 17;
const FAILS_EVERY: u64 = 20;
const CALLS_IN_LONG_ROUND: usize = 4;
/// What a trial may spend while it asks from 40 threads, in millionths of a US dollar.
const BUDGET_MICRO_USD: f64 = 20_000.0;

/// Asks one question after the other over one connection, and prints the median time of a call in milliseconds. It does
/// the same in a container, over the socket, and directly.
const CALLER: &str = r#"
import http.client, json, os, socket, statistics, sys, time

class Model(http.client.HTTPConnection):
    def connect(self):
        if "ARENA_MODEL_SOCKET" in os.environ:
            self.sock = socket.socket(socket.AF_UNIX)
            self.sock.connect(os.environ["ARENA_MODEL_SOCKET"])
        else:
            super().connect()
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

def ask(model, text):
    body = json.dumps({"messages": [{"role": "user", "content": text}], "max_tokens": 20})
    model.request("POST", "/v1/chat/completions", body, {"Content-Type": "application/json"})
    response = model.getresponse()
    response.read()
    return response.status

def main(address, calls):
    model, times = Model(address), []
    for number in range(calls):
        began = time.perf_counter()
        status = ask(model, f"question {number}")
        times.append(time.perf_counter() - began)
        assert status == 200, status
    print(statistics.median(times) * 1000)
"#;

/// Asks from 40 threads until nothing is left.
const SPENDER: &str = r#"
import threading

def spend(number):
    model, count = Model("model"), 0
    while ask(model, f"question {number} {count}") == 200:
        count += 1

threads = [threading.Thread(target=spend, args=(number,)) for number in range(40)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"#;

/// Reads a response of many events, and prints how many there were per second.
const STREAMER: &str = r#"
body = {"messages": [{"role": "user", "content": "all"}], "max_tokens": 20, "stream": True}
model, began = Model("model"), time.perf_counter()
model.request("POST", "/v1/chat/completions", json.dumps(body), {"Content-Type": "application/json"})
response, chunks = model.getresponse(), []
while chunk := response.read1(1 << 16):
    chunks.append(chunk)
seconds = time.perf_counter() - began
print(b"".join(chunks).count(b"data: {") / seconds if b"".join(chunks).endswith(b"data: [DONE]\n\n") else "cut off")
"#;

/// Measures the rows.
pub fn measure(setup: &BenchSetup, report: &mut BenchReport) -> anyhow::Result<()> {
    let measured = MeasuredGateway { setup, model: MockModel::start(None)? };
    measured.add_calls(report)?;
    measured.add_events(report)?;
    measured.add_overspending(report)?;
    MeasuredGateway { setup, model: MockModel::start(Some(FAILS_EVERY))? }.add_failures(report)?;
    MeasuredGateway { setup, model: MockModel::start(Some(FAILS_EVERY))? }.add_long_round(report)
}

/// A program that asks so many questions, and prints nothing.
fn asks(calls: usize) -> String {
    format!(
        "{CALLER}\nimport io, contextlib\nwith contextlib.redirect_stdout(io.StringIO()):\n    main('model', {calls})\n"
    )
}

struct MeasuredGateway<'a> {
    setup: &'a BenchSetup,
    model: MockModel,
}

impl MeasuredGateway<'_> {
    fn add_calls(&self, report: &mut BenchReport) -> anyhow::Result<()> {
        let (mut on_host, mut inside) = (Vec::new(), Vec::new());
        for run in 1..=self.setup.runs {
            progress(&format!("a call to a model: run {run} of {}", self.setup.runs));
            let direct = self.outside_ms(None)?;
            on_host.push(self.on_host_ms()? - direct);
            inside.push(self.inside_ms()? - direct);
        }
        let what = "p50 of a call to a model through the gateway on the host, without a container, less the same program \
                    directly";
        report.add(BenchRow::alone(what.into(), "ms", on_host, RowTarget::at_most(1.0)))?;
        let what =
            "p50 of a call to a model from inside a container, less the same program directly";
        report.add(BenchRow::alone(what.into(), "ms", inside, RowTarget::at_most(3.0)))
    }

    fn add_events(&self, report: &mut BenchReport) -> anyhow::Result<()> {
        let mut rates = Vec::new();
        for run in 1..=self.setup.runs {
            progress(&format!("{EVENTS} events: run {run} of {}", self.setup.runs));
            rates.push(self.printed(&format!("{CALLER}\n{STREAMER}"), &[])?);
        }
        let what = format!("events of a streamed response that arrive in a container, of {EVENTS}");
        report.add(BenchRow::without_target(what, "/s", rates))
    }

    fn add_overspending(&self, report: &mut BenchReport) -> anyhow::Result<()> {
        progress("a budget of money, 40 threads");
        let budget = format!("cost={}", BUDGET_MICRO_USD / 1e6);
        let source = format!("{CALLER}\n{SPENDER}");
        let document =
            self.check(&source, &["--task", "reverse_string", "--model-budget", &budget])?;
        let spent = document["trials"][0]["model"]["cost_micro_usd"].as_f64();
        let over = (spent.context("a trial record has its cost")? - BUDGET_MICRO_USD).max(0.0);
        let what = "overspent by 40 threads of one trial, in millionths of a US dollar";
        report.add(BenchRow::alone(what.into(), "", vec![over], RowTarget::at_most(0.0)))
    }

    fn add_failures(&self, report: &mut BenchReport) -> anyhow::Result<()> {
        progress("a provider that fails on every 20th request");
        let tasks = tasks::all();
        let source = format!("{}\n{}", asks(CALLS_PER_TRIAL), agent(&tasks, "asks"));
        let document = self.check(&source, &[])?;
        let trials = document["trials"].as_array().context("check lists its trials")?;
        let lost = tasks.len() - trials.iter().filter(|trial| trial["verdict"] == "AC").count();
        let what = format!(
            "trials of {} lost, each with {CALLS_PER_TRIAL} calls, of which the provider failed on {}",
            tasks.len(),
            self.failures()?
        );
        report.add(BenchRow::alone(what, "", vec![number(lost)], RowTarget::at_most(0.0)))
    }

    /// The rows of a round of many trials.
    fn add_long_round(&self, report: &mut BenchReport) -> anyhow::Result<()> {
        let trials = long_round::TRIALS;
        progress(&format!("{trials} trials, and a provider that fails on every 20th request"));
        let round = long_round::run(self.setup, &self.model, &asks(CALLS_IN_LONG_ROUND))?;
        let all = self.model.requests();
        let provider = format!("the provider failed on {} of {all} requests", self.failures()?);
        let what = format!("attempts of {trials} trials that ended in a fault; {provider}");
        let faults = vec![number(round.faults)];
        report.add(BenchRow::alone(what, "", faults, RowTarget::at_most(0.0)))?;
        let what = format!("right answers of {trials} trials that lost their score");
        report.add(BenchRow::alone(what, "", vec![number(round.lost)], RowTarget::at_most(0.0)))?;
        let mib = |kib| vec![number(kib) / 1024.0];
        let what = format!("peak memory of the host's process after {trials} trials with a model");
        let against = "after the first tenth of them".to_owned();
        let figures =
            RowFigures { ours: mib(round.last_peak_kib), theirs: mib(round.first_peak_kib) };
        let subject = RowSubject { what, against, unit: "MiB" };
        report.add(BenchRow::ratio(subject, figures, RowTarget::at_most(1.1)))
    }

    fn failures(&self) -> anyhow::Result<u64> {
        let failures = self.model.failures();
        ensure!(failures > 0, "the provider did not fail");
        Ok(failures)
    }

    fn inside_ms(&self) -> anyhow::Result<f64> {
        let budget = format!("calls={CALLS}");
        self.printed(&format!("{CALLER}\nmain('model', {CALLS})\n"), &["--model-budget", &budget])
    }

    /// The number that an agent prints.
    fn printed(&self, source: &str, more: &[&str]) -> anyhow::Result<f64> {
        let document = self.check(source, &[&["--task", "reverse_string"], more].concat())?;
        let printed = document["trials"][0]["stdout"].as_str().context("a record has stdout")?;
        printed.trim().parse().with_context(|| format!("not a number: {document}"))
    }

    fn on_host_ms(&self) -> anyhow::Result<f64> {
        let directory = tempfile::tempdir_in(&self.setup.dir)?;
        let gateway = HostGateway::start(directory.path(), self.model.address, CALLS)?;
        self.outside_ms(Some(&gateway.socket))
    }

    /// Asks from outside of any container, over a socket or directly.
    fn outside_ms(&self, socket: Option<&Path>) -> anyhow::Result<f64> {
        let source = format!("{CALLER}\nmain({:?}, {CALLS})\n", self.model.address.to_string());
        let mut command = Command::new("python3");
        command.args(["-c", &source]).envs(socket.map(|path| ("ARENA_MODEL_SOCKET", path)));
        Ok(program::run(&mut command, "python3")?.stdout.trim().parse()?)
    }

    fn check(&self, source: &str, more: &[&str]) -> anyhow::Result<Value> {
        let directory = tempfile::tempdir_in(&self.setup.dir)?;
        let file = directory.path().join("agent.py");
        std::fs::write(&file, source)?;
        let base_url = format!("http://{}/v1", self.model.address);
        let mut command = Command::new(&self.setup.arena);
        command.arg("check").arg(&file).args(["--seed", &SEED.to_string(), "--json"]);
        command
            .args(["--model", "ollama:mock", "--base-url", &base_url, "--price", "1,1"])
            .args(more);
        let measured = program::run(&mut command, "arena check")?;
        Ok(serde_json::from_str(&measured.stdout)?)
    }
}
