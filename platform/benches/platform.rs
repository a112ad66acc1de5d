//! The platform's figures, as ratios taken in one run on one machine.
//!
//! `cargo bench -p platform --bench platform` wants `wrk` and `taskset` on the path, and in `BENCH_PYTHON` a Python that
//! has `fastapi` and `uvicorn`; it writes and starts the `FastAPI` twin itself.
//! Where it is the processor that counts, the server has the first core and what asks it the second.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use platform::client::Client;
use platform::store::Store;
use platform::store::disk::Disk;

fn main() {
    // `cargo test --benches` asks for a list and gets none.
    if std::env::args().any(|arg| arg == "--list") {
        return;
    }
    let runtime = tokio::runtime::Runtime::new().expect("a runtime starts");
    println!("{:<62} {:>12} {:>12} {:>8}  to reach", "what", "here", "against", "ratio");
    // A part's name on the command line asks for that part alone.
    let names: Vec<_> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    let wanted = |part: &str| names.is_empty() || names.iter().any(|name| name == part);
    if wanted("tasks") {
        tasks();
    }
    if wanted("uploads") {
        runtime.block_on(uploads());
    }
    if wanted("many_agents") {
        many_agents();
    }
    if wanted("slow_connections") {
        slow_connections();
    }
}

fn row(what: &str, here: &str, against: &str, ratio: f64, to_reach: &str) {
    println!("{what:<62} {here:>12} {against:>12} {ratio:>8.2}  {to_reach}");
}

/// In the words of taskset.
const ALL_CORES: &str = "0-1";

/// A server, killed when dropped.
struct Server {
    process: Child,
    url: String,
    started_in: Duration,
}

impl Server {
    fn platform(store: &Path, cores: &str) -> Self {
        let store = store.to_str().expect("temporary folders are UTF-8");
        let command =
            [env!("CARGO_BIN_EXE_platform"), "serve", "--addr", "127.0.0.1:0", "--no-quotas"];
        let start = Instant::now();
        let command = [&command[..], &["--store", store]].concat();
        let mut process = on_cores(cores, &command);
        let mut line = String::new();
        let stdout = process.stdout.take().expect("stdout is piped");
        BufReader::new(stdout).read_line(&mut line).expect("the server says where it listens");
        let url = line.trim().strip_prefix("listening on ").expect("it listens").to_owned();
        Self { process, url, started_in: start.elapsed() }
    }

    /// The same endpoint as most would write it, and with its body made ahead.
    fn twin(folder: &Path, tasks: &str) -> Self {
        let source = "import json, pathlib\nfrom fastapi import FastAPI, Response\n\napp = FastAPI()\n\
                      TASKS = json.loads(pathlib.Path(__file__).with_name('tasks.json').read_text())\n\
                      BODY = json.dumps(TASKS).encode()\n\n\
                      @app.get('/tasks')\nasync def tasks():\n    return TASKS\n\n\
                      @app.get('/ready-made')\nasync def ready_made():\n    \
                      return Response(BODY, media_type='application/json')\n";
        fs::write(folder.join("twin.py"), source).expect("the twin is written");
        fs::write(folder.join("tasks.json"), tasks).expect("the tasks are written");
        let python = std::env::var("BENCH_PYTHON").unwrap_or_else(|_| "python3".to_owned());
        let port = free_port();
        let folder = folder.to_str().expect("temporary folders are UTF-8");
        let port_text = port.to_string();
        let start = Instant::now();
        let process = on_cores(
            "0",
            &[
                &python,
                "-m",
                "uvicorn",
                "--app-dir",
                folder,
                "--port",
                &port_text,
                "--workers",
                "1",
                "--no-access-log",
                "twin:app",
            ],
        );
        // uvicorn says nothing on stdout; its port answers when it is up.
        let mut twin =
            Self { process, url: format!("http://127.0.0.1:{port}"), started_in: start.elapsed() };
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(twin.process.try_wait().expect("it can be asked").is_none(), "the twin died");
            assert!(start.elapsed() < Duration::from_mins(1), "the twin does not answer");
            std::thread::sleep(Duration::from_millis(20));
        }
        twin
    }

    /// Memory in use, in MiB.
    fn memory_mib(&self) -> f64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id()));
        let status = status.expect("Linux tells a process's memory");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
        kib.expect("it is a number") / 1024.0
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn on_cores(cores: &str, command: &[&str]) -> Child {
    Command::new("taskset")
        .args(["-c", cores])
        .args(command)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("taskset starts")
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
    listener.local_addr().expect("it has an address").port()
}

/// Requests per second and the 99th percentile in milliseconds, by wrk from the second core.
fn wrk(url: &str) -> (f64, f64) {
    let output = Command::new("taskset")
        .args(["-c", "1", "wrk", "-t1", "-c16", "-d5s", "--latency", url])
        .output()
        .expect("wrk runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(!text.contains("Non-2xx"), "{text}");
    let after = |what: &str| {
        let line = text.lines().find_map(|line| line.trim().strip_prefix(what));
        line.unwrap_or_else(|| panic!("wrk says {what}: {text}")).trim().to_owned()
    };
    let rate = after("Requests/sec:").parse().expect("it is a number");
    let p99 = after("99%");
    let (number, unit) = p99.split_at(p99.find(char::is_alphabetic).expect("it has a unit"));
    let scale = match unit {
        "us" => 0.001,
        "s" => 1000.0,
        _ => 1.0,
    };
    (rate, number.parse::<f64>().expect("it is a number") * scale)
}

fn tasks() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let server = Server::platform(folder.path(), "0");
    let url = format!("{}/tasks", server.url);
    let (here, _) = wrk(&url);
    let body = String::from_utf8(get(&server.url, "/tasks")).expect("JSON is UTF-8");
    drop(server);
    let twin = Server::twin(folder.path(), &body);
    let (ready_made, _) = wrk(&format!("{}/ready-made", twin.url));
    let (usual, _) = wrk(&format!("{}/tasks", twin.url));
    let rate = |rate: f64| format!("{rate:.0}/s");
    let what = "GET /tasks on one core, against FastAPI";
    row(what, &rate(here), &rate(usual), here / usual, "10 or more");
    let what = "the same, against FastAPI with a ready-made body";
    row(what, &rate(here), &rate(ready_made), here / ready_made, "");
}

/// One request without a library.
fn get(url: &str, path: &str) -> Vec<u8> {
    let mut stream =
        TcpStream::connect(url.strip_prefix("http://").expect("it is http")).expect("it is up");
    write!(stream, "GET {path} HTTP/1.0\r\n\r\n").expect("it can be asked");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("it answers");
    let body = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").expect("a header ends") + 4;
    answer.split_off(body)
}

async fn uploads() {
    const CLIENTS: usize = 16;
    const TIME: Duration = Duration::from_secs(5);
    let folder = tempfile::tempdir().expect("a temporary folder");
    // Before and after, for other work on the disk comes and goes.
    let before = single_fsyncs(folder.path(), TIME / 2);
    let server = Server::platform(&folder.path().join("store"), ALL_CORES);
    let client = Client::new(&server.url).expect("it is an address");
    let start = Instant::now();
    let upload = |number: usize| {
        let client = client.clone();
        tokio::spawn(async move {
            let miner_id = format!("miner{number}").parse().expect("it is an id");
            let (mut token, mut count) = (None, 0_u32);
            while start.elapsed() < TIME {
                let source = format!("# {}\nprint({count})\n", "-".repeat(4_000));
                let receipt = client.upload(&miner_id, source, token.as_deref()).await;
                token = receipt.expect("it is stored").token.or(token);
                count += 1;
            }
            count
        })
    };
    let clients: Vec<_> = (0..CLIENTS).map(upload).collect();
    let mut count = 0;
    for client in clients {
        count += client.await.expect("no client panics");
    }
    let here = f64::from(count) / start.elapsed().as_secs_f64();
    let single = before.midpoint(single_fsyncs(folder.path(), TIME / 2));
    let what = "acknowledged uploads from 16 clients, against single fsyncs";
    row(what, &format!("{here:.0}/s"), &format!("{single:.0}/s"), here / single, "1 or more");
}

/// How often the disk can make 4 KiB durable, one after the other.
fn single_fsyncs(folder: &Path, time: Duration) -> f64 {
    let mut file = File::create(folder.join("fsync")).expect("a file is made");
    let (start, mut count) = (Instant::now(), 0_u32);
    while start.elapsed() < time {
        file.write_all(&[0; 4096]).expect("it is written");
        file.sync_all().expect("it is synced");
        count += 1;
    }
    f64::from(count) / start.elapsed().as_secs_f64()
}

/// Makes a large store in a short time.
#[derive(Debug)]
struct NeverSyncs;

impl Disk for NeverSyncs {
    fn sync(&self, _: &File) -> std::io::Result<()> {
        Ok(())
    }

    fn sync_folder(&self, _: &Path) -> std::io::Result<()> {
        Ok(())
    }
}

fn many_agents() {
    const AGENTS: usize = 10_000;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = Store::open_on(folder.path(), Arc::new(NeverSyncs)).expect("it opens");
    for n in 0..AGENTS {
        let miner_id = format!("miner{n}").parse().expect("it is an id");
        store.put_agent(&miner_id, format!("print({n})").as_bytes(), None).expect("it is stored");
    }
    let server = Server::platform(folder.path(), "0");
    let ms = |time: Duration| time.as_secs_f64() * 1000.0;
    let started = ms(server.started_in);
    let what = "start with 10,000 stored agents";
    row(what, &format!("{started:.0} ms"), "1000 ms", started / 1000.0, "1 or less");
    for (what, path) in [
        ("GET /agents?limit=100 of 10,000", "/agents?limit=100"),
        ("the same, last page", "/agents?limit=100&after=miner9899"),
    ] {
        let mut times: Vec<_> = (0..50)
            .map(|_| {
                let start = Instant::now();
                get(&server.url, path);
                ms(start.elapsed())
            })
            .collect();
        times.sort_by(f64::total_cmp);
        let worst = times[48];
        row(what, &format!("{worst:.1} ms"), "50 ms", worst / 50.0, "1 or less");
    }
}

fn slow_connections() {
    const CONNECTIONS: usize = 1_000;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let server = Server::platform(folder.path(), "0");
    let url = format!("{}/tasks", server.url);
    wrk(&url);
    let (_, p99_alone) = wrk(&url);
    let memory_alone = server.memory_mib();
    let address = server.url.strip_prefix("http://").expect("it is http");
    let header = "POST /upload/agent HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\
                  Content-Type: multipart/form-data; boundary=b\r\n\r\n--b\r\n";
    let mut slow: Vec<TcpStream> = (0..CONNECTIONS)
        .map(|_| TcpStream::connect(address).expect("it takes the connection"))
        .collect();
    for (number, stream) in slow.iter_mut().enumerate() {
        // One half has not ended its header, the other its body.
        let sent = if number % 2 == 0 { &header[..40] } else { header };
        stream.write_all(sent.as_bytes()).expect("it is sent");
    }
    let (_, p99) = wrk(&url);
    let memory = server.memory_mib();
    let alive = slow.iter().filter(|stream| stream.set_nonblocking(true).is_ok()).count();
    let what = format!("p99 of GET /tasks beside {alive} slow connections");
    row(&what, &format!("{p99:.2} ms"), &format!("{p99_alone:.2} ms"), p99 / p99_alone, "about 1");
    let what = "memory of the server beside them";
    row(
        what,
        &format!("{memory:.1} MiB"),
        &format!("{memory_alone:.1} MiB"),
        memory / memory_alone,
        "",
    );
}
