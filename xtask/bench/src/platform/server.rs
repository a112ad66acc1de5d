//! The servers that are measured, `arena serve` and its twin in `FastAPI`, and a minimal client.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use serde::Deserialize;

/// The core of the measured server, in the notation of taskset.
pub const ONE_CORE: Option<&str> = Some("0");

/// How long a server may take to start.
const START: Duration = Duration::from_mins(1);
/// Boundary of the parts of an upload.
const BOUNDARY: &str = "arena-bench-boundary";

/// A body that another server has served.
pub struct ReadyMadeBody {
    /// The path with its parameters
    pub path: &'static str,
    /// The bytes
    pub body: Vec<u8>,
}

/// A server, killed when dropped.
pub struct MeasuredServer {
    process: Child,
    /// Where it listens, such as `http://127.0.0.1:7878`
    pub url: String,
    /// Time from its start until it listens
    pub started_in: Duration,
}

impl MeasuredServer {
    /// Starts `arena serve` without quotas on these cores, or on all. It writes no access log, as its peers do not.
    pub fn arena(arena: &Path, store: &Path, cores: Option<&str>) -> anyhow::Result<Self> {
        let mut command = on_cores(cores, arena);
        command.args(["serve", "--addr", "127.0.0.1:0", "--no-quotas", "--log", "off", "--store"]);
        command.arg(store);
        command.stdout(Stdio::piped()).stderr(Stdio::null());
        let start = Instant::now();
        let process = command.spawn().context("cannot start arena serve")?;
        let mut server = Self { process, url: String::new(), started_in: Duration::ZERO };
        let stdout = server.process.stdout.take().context("stdout is piped")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        let url = line.trim().strip_prefix("listening on ").context("arena serve did not start")?;
        (server.url, server.started_in) = (url.to_owned(), start.elapsed());
        Ok(server)
    }

    /// Starts a server in `FastAPI` that holds each of these bodies in every form.
    pub fn ready_made(
        python: &Path,
        dir: &Path,
        cores: Option<&str>,
        bodies: &[ReadyMadeBody],
    ) -> anyhow::Result<Self> {
        let directory = dir.join("bodies");
        fs::create_dir_all(&directory)?;
        for (number, body) in bodies.iter().enumerate() {
            fs::write(directory.join(format!("{number}.path")), body.path)?;
            fs::write(directory.join(format!("{number}.body")), &body.body)?;
        }
        Self::twin(python, dir, cores, b"[]")
    }

    /// Starts the same endpoints in `FastAPI`, with `tasks` as the body of `GET /tasks`.
    pub fn twin(
        python: &Path,
        dir: &Path,
        cores: Option<&str>,
        tasks: &[u8],
    ) -> anyhow::Result<Self> {
        fs::create_dir_all(dir.join("agents"))?;
        fs::create_dir_all(dir.join("bodies"))?;
        fs::write(dir.join("twin.py"), include_str!("twin.py"))?;
        fs::write(dir.join("tasks.json"), tasks)?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let mut command = on_cores(cores, python);
        command
            .args(["-m", "uvicorn", "--workers", "1", "--log-level", "warning", "--no-access-log"])
            .args(["--port", &port.to_string(), "--app-dir"])
            .arg(dir)
            .arg("twin:app")
            .env("TASKS", dir.join("tasks.json"))
            .env("BODIES", dir.join("bodies"))
            .env("STORE", dir.join("agents"));
        let (process, start) = (command.spawn()?, Instant::now());
        let url = format!("http://127.0.0.1:{port}");
        let mut twin = Self { process, url, started_in: Duration::ZERO };
        // It prints nothing when it is up, but its port answers then.
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            ensure!(
                twin.process.try_wait()?.is_none(),
                "the FastAPI twin ended; see its output above"
            );
            ensure!(start.elapsed() < START, "the FastAPI twin did not start within {START:?}");
            std::thread::sleep(Duration::from_millis(20));
        }
        twin.started_in = start.elapsed();
        Ok(twin)
    }

    /// Resident memory in MiB.
    pub fn memory_mib(&self) -> anyhow::Result<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.split_whitespace().next()).context("no VmRSS")?;
        Ok(kib.parse::<f64>()? / 1024.0)
    }

    /// The body of a response. No HTTP library takes part, which would take time of its own.
    pub fn get(&self, path: &str) -> anyhow::Result<Vec<u8>> {
        self.exchange(format!("GET {path} HTTP/1.0\r\n\r\n").as_bytes(), path)
    }

    /// Uploads an agent. Returns its token, or an empty string if one was given.
    pub fn upload(&self, id: &str, source: &str, token: Option<&str>) -> anyhow::Result<String> {
        #[derive(Deserialize)]
        struct UploadReceipt {
            #[serde(default)]
            token: String,
        }
        let body = format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"miner_id\"\r\n\r\n{id}\r\n\
             --{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"agent.py\"\r\n\r\n\
             {source}\r\n--{BOUNDARY}--\r\n"
        );
        let authorization =
            token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
        let request = format!(
            "POST /upload/agent HTTP/1.0\r\nContent-Type: multipart/form-data; boundary={BOUNDARY}\r\n\
             Content-Length: {}\r\n{authorization}\r\n{body}",
            body.len()
        );
        let receipt = self.exchange(request.as_bytes(), "/upload/agent")?;
        let receipt: UploadReceipt = serde_json::from_slice(&receipt)?;
        Ok(receipt.token)
    }

    /// Uploads so many agents, each with a source of its own, over some connections at a time.
    pub fn upload_agents(&self, count: u32) -> anyhow::Result<()> {
        const CONNECTIONS: u32 = 8;
        let upload_share = |first| {
            (first..count).step_by(CONNECTIONS as usize).try_for_each(|n| {
                self.upload(&format!("miner{n}"), &format!("print({n})"), None).map(drop)
            })
        };
        std::thread::scope(|scope| {
            let uploads: Vec<_> =
                (0..CONNECTIONS).map(|first| scope.spawn(move || upload_share(first))).collect();
            uploads.into_iter().try_for_each(|upload| {
                upload.join().map_err(|_| anyhow::anyhow!("an upload of the benchmark panicked"))?
            })
        })
    }

    /// The `ETag` of a path.
    pub fn tag(&self, path: &str) -> anyhow::Result<String> {
        let response = self.response(format!("GET {path} HTTP/1.0\r\n\r\n").as_bytes(), path)?;
        let head = String::from_utf8_lossy(&response[..response.len().min(8 << 10)]).into_owned();
        let tag = head.lines().find_map(|line| {
            line.split_once(": ").filter(|(name, _)| name.eq_ignore_ascii_case("etag"))
        });
        Ok(tag.with_context(|| format!("{path} has no ETag"))?.1.to_owned())
    }

    fn exchange(&self, request: &[u8], path: &str) -> anyhow::Result<Vec<u8>> {
        let mut response = self.response(request, path)?;
        let header = response.windows(4).position(|bytes| bytes == b"\r\n\r\n");
        Ok(response.split_off(header.context("the response has no end of headers")? + 4))
    }

    /// The whole response, which must report success.
    fn response(&self, request: &[u8], path: &str) -> anyhow::Result<Vec<u8>> {
        let address = self.url.strip_prefix("http://").context("expected an http URL")?;
        let mut stream = TcpStream::connect(address)?;
        stream.write_all(request)?;
        let mut response = Vec::new();
        stream.read_to_end(&mut response)?;
        if !response.starts_with(b"HTTP/1.0 20") && !response.starts_with(b"HTTP/1.1 20") {
            bail!("{path}: unexpected response: {}", response.escape_ascii());
        }
        Ok(response)
    }
}

impl Drop for MeasuredServer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn on_cores(cores: Option<&str>, program: &Path) -> Command {
    let Some(cores) = cores else { return Command::new(program) };
    let mut command = Command::new("taskset");
    command.args(["-c", cores]).arg(program);
    command
}
