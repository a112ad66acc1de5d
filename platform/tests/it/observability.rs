//! The log and the figures of a running server.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use platform::server::{LogFormat, ServerLog, Settings};
use reqwest::Method;
use serde_json::Value;

use crate::support::{TestServer, VALIDATOR, rankings};

/// What the server has logged.
#[derive(Clone, Default)]
struct LogLines(Arc<Mutex<Vec<u8>>>);

impl Write for LogLines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl LogLines {
    /// A server that logs here, and its log.
    async fn server(&self, settings: Settings) -> (TestServer, ServerLog) {
        let log = ServerLog::start(LogFormat::Json, self.clone()).unwrap();
        let settings =
            Settings { log: log.clone(), validator_token: Some(VALIDATOR.into()), ..settings };
        (TestServer::with(settings).await, log)
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    /// The lines about this event, when there are `count` of them: the last request may still be on its way.
    fn of(&self, log: &ServerLog, event: &str, count: usize) -> Vec<Value> {
        loop {
            log.flush();
            let text = self.text();
            let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
            let found: Vec<_> = lines.filter(|line| line["event"] == event).collect();
            assert!(found.len() <= count, "{text}");
            if found.len() == count {
                return found;
            }
            std::thread::yield_now();
        }
    }
}

#[tokio::test]
async fn every_request_is_logged_with_its_route_and_miner() {
    let lines = LogLines::default();
    let (server, log) = lines.server(Settings::default()).await;
    let upload = server.upload("me", "SECRET = 1\n").send().await.unwrap();
    let token = upload.json::<Value>().await.unwrap()["token"].as_str().unwrap().to_owned();
    let tasks = server.get("/tasks").await;
    let (id, length) =
        (tasks.headers()["x-request-id"].clone(), tasks.bytes().await.unwrap().len());
    server.get("/agents/me?secret=1").await;
    server.get("/nothing/%0Aevent=upload").await;
    let found = lines.of(&log, "request", 4);
    let view = |line: &Value| {
        let text = |name: &str| line[name].as_str().unwrap_or("-").to_owned();
        format!(
            "{} {} {} {} {}",
            text("method"),
            text("route"),
            text("path"),
            line["status"],
            text("miner")
        )
    };
    assert_eq!(
        found.iter().map(view).collect::<Vec<_>>(),
        [
            "POST /upload/agent /upload/agent 201 me",
            "GET /tasks /tasks 200 -",
            "GET /agents/{miner_id} /agents/me 200 me",
            "GET - /nothing/%0Aevent=upload 404 -",
        ]
    );
    assert_eq!(
        (&found[1]["bytes"], &found[1]["id"]),
        (&length.into(), &id.to_str().unwrap().into())
    );
    assert_eq!(
        (&found[1]["address"], &found[3]["problem"]),
        (&"127.0.0.1".into(), &"not-found".into())
    );
    assert!(found.iter().all(|line| line["ms"].as_f64().unwrap() > 0.0));
    let text = lines.text();
    for secret in ["SECRET", &token, &token[6..], "secret=1"] {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
}

#[tokio::test]
async fn events_that_an_operator_must_prove_are_logged() {
    let lines = LogLines::default();
    let (server, log) = lines.server(Settings::default()).await;
    let me = "me".parse().unwrap();
    let first = server.client.upload(&me, "x = 1\n", None).await.unwrap();
    let token = first.token.unwrap();
    // The same bytes change nothing.
    server.client.upload(&me, "x = 1\n", Some(&token)).await.unwrap();
    let new = server.client.rotate_token(&me, &token).await.unwrap();
    server.client.upload(&me, "x = 2\n", Some(&token)).await.unwrap_err();
    let put = server.request(Method::PUT, "/rankings").bearer_auth("guess");
    assert_eq!(put.json(&rankings("one", "me")).send().await.unwrap().status(), 401);
    server.client.put_rankings(&rankings("one", "me"), VALIDATOR).await.unwrap();

    let upload = &lines.of(&log, "upload", 1)[0];
    assert_eq!((&upload["miner"], &upload["version"]), (&"me".into(), &1.into()));
    assert_eq!(upload["sha256"], first.sha256.as_str());
    assert_eq!(lines.of(&log, "token-exchanged", 1)[0]["miner"], "me");
    let refused = lines.of(&log, "token-refused", 2);
    assert_eq!((&refused[0]["miner"], refused[1].get("miner")), (&"me".into(), None));
    let published = &lines.of(&log, "ranking-published", 1)[0];
    assert_eq!(published["round"], "20260110T000000Z-one");
    // An event has the id of its request.
    let requests = lines.of(&log, "request", 6);
    assert!(requests.iter().any(|line| line["id"] == published["id"]), "{requests:?}");
    let text = lines.text();
    for secret in [token.as_str(), &new, VALIDATOR, "guess"] {
        assert!(!text.contains(secret), "{text}");
    }
}

#[tokio::test]
async fn address_in_the_log_is_the_one_of_the_quotas() {
    let lines = LogLines::default();
    let settings = Settings { behind_proxy: true, ..Settings::default() };
    let (server, log) = lines.server(settings).await;
    let get = server.request(Method::GET, "/tasks").header("x-forwarded-for", "1.2.3.4, 10.0.0.9");
    get.send().await.unwrap();
    assert_eq!(lines.of(&log, "request", 1)[0]["address"], "10.0.0.9");
}

/// The value of a sample.
fn sample(text: &str, name: &str) -> Option<f64> {
    let line =
        text.lines().find(|line| line.rsplit_once(' ').is_some_and(|(sample, _)| sample == name));
    line.and_then(|line| line.rsplit_once(' ')?.1.parse().ok())
}

async fn scrape(server: &TestServer) -> String {
    let response = reqwest::get(&server.metrics_url).await.unwrap();
    assert_eq!(response.status(), 200);
    let kind = response.headers()["content-type"].to_str().unwrap().to_owned();
    assert!(kind.starts_with("application/openmetrics-text; version=1.0.0"), "{kind}");
    response.text().await.unwrap()
}

#[tokio::test]
async fn figures_count_requests_problems_and_files() {
    let server = TestServer::start().await;
    let me = "me".parse().unwrap();
    server.client.upload(&me, "x = 1\n", None).await.unwrap();
    server.client.upload(&me, "x = 2\n", Some("guess")).await.unwrap_err();
    server.client.upload(&"you".parse().unwrap(), "import numpy\n", None).await.unwrap_err();
    server.client.put_rankings(&rankings("one", "me"), VALIDATOR).await.unwrap();
    std::fs::write(server.store.root().join("agents/you.json"), "{").unwrap();
    server.get("/agents/me").await.bytes().await.unwrap();
    server.request("BREW".parse().unwrap(), "/tasks").send().await.unwrap();
    server.get("/nothing").await;
    let text = scrape(&server).await;
    let check =
        |name: &str, value: f64| assert_eq!(sample(&text, name), Some(value), "{name}: {text}");
    check(r#"arena_requests_total{method="POST",route="/upload/agent",status="2xx"}"#, 1.0);
    check(r#"arena_requests_total{method="POST",route="/upload/agent",status="4xx"}"#, 2.0);
    check(r#"arena_requests_total{method="GET",route="/agents/{miner_id}",status="2xx"}"#, 1.0);
    check(r#"arena_requests_total{method="other",route="/tasks",status="4xx"}"#, 1.0);
    check(r#"arena_requests_total{method="GET",route="none",status="4xx"}"#, 1.0);
    check(r#"arena_request_duration_seconds_count{route="/agents/{miner_id}"}"#, 1.0);
    check(r#"arena_problems_total{reason="source-refused"}"#, 1.0);
    check(r#"arena_tokens_refused_total{reason="token-wrong"}"#, 1.0);
    check("arena_uploads_total", 1.0);
    check("arena_rankings_published_total", 1.0);
    check("arena_store_agents", 1.0);
    check("arena_store_damaged_agents", 1.0);
    check("arena_store_rounds", 1.0);
    check(r#"arena_store_files{directory="versions"}"#, 1.0);
    check(r#"arena_store_size_bytes{directory="versions"}"#, 6.0);
    check("arena_log_lines_dropped_total", 0.0);
    assert!(sample(&text, "arena_connections").unwrap() >= 1.0, "{text}");
    assert!(sample(&text, "arena_sent_bytes_total").unwrap() > 0.0, "{text}");
    assert!(text.ends_with("# EOF\n"), "{text}");
    // The public address has no figures.
    assert_eq!(server.get("/metrics").await.status(), 404);
    let other = server.metrics_url.replace("/metrics", "/tasks");
    assert_eq!(reqwest::get(other).await.unwrap().status(), 404);
}

#[cfg(feature = "outside-tools")]
#[tokio::test(flavor = "multi_thread")]
async fn figures_are_read_by_the_parser_of_prometheus() {
    let server = TestServer::start().await;
    server.upload("me", "x = 1\n").send().await.unwrap();
    let program = "import sys\n\
        from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse\n\
        for family in parse(sys.stdin.read()):\n\
        \x20   print(family.name, family.type, family.unit, len(family.samples), bool(family.documentation))\n";
    let mut python = std::process::Command::new("python")
        .args(["-c", program])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("python with prometheus-client runs");
    python.stdin.take().unwrap().write_all(scrape(&server).await.as_bytes()).unwrap();
    let output = python.wait_with_output().unwrap();
    assert!(output.status.success());
    let families = String::from_utf8(output.stdout).unwrap();
    assert!(families.contains("arena_uploads counter  1 True\n"), "{families}");
    assert!(families.contains("arena_request_duration_seconds histogram seconds"), "{families}");
    assert!(families.contains("arena_store_size_bytes gauge bytes"), "{families}");
    assert!(families.lines().all(|line| line.ends_with("True")), "{families}");
}
