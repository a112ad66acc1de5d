//! Agents that ask a model: what the gateway adds to a call, what it lets them overspend, and what a provider's failures
//! cost.

use std::io::{BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use crate::agents::{SEED, agent};
use crate::http_request::read_body;
use crate::program;
use crate::report::{BenchReport, progress};
use crate::row::{BenchRow, RowTarget};
use crate::setup::BenchSetup;

/// Calls of which the median is taken.
const CALLS: usize = 300;
/// Calls of a trial while the provider fails, and which of them fail: every so many-th.
const CALLS_PER_TRIAL: usize = 17;
const FAILS_EVERY: u64 = 20;
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

/// Measures the rows.
pub fn measure(setup: &BenchSetup, report: &mut BenchReport) -> anyhow::Result<()> {
    let model = MockModel::start(None)?;
    let measured = MeasuredGateway { setup, model };
    let mut added = Vec::new();
    for run in 1..=setup.runs {
        progress(&format!("a call to a model: run {run} of {}", setup.runs));
        added.push(measured.inside_ms()? - measured.direct_ms()?);
    }
    let what = "p50 of a call to a model from inside a container, less the same program directly";
    report.add(BenchRow::alone(what.into(), "ms", added, RowTarget::at_most(3.0)))?;

    progress("a budget of money, 40 threads");
    let budget = format!("cost={}", BUDGET_MICRO_USD / 1e6);
    let source = format!("{CALLER}\n{SPENDER}");
    let document =
        measured.check(&source, &["--task", "reverse_string", "--model-budget", &budget])?;
    let spent = document["trials"][0]["model"]["cost_micro_usd"].as_f64();
    let over = (spent.context("a trial record has its cost")? - BUDGET_MICRO_USD).max(0.0);
    let what = "overspent by 40 threads of one trial, in millionths of a US dollar";
    report.add(BenchRow::alone(what.into(), "", vec![over], RowTarget::at_most(0.0)))?;

    let failing = MeasuredGateway { setup, model: MockModel::start(Some(FAILS_EVERY))? };
    progress("a provider that fails on every 20th request");
    let tasks = tasks::all();
    let asks = format!(
        "{CALLER}\nimport io, contextlib\nwith contextlib.redirect_stdout(io.StringIO()):\n    main('model', {CALLS_PER_TRIAL})\n"
    );
    let source = format!("{asks}\n{}", agent(&tasks, "asks"));
    let document = failing.check(&source, &[])?;
    let trials = document["trials"].as_array().context("check lists its trials")?;
    let lost = tasks.len() - trials.iter().filter(|trial| trial["verdict"] == "AC").count();
    let failures = failing.model.failures.load(Ordering::Relaxed);
    ensure!(failures > 0, "the provider did not fail");
    let what = format!(
        "trials of {} lost, each with {CALLS_PER_TRIAL} calls, of which the provider failed on {failures}",
        tasks.len()
    );
    #[allow(clippy::cast_precision_loss, reason = "a few dozen tasks")]
    let lost = lost as f64;
    report.add(BenchRow::alone(what, "", vec![lost], RowTarget::at_most(0.0)))
}

struct MeasuredGateway<'a> {
    setup: &'a BenchSetup,
    model: MockModel,
}

impl MeasuredGateway<'_> {
    fn inside_ms(&self) -> anyhow::Result<f64> {
        let source = format!("{CALLER}\nmain('model', {CALLS})\n");
        let budget = format!("calls={CALLS}");
        let document =
            self.check(&source, &["--task", "reverse_string", "--model-budget", &budget])?;
        let printed = document["trials"][0]["stdout"].as_str().context("a record has stdout")?;
        printed.trim().parse().with_context(|| format!("not a time: {document}"))
    }

    fn direct_ms(&self) -> anyhow::Result<f64> {
        let source = format!("{CALLER}\nmain({:?}, {CALLS})\n", self.model.address.to_string());
        let mut command = Command::new("python3");
        command.args(["-c", &source]);
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

/// A model that answers at once, apart from the requests that it fails on. It ends with the program.
struct MockModel {
    address: SocketAddr,
    failures: Arc<AtomicU64>,
}

impl MockModel {
    fn start(fails_every: Option<u64>) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let failures = Arc::new(AtomicU64::new(0));
        let (count, requests) = (Arc::clone(&failures), Arc::new(AtomicU64::new(0)));
        std::thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let (count, requests) = (Arc::clone(&count), Arc::clone(&requests));
                // A client that closes its connection ends the thread.
                std::thread::spawn(move || {
                    let _ = serve(connection, || {
                        let number = requests.fetch_add(1, Ordering::Relaxed) + 1;
                        let fails = fails_every.is_some_and(|every| number.is_multiple_of(every));
                        count.fetch_add(u64::from(fails), Ordering::Relaxed);
                        fails
                    });
                });
            }
        });
        Ok(Self { address, failures })
    }
}

fn serve(connection: TcpStream, mut fails: impl FnMut() -> bool) -> anyhow::Result<()> {
    connection.set_nodelay(true)?;
    let mut request = BufReader::new(connection);
    let body = json!({
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "OK"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 10, "completion_tokens": 5}
    })
    .to_string();
    while read_body(&mut request)?.is_some() {
        let (status, body) = if fails() { ("500 Failed", "{}") } else { ("200 OK", &*body) };
        let head = format!(
            "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        request.get_mut().write_all(&[head.as_bytes(), body.as_bytes()].concat())?;
    }
    Ok(())
}
