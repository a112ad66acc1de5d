//! The configuration of the guide for a proxy: nginx in front of a server, below a path. Run with
//! `--features outside-tools`; requires `nginx` on the path or in `/usr/sbin`.

use std::io::Write as _;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use platform::client::Client;
use platform::server::{LogFormat, ServerLog, Settings};
use serde_json::Value;

use crate::support::{TestServer, VALIDATOR, check_problem, rankings};

/// How long an event may take on a busy machine: less than the time after which nginx closes the stream.
const LONGEST: Duration = Duration::from_secs(20);

/// A running nginx, stopped when dropped.
struct NginxProxy {
    url: String,
    child: Child,
    _directory: tempfile::TempDir,
}

impl Drop for NginxProxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl NginxProxy {
    /// Starts nginx with the documented configuration, without TLS and on a free port, in front of the server.
    fn before(server: &TestServer) -> Self {
        let documented = include_str!("../../../contrib/nginx.conf");
        let directory = tempfile::tempdir().unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let with_tls = documented.lines().filter(|line| !line.contains("ssl_certificate"));
        let site = with_tls.collect::<Vec<_>>().join("\n");
        let changed = site
            .replace("listen 443 ssl;", &format!("listen 127.0.0.1:{port};"))
            .replace("http://127.0.0.1:7878", &server.url);
        assert!(changed.contains(&server.url) && changed.contains(&port.to_string()), "{changed}");
        let root = directory.path().display();
        // One process that stays in the foreground ends with the test.
        let main = format!(
            "daemon off; master_process off; pid {root}/pid; error_log stderr;\n\
             events {{ worker_connections 64; }}\n\
             http {{ access_log off; client_body_temp_path {root}/body; proxy_temp_path {root}/proxy;\n\
             fastcgi_temp_path {root}/f; uwsgi_temp_path {root}/u; scgi_temp_path {root}/s;\n{changed}\n}}\n"
        );
        let config = directory.path().join("nginx.conf");
        std::fs::File::create(&config).unwrap().write_all(main.as_bytes()).unwrap();
        let path = format!("{}:/usr/sbin", std::env::var("PATH").unwrap_or_default());
        let mut nginx = Command::new("nginx");
        nginx.env("PATH", path).arg("-p").arg(directory.path()).arg("-c").arg(&config);
        let child =
            nginx.stderr(Stdio::null()).spawn().expect("nginx runs: apt install nginx-light");
        let proxy =
            Self { url: format!("http://127.0.0.1:{port}/arena"), child, _directory: directory };
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            std::thread::yield_now();
        }
        proxy
    }
}

/// What the server has logged.
#[derive(Clone, Default)]
struct ProxyLog(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for ProxyLog {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn platform_works_below_a_path_of_nginx() {
    let lines = ProxyLog::default();
    let settings = Settings {
        behind_proxy: true,
        public_url: "https://arena.example/arena".parse().unwrap(),
        validator_token: Some(VALIDATOR.into()),
        log: ServerLog::start(LogFormat::Json, lines.clone()).unwrap(),
        ..Settings::default()
    };
    let log = settings.log.clone();
    let server = TestServer::with(settings).await;
    let nginx = NginxProxy::before(&server);
    let client = Client::new(&nginx.url).unwrap();

    // The largest agent fits.
    let largest = format!("x = 1{}", "#".repeat((256 << 10) - 5));
    let me = "me".parse().unwrap();
    client.upload(&me, largest, None).await.unwrap();
    assert_eq!(client.agents().await.unwrap().agents.len(), 1);
    assert_eq!(client.tasks().await.unwrap().len(), tasks::all().len());
    // A ranking is larger than an agent may be.
    let mut round = rankings("one", "me");
    round.round.image = "x".repeat(200);
    client.put_rankings(&round, VALIDATOR).await.unwrap();
    let padded = format!("{}{}", " ".repeat(2 << 20), serde_json::to_string(&round).unwrap());
    let put = reqwest::Client::new().put(format!("{}/rankings?publish_partial=true", nginx.url));
    let put = put.bearer_auth(VALIDATOR).header("content-type", "application/json").body(padded);
    assert_eq!(put.send().await.unwrap().status(), 204);
    assert_eq!(client.rankings().await.unwrap(), Some(round));

    // An event of a round that is running arrives while the stream is open.
    let progress = serde_json::json!({
        "round": "20260110T000100Z-live", "started_at": Timestamp::now(), "updated_at": Timestamp::now(),
        "trials_done": 1, "trials_total": 2, "cached": 0, "faults": 0, "agents_done": 0, "agents_total": 1,
        "state": "running",
    });
    let put =
        reqwest::Client::new().put(format!("{}/rounds/20260110T000100Z-live/progress", nginx.url));
    assert_eq!(put.bearer_auth(VALIDATOR).json(&progress).send().await.unwrap().status(), 204);
    let mut events = get(&nginx, "/rounds/20260110T000100Z-live/events").await;
    let event = tokio::time::timeout(LONGEST, events.chunk()).await.expect("an event in time");
    let event = String::from_utf8(event.unwrap().unwrap().into()).unwrap();
    assert!(event.contains("trials_done"), "{event}");
    drop(events);

    let problem = check_problem(get(&nginx, "/tasks/none").await, 404, "no such task").await;
    assert_eq!(problem.type_url, "https://arena.example/arena/reference#problem-task-unknown");
    let moved = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build();
    let moved = moved.unwrap().get(&nginx.url).send().await.unwrap();
    assert_eq!(moved.status(), 301);
    assert_eq!(get(&nginx, "/").await.status(), 200);
    // What a client claims in the header is replaced by the address that nginx has seen.
    let forged = reqwest::Client::new().get(format!("{}/healthz", nginx.url));
    forged.header("x-forwarded-for", "1.2.3.4").send().await.unwrap();
    log.flush();
    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    let requests: Vec<Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(requests.iter().any(|line| line["path"] == "/healthz"), "{text}");
    assert!(requests.iter().all(|line| line["address"] == "127.0.0.1"), "{text}");
}

async fn get(nginx: &NginxProxy, path: &str) -> reqwest::Response {
    reqwest::get(format!("{}{path}", nginx.url)).await.unwrap()
}
