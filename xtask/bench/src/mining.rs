//! A mining run with a model that takes its time: several jobs against one.

use std::io::{BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use serde_json::{Value, json};
use tasks::Task;

use crate::agents::SEED;
use crate::http_request::read_body;
use crate::platform::server::MeasuredServer;
use crate::program;
use crate::report::{BenchReport, progress};
use crate::row::{BenchRow, RowFigures, RowSubject, RowTarget};
use crate::setup::BenchSetup;

/// How long the model takes for a reply.
const REPLY: Duration = Duration::from_secs(3);
/// Jobs of the faster side.
const JOBS: &str = "16";

/// Measures a run over all tasks, without and with trials of the answers.
pub fn measure(setup: &BenchSetup, report: &mut BenchReport) -> anyhow::Result<()> {
    let store = tempfile::tempdir_in(&setup.dir)?;
    let platform = MeasuredServer::arena(&setup.arena, store.path(), None)?;
    let model = serve_model()?;
    let run = MeasuredMining { setup, platform: &platform.url, model };
    for (how, more) in [("--no-check", &["--no-check"][..]), ("with trials", &[])] {
        let what = format!("mining 62 tasks from a model that takes 3 s, {JOBS} jobs, {how}");
        progress(&format!("{what}: 1 job"));
        let serial = run.seconds("1", more)?;
        let mut seconds = Vec::new();
        for number in 1..=setup.runs {
            progress(&format!("{what}: run {number} of {}", setup.runs));
            seconds.push(run.seconds(JOBS, more)?);
        }
        let subject = RowSubject { what, against: "1 job, once".into(), unit: "s" };
        let figures = RowFigures { ours: seconds, theirs: vec![serial] };
        report.add(BenchRow::ratio(subject, figures, RowTarget::at_most(0.1)))?;
    }
    Ok(())
}

struct MeasuredMining<'a> {
    setup: &'a BenchSetup,
    platform: &'a str,
    model: SocketAddr,
}

impl MeasuredMining<'_> {
    fn seconds(&self, jobs: &str, more: &[&str]) -> anyhow::Result<f64> {
        let work = tempfile::tempdir_in(&self.setup.dir)?;
        let base_url = format!("http://{}/v1", self.model);
        let mut command = Command::new(&self.setup.arena);
        command.args(["mine", "--miner", "bench", "--model", "ollama:mock", "--no-upload"]);
        command.args(["--attempts", "1", "--jobs", jobs, "--platform", self.platform]);
        command.args(["--base-url", &base_url, "--work"]).arg(work.path()).args(more);
        Ok(program::run(&mut command, "arena mine")?.seconds)
    }
}

/// Serves a model on a free port until the program ends: it replies with the reference answer of the task that a
/// question contains, or else with a reviewer that finds nothing.
fn serve_model() -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let tasks = Arc::new(tasks::all());
    std::thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            let tasks = Arc::clone(&tasks);
            std::thread::spawn(move || {
                if let Err(error) = reply(connection, &tasks) {
                    progress(&format!("the mock model failed: {error:#}"));
                }
            });
        }
    });
    Ok(address)
}

fn reply(connection: TcpStream, tasks: &[Task]) -> anyhow::Result<()> {
    let mut request = BufReader::new(connection);
    let body = read_body(&mut request)?.context("a client sends a request")?;
    let body: Value = serde_json::from_slice(&body)?;
    let messages = body["messages"].as_array().context("a request has messages")?;
    let question = messages.last().and_then(|message| message["content"].as_str());
    let question = question.context("a message has a content")?;
    let asked = tasks.iter().find(|task| question.contains(&task.prompt(SEED)));
    let code =
        asked.map_or("def answer(prompt):\n    return '[]'\n".into(), |task| task.reference(SEED));
    std::thread::sleep(REPLY);
    let content = format!("```python\n{code}\n```\n");
    let choice = json!({ "message": { "content": content }, "finish_reason": "stop" });
    let body = json!({ "choices": [choice] }).to_string();
    write!(
        request.get_mut(),
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )?;
    Ok(())
}
