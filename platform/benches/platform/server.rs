//! The servers that are measured: the platform, and its twin in `FastAPI`.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};

use super::tools;

/// How long a server may take to start.
const START: Duration = Duration::from_mins(1);

/// A server, killed when dropped.
pub struct Server {
    process: Child,
    pub url: String,
    pub started_in: Duration,
}

impl Server {
    pub fn platform(store: &Path, cores: &str) -> anyhow::Result<Self> {
        let mut command = on_cores(cores, env!("CARGO_BIN_EXE_platform").as_ref());
        command.args(["serve", "--addr", "127.0.0.1:0", "--no-quotas", "--store"]).arg(store);
        let start = Instant::now();
        let mut process = command.stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        let stdout = process.stdout.take().context("stdout is piped")?;
        BufReader::new(stdout).read_line(&mut line)?;
        let url = line.trim().strip_prefix("listening on ").context("it does not listen")?;
        Ok(Self { process, url: url.to_owned(), started_in: start.elapsed() })
    }

    /// The same endpoints in `FastAPI`, with this as the answer of `GET /tasks`.
    pub fn twin(store: &Path, cores: &str, tasks: &[u8]) -> anyhow::Result<Self> {
        let python = tools::python()?;
        fs::create_dir_all(store.join("agents"))?;
        fs::write(store.join("twin.py"), include_str!("twin.py"))?;
        fs::write(store.join("tasks.json"), tasks)?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let mut command = on_cores(cores, &python);
        command
            .args(["-m", "uvicorn", "--workers", "1", "--log-level", "warning", "--no-access-log"])
            .args(["--port", &port.to_string(), "--app-dir"])
            .arg(store)
            .arg("twin:app")
            .env("TASKS", store.join("tasks.json"))
            .env("STORE", store.join("agents"));
        let (process, start) = (command.spawn()?, Instant::now());
        let url = format!("http://127.0.0.1:{port}");
        let mut twin = Self { process, url, started_in: Duration::ZERO };
        // It says nothing when it is up; its port answers then.
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            ensure!(twin.process.try_wait()?.is_none(), "the twin ended; it says why above");
            ensure!(start.elapsed() < START, "the twin does not answer");
            std::thread::sleep(Duration::from_millis(20));
        }
        twin.started_in = start.elapsed();
        Ok(twin)
    }

    /// Memory in use.
    pub fn memory_mib(&self) -> anyhow::Result<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.split_whitespace().next()).context("no VmRSS")?;
        Ok(kib.parse::<f64>()? / 1024.0)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn on_cores(cores: &str, program: &Path) -> Command {
    let mut command = Command::new("taskset");
    command.args(["-c", cores]).arg(program);
    command
}

/// The body of an answer, without a library that would take time of its own.
pub fn get(url: &str, path: &str) -> anyhow::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(url.strip_prefix("http://").context("it is not http")?)?;
    write!(stream, "GET {path} HTTP/1.0\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    ensure!(answer.starts_with(b"HTTP/1.0 200"), "{path}: {}", answer.escape_ascii());
    let header = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n");
    Ok(answer.split_off(header.context("its header does not end")? + 4))
}
