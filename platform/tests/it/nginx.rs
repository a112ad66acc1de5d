//! The configuration of the guide for a proxy: nginx in front of a server, below a path and with TLS. Run with
//! `--features outside-tools`; requires `nginx` on the path or in `/usr/sbin`.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use platform::client::Client;
use platform::server::{LogFormat, ServerLog, Settings};
use reqwest::multipart::{Form, Part};
use serde_json::Value;

use crate::support::{TestServer, VALIDATOR, check_problem, rankings, rounds};

/// How long an event may take on a busy machine: less than the time after which nginx closes the stream.
const LONGEST: Duration = Duration::from_secs(20);

/// The host that the configuration is for.
const HOST: &str = "arena.example";

/// A running nginx, stopped when dropped.
struct NginxProxy {
    /// Without TLS, for a client that trusts the authorities of the machine
    url: String,
    /// With TLS, as documented
    https_port: u16,
    /// The certificate of the host, signed by itself
    certificate: String,
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
    /// Starts nginx with the documented configuration on free ports in front of the server, with a certificate for the
    /// documented host.
    fn before(server: &TestServer) -> Self {
        let documented = include_str!("../../../contrib/nginx.conf");
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().display();
        let certified = rcgen::generate_simple_self_signed([HOST.to_owned()]).unwrap();
        let certificate = certified.cert.pem();
        std::fs::write(directory.path().join("fullchain.pem"), &certificate).unwrap();
        let key = certified.signing_key.serialize_pem();
        std::fs::write(directory.path().join("privkey.pem"), key).unwrap();

        let free = || std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        // Both are bound until the numbers are known, so that they differ.
        let [port, https_port] = [free(), free()].map(|l| l.local_addr().unwrap().port());
        let listen = format!("listen 127.0.0.1:{https_port} ssl;\n    listen 127.0.0.1:{port};");
        let mut site = documented.to_owned();
        for (documented, here) in [
            ("listen 443 ssl;", &*listen),
            ("/etc/letsencrypt/live/arena.example", &root.to_string()),
            ("http://127.0.0.1:7878", &server.url),
        ] {
            assert!(site.contains(documented), "{documented} is not in {site}");
            site = site.replace(documented, here);
        }
        // One process that stays in the foreground ends with the test.
        let main = format!(
            "daemon off; master_process off; pid {root}/pid; error_log stderr;\n\
             events {{ worker_connections 64; }}\n\
             http {{ access_log off; client_body_temp_path {root}/body; proxy_temp_path {root}/proxy;\n\
             fastcgi_temp_path {root}/f; uwsgi_temp_path {root}/u; scgi_temp_path {root}/s;\n{site}\n}}\n"
        );
        let config = directory.path().join("nginx.conf");
        std::fs::File::create(&config).unwrap().write_all(main.as_bytes()).unwrap();
        let path = format!("{}:/usr/sbin", std::env::var("PATH").unwrap_or_default());
        let mut nginx = Command::new("nginx");
        nginx.env("PATH", path).arg("-p").arg(directory.path()).arg("-c").arg(&config);
        let child =
            nginx.stderr(Stdio::null()).spawn().expect("nginx runs: apt install nginx-light");
        let url = format!("http://127.0.0.1:{port}/arena");
        let mut proxy = Self { url, https_port, certificate, child, _directory: directory };
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert_eq!(proxy.child.try_wait().unwrap(), None, "nginx refuses its configuration");
            std::thread::yield_now();
        }
        proxy
    }

    /// A client that finds the documented host here. It trusts nothing but its certificate.
    fn https_client(&self) -> reqwest::Client {
        let certificate = reqwest::Certificate::from_pem(self.certificate.as_bytes()).unwrap();
        let here = ([127, 0, 0, 1], self.https_port).into();
        let client = reqwest::Client::builder().tls_certs_only([certificate]).resolve(HOST, here);
        client.redirect(reqwest::redirect::Policy::none()).build().unwrap()
    }

    fn https_url(&self, path: &str) -> String {
        format!("https://{HOST}:{}{path}", self.https_port)
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

#[tokio::test(flavor = "multi_thread")]
async fn platform_works_through_tls() {
    let settings = Settings {
        behind_proxy: true,
        public_url: "https://arena.example/arena".parse().unwrap(),
        ..Settings::default()
    };
    let server = TestServer::with(settings).await;
    rounds::put(&server.store);
    let nginx = NginxProxy::before(&server);
    let client = nginx.https_client();
    let get = async |path: &str| client.get(nginx.https_url(path)).send().await.unwrap();

    let file = Part::bytes(b"print(1)\n".to_vec()).file_name("agent.py");
    let form = Form::new().part("file", file).text("miner_id", "me");
    let upload = client.post(nginx.https_url("/arena/upload/agent")).multipart(form);
    assert_eq!(upload.send().await.unwrap().status(), 201);
    assert_eq!(*server.store.agent_ids().unwrap(), ["me".parse().unwrap()]);

    let page = client.get(nginx.https_url("/arena/")).header("accept", "text/html");
    let page = page.send().await.unwrap().text().await.unwrap();
    // What the page loads and links to is below the path, and comes through TLS as well.
    let links = ["href=\"", "src=\""].iter().flat_map(|attribute| page.split(attribute).skip(1));
    let links = links.filter_map(|rest| rest.split('"').next());
    let links: BTreeSet<_> = links.filter(|link| !link.starts_with('#')).collect();
    for asset in ["/arena/style.css", "/arena/arena.js", "/arena/rounds/20260103T000000Z-00000001"]
    {
        assert!(links.contains(asset), "{asset} is not in {links:?}");
        assert_eq!(get(asset).await.status(), 200, "{asset}");
    }
    let outside: Vec<_> = links.iter().filter(|link| !link.starts_with("/arena/")).collect();
    assert!(outside.is_empty(), "links that leave the path: {outside:?}");
    let moved = get("/arena").await;
    assert_eq!(moved.headers()["location"], nginx.https_url("/arena/"));

    // Without the certificate's authority a client stops, and without TLS nginx does.
    let here = ([127, 0, 0, 1], nginx.https_port).into();
    let stranger = reqwest::Client::builder().resolve(HOST, here).build().unwrap();
    assert!(stranger.get(nginx.https_url("/arena/")).send().await.unwrap_err().is_connect());
    let plain = format!("http://127.0.0.1:{}/arena/", nginx.https_port);
    assert_eq!(reqwest::get(plain).await.unwrap().status(), 400);
}

async fn get(nginx: &NginxProxy, path: &str) -> reqwest::Response {
    reqwest::get(format!("{}{path}", nginx.url)).await.unwrap()
}
