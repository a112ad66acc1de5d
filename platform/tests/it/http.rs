//! Limits, headers and shutdown: what keeps the server up among misbehaving clients. Uses raw sockets where an
//! HTTP client would not send such requests.

use std::fs::File;
use std::io;
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use platform::api::{AgentView, Receipt};
use platform::server::{HttpLimits, Quotas, Settings};
use platform::store::Store;
use platform::store::disk::{Disk, RealDisk};
use reqwest::Method;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::{TestServer, VALIDATOR, check_problem};

/// A limit that expires soon in a test, and yet not before a request on a busy machine has begun.
const SHORT: Duration = Duration::from_secs(1);

fn limits(limits: HttpLimits) -> Settings {
    Settings { limits, ..Settings::default() }
}

async fn connect(server: &TestServer) -> TcpStream {
    TcpStream::connect(server.url.strip_prefix("http://").unwrap()).await.unwrap()
}

/// Sends these bytes and returns everything that the server sends until it closes the connection.
async fn exchange(server: &TestServer, bytes: &[u8]) -> String {
    let mut stream = connect(server).await;
    stream.write_all(bytes).await.unwrap();
    let mut response = Vec::new();
    let _ = stream.read_to_end(&mut response).await;
    String::from_utf8_lossy(&response).into_owned()
}

const HALF_AN_UPLOAD: &str = "POST /upload/agent HTTP/1.1\r\nHost: x\r\n\
    Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 400\r\n\r\n\
    --b\r\nContent-Disposition: form-data; name=\"miner_id\"\r\n\r\nme\r\n";

/// A whole upload in three parts: the header, the start of the body, and its end.
fn an_upload() -> (String, &'static str, &'static str) {
    let end = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"agent.py\"\r\n\r\n\
               print(1)\r\n--b--\r\n";
    let (header, start) = HALF_AN_UPLOAD.split_once("\r\n\r\n").unwrap();
    let length = (start.len() + end.len()).to_string();
    (header.replace("400", &length) + "\r\n\r\n", start, end)
}

#[tokio::test]
async fn slow_headers_and_bodies_are_not_waited_for() {
    let slow_header = HttpLimits { header_time: SHORT, ..HttpLimits::STANDARD };
    let server = TestServer::with(limits(slow_header)).await;
    exchange(&server, b"GET /tasks HTTP/1.1\r\nHost:").await;
    exchange(&server, b"").await;
    // A connection that is kept open and sends nothing more is closed as well.
    let response = exchange(&server, b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(response.starts_with("HTTP/1.1 200"), "{response}");

    let slow_body = HttpLimits { request_time: SHORT, ..HttpLimits::STANDARD };
    let server = TestServer::with(limits(slow_body)).await;
    let response = exchange(&server, HALF_AN_UPLOAD.as_bytes()).await;
    assert!(response.starts_with("HTTP/1.1 408"), "{response}");
    assert!(response.contains("application/problem+json"), "{response}");

    // The duration of a connection is bounded whatever it waits for.
    let patient = HttpLimits { header_time: Duration::from_hours(1), ..HttpLimits::STANDARD };
    let short_life =
        HttpLimits { connection_time: SHORT, request_time: SHORT, drain_time: SHORT, ..patient };
    let server = TestServer::with(limits(short_life)).await;
    assert_eq!(exchange(&server, b"GET /tasks HTTP/1.1\r\nHost:").await, "");
}

#[tokio::test]
async fn expired_connection_finishes_its_request() {
    let short_life = HttpLimits { connection_time: SHORT, ..HttpLimits::STANDARD };
    let server = TestServer::with(limits(short_life)).await;
    let (header, start, end) = an_upload();
    let mut upload = connect(&server).await;
    upload.write_all(format!("{header}{start}").as_bytes()).await.unwrap();
    // A later connection is closed, so this one has expired as well.
    let idle = exchange(&server, b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(idle.starts_with("HTTP/1.1 200 "), "{idle}");
    upload.write_all(end.as_bytes()).await.unwrap();
    let mut response = String::new();
    upload.read_to_string(&mut response).await.unwrap();
    assert!(response.starts_with("HTTP/1.1 201 "), "{response}");
}

/// A disk whose syncs wait until the test allows them, or ends.
#[derive(Debug)]
struct SlowDisk {
    begun: Mutex<mpsc::Sender<()>>,
    allowed: Mutex<mpsc::Receiver<()>>,
}

impl Disk for SlowDisk {
    fn sync(&self, file: &File) -> io::Result<()> {
        let _ = self.begun.lock().unwrap().send(());
        let _ = self.allowed.lock().unwrap().recv();
        RealDisk.sync(file)
    }
}

#[tokio::test]
async fn upload_that_is_being_stored_at_its_deadline_is_acknowledged() {
    let directory = tempfile::tempdir().unwrap();
    let ((announce, begun), (allow, allowed)) = (mpsc::channel(), mpsc::channel());
    let disk = SlowDisk { begun: Mutex::new(announce), allowed: Mutex::new(allowed) };
    let store = Store::open_on(directory.path(), Arc::new(disk)).unwrap();
    let short = HttpLimits { request_time: SHORT, ..HttpLimits::STANDARD };
    let server = TestServer::on(store, limits(short)).await;
    let upload = tokio::spawn(server.upload("me", "print(1)\n").send());
    tokio::task::spawn_blocking(move || begun.recv().unwrap()).await.unwrap();
    // A later request has expired, so this one has as well.
    let late = exchange(&server, HALF_AN_UPLOAD.as_bytes()).await;
    assert!(late.starts_with("HTTP/1.1 408 "), "{late}");
    drop(allow);
    let stored = upload.await.unwrap().unwrap();
    assert_eq!(stored.status(), 201);
    assert!(stored.json::<Receipt>().await.unwrap().token.is_some());
}

#[tokio::test]
async fn no_accept_encoding_costs_an_upload_its_response() {
    let server = TestServer::start().await;
    for (id, accepted) in [("a", "Identity;Q=0"), ("b", "br;q=0, *; q=0.0"), ("c", "*;q=0,gzip")] {
        let upload = server.upload(id, "print(1)\n").header("accept-encoding", accepted);
        assert_eq!(upload.send().await.unwrap().status(), 201, "{accepted}");
        let request = server.request(Method::GET, "/tasks").header("accept-encoding", accepted);
        let response = request.send().await.unwrap();
        let coding =
            response.headers().get("content-encoding").map(|coding| coding.to_str().unwrap());
        assert_eq!(
            (response.status().as_u16(), coding),
            (200, (id == "c").then_some("gzip")),
            "{accepted}"
        );
    }
}

#[tokio::test]
async fn malformed_and_oversized_requests_are_refused() {
    let server = TestServer::start().await;
    let check = async |request: &[u8], status: u16| {
        let response = exchange(&server, request).await;
        assert!(response.starts_with(&format!("HTTP/1.1 {status} ")), "{response}");
    };
    let limits = HttpLimits::STANDARD;
    let many = "X-A: 1\r\n".repeat(limits.headers + 1);
    let large = format!("X-A: {}\r\n", "a".repeat(limits.header_bytes));
    for headers in [many, large] {
        check(format!("GET / HTTP/1.1\r\n{headers}\r\n").as_bytes(), 431).await;
    }
    check(b"\x16\x03\x01\x02\x00", 400).await;
    check(b"GET / HTTP/3.7\r\n\r\n", 400).await;
    check(b"GET /\x00 HTTP/1.1\r\n\r\n", 400).await;
    // The same after a valid request on the same connection.
    let both = exchange(&server, b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nnonsense\r\n\r\n").await;
    assert!(both.starts_with("HTTP/1.1 200 ") && both.contains("HTTP/1.1 400 "), "{both}");
}

#[tokio::test]
async fn excess_connections_wait_and_are_not_refused() {
    let one = HttpLimits { connections: 1, ..HttpLimits::STANDARD };
    let server = TestServer::with(limits(one)).await;
    let first = connect(&server).await;
    let mut second = connect(&server).await;
    second.write_all(b"GET /healthz HTTP/1.0\r\n\r\n").await.unwrap();
    let mut response = String::new();
    let waiting = second.read_to_string(&mut response);
    assert!(tokio::time::timeout(Duration::from_millis(100), waiting).await.is_err());
    drop(first);
    second.read_to_string(&mut response).await.unwrap();
    assert!(response.starts_with("HTTP/1.0 200"), "{response}");
}

#[tokio::test]
async fn one_address_cannot_take_every_connection() {
    let two = HttpLimits { connections_per_address: 2, ..HttpLimits::STANDARD };
    let server = TestServer::with(limits(two)).await;
    let ask = async |stream: &mut TcpStream| {
        let mut response = String::new();
        // Writing may already fail on a closed connection.
        let _ = stream.write_all(b"GET /healthz HTTP/1.0\r\n\r\n").await;
        let _ = stream.read_to_string(&mut response).await;
        response
    };
    let (first, mut second) = (connect(&server).await, connect(&server).await);
    assert_eq!(ask(&mut connect(&server).await).await, "");
    assert!(ask(&mut second).await.starts_with("HTTP/1.0 200"));
    drop((first, second));
    // The slots are free once the server has seen those connections end.
    while ask(&mut connect(&server).await).await.is_empty() {}
}

#[tokio::test]
async fn stopping_server_finishes_the_upload_in_progress() {
    let mut server = TestServer::start().await;
    let (header, start, end) = an_upload();
    let idle = connect(&server).await;
    let mut upload = connect(&server).await;
    upload.write_all(format!("{header}{start}").as_bytes()).await.unwrap();
    // After a later response, the server has seen the start of the upload too.
    while server.get("/healthz").await.status() != 200 {}
    server.stop();
    // When new connections are refused, the server is stopping.
    while TcpStream::connect(server.url.strip_prefix("http://").unwrap()).await.is_ok() {
        tokio::task::yield_now().await;
    }
    upload.write_all(end.as_bytes()).await.unwrap();
    let mut response = String::new();
    upload.read_to_string(&mut response).await.unwrap();
    assert!(response.starts_with("HTTP/1.1 201"), "{response}");
    server.stopped().await;
    assert_eq!(server.store.agents().unwrap().agents.len(), 1);
    drop(idle);
}

#[tokio::test]
async fn unchanged_responses_are_304() {
    let server = TestServer::start().await;
    server.upload("me", "print(1)\n").send().await.unwrap();
    for path in ["/tasks", "/agents", "/agents/me", "/healthz"] {
        let first = server.get(path).await;
        assert_eq!(first.headers()["cache-control"], "no-cache", "{path}");
        let tag = first.headers()["etag"].clone();
        let known =
            |tag: &str| server.request(Method::GET, path).header("if-none-match", tag).send();
        for known_tag in [tag.to_str().unwrap(), "*", &format!("\"x\", {}", tag.to_str().unwrap())]
        {
            let again = known(known_tag).await.unwrap();
            assert_eq!(again.status(), 304, "{path} {known_tag}");
            assert_eq!(again.headers()["etag"], tag);
            assert_eq!(again.bytes().await.unwrap().len(), 0);
        }
        assert_eq!(known("W/\"other\"").await.unwrap().status(), 200, "{path}");
    }
    let before = server.get("/agents").await.headers()["etag"].clone();
    server.upload("you", "print(1)\n").send().await.unwrap();
    assert_ne!(server.get("/agents").await.headers()["etag"], before);
}

#[tokio::test]
async fn responses_are_compressed_on_request_and_compressed_bodies_refused() {
    let server = TestServer::start().await;
    let plain = server.get("/tasks").await;
    assert_eq!(plain.headers().get("content-encoding"), None);
    let plain = plain.bytes().await.unwrap();
    let request = server.request(Method::GET, "/tasks").header("accept-encoding", "gzip");
    let gzip = request.send().await.unwrap();
    assert_eq!(gzip.headers()["content-encoding"], "gzip");
    assert!(gzip.headers()["vary"].to_str().unwrap().contains("accept-encoding"));
    assert!(gzip.bytes().await.unwrap().len() < plain.len() / 2);

    let request = server.upload("me", "print(1)\n").header("content-encoding", "gzip");
    check_problem(request.send().await.unwrap(), 415, "without Content-Encoding").await;
}

#[tokio::test]
async fn sends_security_headers_and_allows_cross_origin_reads_only() {
    let server = TestServer::start().await;
    let mut ids = std::collections::HashSet::new();
    for path in ["/tasks", "/nothing", "/agents/none", "/rankings"] {
        let response = server.get(path).await;
        let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
        assert!(header("content-security-policy").starts_with("default-src 'none'"), "{path}");
        assert_eq!(header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(header("x-frame-options"), "DENY", "{path}");
        assert_eq!(header("referrer-policy"), "no-referrer", "{path}");
        assert_eq!(header("access-control-allow-origin"), "*", "{path}");
        assert!(ids.insert(header("x-request-id")), "{path}");
    }
    let preflight = |method| {
        server
            .request(Method::OPTIONS, "/rankings")
            .header("origin", "https://example.org")
            .header("access-control-request-method", method)
            .send()
    };
    let allowed = preflight("GET").await.unwrap();
    let methods = allowed.headers()["access-control-allow-methods"].to_str().unwrap();
    assert_eq!(methods, "GET,HEAD");

    // The response to an upload contains a token, so other sites may not read it.
    let upload = server.upload("me", "print(1)\n").header("origin", "https://example.org");
    let upload = upload.header("sec-fetch-site", "same-origin").send().await.unwrap();
    assert_eq!(upload.status(), 201);
    assert_eq!(upload.headers().get("access-control-allow-origin"), None);
    let forged = server.upload("you", "print(1)\n").header("sec-fetch-site", "cross-site");
    check_problem(forged.send().await.unwrap(), 403, "cross-site requests").await;
    assert_eq!(server.store.agent_ids().unwrap().len(), 1);
}

#[tokio::test]
async fn body_of_an_unauthorized_request_is_not_read() {
    let server = TestServer::start().await;
    for token in ["", "Authorization: Bearer guess\r\n"] {
        let header = "Host: x\r\nContent-Type: application/json\r\nContent-Length: 10000000\r\n";
        let request = format!("PUT /rankings HTTP/1.1\r\n{header}{token}\r\n[");
        let response = exchange(&server, request.as_bytes()).await;
        assert!(response.starts_with("HTTP/1.1 401"), "{response}");
    }
}

#[tokio::test]
async fn quotas_apply_by_address_by_new_id_and_by_id() {
    let quotas = Quotas { per_id_hour: 2, per_address_hour: 15, new_ids_hour: 3 };
    let server = TestServer::with(Settings { quotas: Some(quotas), ..Settings::default() }).await;
    let me = "me".parse().unwrap();
    let token = server.client.upload(&me, "x = 0\n", None).await.unwrap().token.unwrap();
    // Neither unchanged uploads nor unauthorized attempts use the owner's quota.
    for _ in 0..2 {
        assert!(server.client.upload(&me, "x = 0\n", Some(&token)).await.unwrap().unchanged);
    }
    for _ in 0..3 {
        let unauthorized = server.upload("me", "x = 1\n").send().await.unwrap();
        check_problem(unauthorized, 401, "token").await;
    }
    for n in 1..=2 {
        server.client.upload(&me, format!("x = {n}\n"), Some(&token)).await.unwrap();
    }
    let third = server.upload("me", "x = 3\n").bearer_auth(&token).send().await.unwrap();
    let wait: u64 = third.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1_700..=1_800).contains(&wait), "half an hour less the duration of the test: {wait}");
    check_problem(third, 429, "versions of this agent").await;
    // Unchanged uploads are still accepted.
    assert!(server.client.upload(&me, "x = 2\n", Some(&token)).await.unwrap().unchanged);
    for id in ["a", "b"] {
        server.client.upload(&id.parse().unwrap(), "x = 1\n", None).await.unwrap();
    }
    let another = server.upload("c", "x = 1\n").send().await.unwrap();
    check_problem(another, 429, "new miner ids").await;
    for _ in 0..2 {
        server.upload("me", "import requests\n").send().await.unwrap();
    }
    let any = server.upload("me", "x = 4\n").bearer_auth(&token).send().await.unwrap();
    check_problem(any, 429, "uploads from your address").await;
    // Readers have no quota.
    assert_eq!(server.get("/agents").await.status(), 200);
}

#[tokio::test]
async fn behind_a_proxy_the_last_forwarded_address_counts() {
    let quotas = Quotas { per_address_hour: 1, ..Quotas::STANDARD };
    let settings = Settings { quotas: Some(quotas), behind_proxy: true, ..Settings::default() };
    let server = TestServer::with(settings).await;
    let upload = |id: &'static str, forwarded: &'static str| {
        server.upload(id, "x = 1\n").header("x-forwarded-for", forwarded).send()
    };
    assert_eq!(upload("a", "10.0.0.1").await.unwrap().status(), 201);
    check_problem(upload("b", "1.2.3.4, 10.0.0.1").await.unwrap(), 429, "your address").await;
    assert_eq!(upload("b", "10.0.0.2").await.unwrap().status(), 201);
    // Other addresses, and the first again, in the other forms that proxies write.
    assert_eq!(upload("c", "::ffff:10.0.0.3").await.unwrap().status(), 201);
    assert_eq!(upload("d", "::ffff:10.0.0.4").await.unwrap().status(), 201);
    assert_eq!(upload("e", "10.0.0.5:5678").await.unwrap().status(), 201);
    assert_eq!(upload("f", "[2001:db8::1]:80").await.unwrap().status(), 201);
    check_problem(upload("g", "10.0.0.1:5678").await.unwrap(), 429, "your address").await;
}

#[tokio::test]
async fn responses_to_uploads_state_the_quotas() {
    let quotas = Quotas { per_id_hour: 3600, per_address_hour: 4, new_ids_hour: 1 };
    let server = TestServer::with(Settings { quotas: Some(quotas), ..Settings::default() }).await;
    let headers = |response: &reqwest::Response| {
        let text = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
        (text("ratelimit-policy"), text("ratelimit"))
    };
    let first = server.upload("me", "x = 1\n").send().await.unwrap();
    let (policy, limit) = headers(&first);
    assert_eq!(
        policy,
        "\"uploads\";q=4;w=3600, \"new-ids\";q=1;w=3600, \"versions\";q=3600;w=3600"
    );
    // A new id uses no quota of versions.
    assert_eq!(limit, "\"uploads\";r=3;t=900, \"new-ids\";r=0;t=3600, \"versions\";r=3600;t=0");
    // Someone who is not the owner learns nothing about the agent.
    let refused = server.upload("me", "x = 2\n").send().await.unwrap();
    let (policy, limit) = headers(&refused);
    assert!(refused.status() == 401 && !policy.contains("versions"), "{policy}");
    assert!(limit.starts_with("\"uploads\";r=2;"), "{limit}");
    let refused = server.upload("you", "x = 2\n").send().await.unwrap();
    assert!(headers(&refused).1.contains("\"new-ids\";r=0;"), "{refused:?}");
    assert!(refused.status() == 429 && refused.headers().contains_key("retry-after"));
    assert_eq!(server.get("/tasks").await.headers().get("ratelimit"), None);
    let free = TestServer::with(Settings { quotas: None, ..Settings::default() }).await;
    let free = free.upload("me", "x = 1\n").send().await.unwrap();
    assert_eq!(free.headers().get("ratelimit"), None);
}

#[tokio::test]
async fn only_the_owner_can_exchange_a_token() {
    let server = TestServer::start().await;
    let me = "me".parse().unwrap();
    let old = server.client.upload(&me, "x = 1\n", None).await.unwrap().token.unwrap();
    let post = |path| server.request(Method::POST, path);
    check_problem(post("/agents/me/token").send().await.unwrap(), 401, "taken").await;
    let validator = post("/agents/me/token").bearer_auth(VALIDATOR).send().await.unwrap();
    check_problem(validator, 401, "not the token").await;
    check_problem(post("/agents/you/token").send().await.unwrap(), 404, "'you'").await;
    let new = server.client.rotate_token(&me, &old).await.unwrap();
    let error = server.client.upload(&me, "x = 2\n", Some(&old)).await.unwrap_err();
    assert_eq!(error.status().unwrap(), 401);
    server.client.upload(&me, "x = 2\n", Some(&new)).await.unwrap();
}

#[tokio::test]
async fn refused_token_changes_nothing() {
    let server = TestServer::start().await;
    let root = server.store.root();
    let foreign = root.join("agents/foo.py");
    std::fs::write(&foreign, "foreign").unwrap();
    for _ in 0..2 {
        let post = server.request(Method::POST, "/agents/foo/token").bearer_auth("arena_0");
        check_problem(post.send().await.unwrap(), 404, "'foo'").await;
        assert_eq!(std::fs::read_dir(root.join("locks")).unwrap().count(), 0);
    }
    Store::open(root).unwrap();
    assert_eq!(std::fs::read_to_string(foreign).unwrap(), "foreign");
}

#[tokio::test]
async fn agents_are_listed_in_pages() {
    let server = TestServer::start().await;
    for n in 0..7 {
        server.store.put_agent(&format!("m{n}").parse().unwrap(), b"x = 1", None).unwrap();
    }
    let mut url: reqwest::Url = format!("{}/agents?limit=3", server.url).parse().unwrap();
    let mut pages = Vec::new();
    loop {
        let response = server.http.get(url.clone()).send().await.unwrap();
        let link = response.headers().get("link").map(|link| link.to_str().unwrap().to_owned());
        let agents: Vec<AgentView> = response.json().await.unwrap();
        pages.push(agents.iter().map(|agent| agent.miner_id.to_string()).collect::<Vec<_>>());
        let Some(link) = link else { break };
        let (target, _) = link.strip_prefix('<').unwrap().split_once(">; rel=\"next\"").unwrap();
        url = url.join(target).unwrap();
    }
    assert_eq!(pages, [vec!["m0", "m1", "m2"], vec!["m3", "m4", "m5"], vec!["m6"]]);
    for wrong in ["limit=0", "limit=1001", "limit=x", "after=M"] {
        check_problem(server.get(&format!("/agents?{wrong}")).await, 400, "").await;
    }
}
