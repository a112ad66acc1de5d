//! Limits, headers and endings: what keeps the server up among strangers, over raw sockets where a
//! well-behaved client would be in the way.

mod support;

use std::fs::File;
use std::io;
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use platform::api::Problem;
use platform::server::{HttpLimits, Quotas, Settings};
use platform::store::disk::{Disk, RealDisk};
use platform::store::{Receipt, Store};
use reqwest::Method;
use support::{Server, VALIDATOR, check_problem};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

fn limits(limits: HttpLimits) -> Settings {
    Settings { limits, ..Settings::default() }
}

async fn connect(server: &Server) -> TcpStream {
    TcpStream::connect(server.url.strip_prefix("http://").unwrap()).await.unwrap()
}

/// Sends these bytes and returns all that comes back until the server closes.
async fn exchange(server: &Server, bytes: &[u8]) -> String {
    let mut stream = connect(server).await;
    stream.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

const HALF_AN_UPLOAD: &str = "POST /upload/agent HTTP/1.1\r\nHost: x\r\n\
    Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 400\r\n\r\n\
    --b\r\nContent-Disposition: form-data; name=\"miner_id\"\r\n\r\nme\r\n";

/// A whole upload in three parts: the header, one part of the body, and the other.
fn an_upload() -> (String, &'static str, &'static str) {
    let end = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"agent.py\"\r\n\r\n\
               print(1)\r\n--b--\r\n";
    let (header, start) = HALF_AN_UPLOAD.split_once("\r\n\r\n").unwrap();
    let length = (start.len() + end.len()).to_string();
    (header.replace("400", &length) + "\r\n\r\n", start, end)
}

#[tokio::test]
async fn a_header_or_body_that_does_not_come_is_not_waited_for() {
    let short = Duration::from_millis(200);
    let slow_header = HttpLimits { header_time: short, ..HttpLimits::STANDARD };
    let server = Server::with(limits(slow_header)).await;
    exchange(&server, b"GET /tasks HTTP/1.1\r\nHost:").await;
    exchange(&server, b"").await;
    // A connection that is kept open and says no more is closed as well.
    let answer = exchange(&server, b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");

    let slow_body = HttpLimits { request_time: short, ..HttpLimits::STANDARD };
    let server = Server::with(limits(slow_body)).await;
    let answer = exchange(&server, HALF_AN_UPLOAD.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert!(answer.contains("application/problem+json"), "{answer}");

    // A connection has an end whatever it waits for.
    let patient = HttpLimits { header_time: Duration::from_hours(1), ..HttpLimits::STANDARD };
    let short_life =
        HttpLimits { connection_time: short, request_time: short, drain_time: short, ..patient };
    let server = Server::with(limits(short_life)).await;
    assert_eq!(exchange(&server, b"GET /tasks HTTP/1.1\r\nHost:").await, "");
}

#[tokio::test]
async fn a_connection_whose_time_is_up_finishes_its_request() {
    let short = Duration::from_millis(200);
    let short_life = HttpLimits { connection_time: short, ..HttpLimits::STANDARD };
    let server = Server::with(limits(short_life)).await;
    let (header, start, end) = an_upload();
    let mut upload = connect(&server).await;
    upload.write_all(format!("{header}{start}").as_bytes()).await.unwrap();
    // A later connection is closed, so the time of this one is up as well.
    let idle = exchange(&server, b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(idle.starts_with("HTTP/1.1 200 "), "{idle}");
    upload.write_all(end.as_bytes()).await.unwrap();
    let mut answer = String::new();
    upload.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
}

/// A disk on which nothing is durable before it is allowed to be.
#[derive(Debug)]
struct SlowDisk {
    begun: Mutex<mpsc::Sender<()>>,
    allowed: Mutex<mpsc::Receiver<()>>,
}

impl Disk for SlowDisk {
    fn sync(&self, file: &File) -> io::Result<()> {
        self.begun.lock().unwrap().send(()).unwrap();
        self.allowed.lock().unwrap().recv().unwrap();
        RealDisk.sync(file)
    }
}

#[tokio::test]
async fn what_is_being_stored_when_the_time_is_up_is_answered_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let ((announce, begun), (allow, allowed)) = (mpsc::channel(), mpsc::channel());
    let disk = SlowDisk { begun: Mutex::new(announce), allowed: Mutex::new(allowed) };
    let store = Store::open_on(folder.path(), Arc::new(disk)).unwrap();
    let short = HttpLimits { request_time: Duration::from_millis(200), ..HttpLimits::STANDARD };
    let server = Server::on(store, limits(short)).await;
    let upload = tokio::spawn(server.upload("me", "print(1)\n").send());
    tokio::task::spawn_blocking(move || begun.recv().unwrap()).await.unwrap();
    // A later request is out of time, so this one is as well.
    let late = exchange(&server, HALF_AN_UPLOAD.as_bytes()).await;
    assert!(late.starts_with("HTTP/1.1 408 "), "{late}");
    allow.send(()).unwrap();
    let stored = upload.await.unwrap().unwrap();
    assert_eq!(stored.status(), 201);
    assert!(stored.json::<Receipt>().await.unwrap().token.is_some());
}

#[tokio::test]
async fn no_wish_for_a_coding_costs_an_upload_its_answer() {
    let server = Server::start().await;
    for (id, wish) in [("a", "Identity;Q=0"), ("b", "br;q=0, *; q=0.0"), ("c", "*;q=0,gzip")] {
        let upload = server.upload(id, "print(1)\n").header("accept-encoding", wish);
        assert_eq!(upload.send().await.unwrap().status(), 201, "{wish}");
        let request = server.request(Method::GET, "/tasks").header("accept-encoding", wish);
        let answer = request.send().await.unwrap();
        let coding =
            answer.headers().get("content-encoding").map(|coding| coding.to_str().unwrap());
        assert_eq!(
            (answer.status().as_u16(), coding),
            (200, (id == "c").then_some("gzip")),
            "{wish}"
        );
    }
}

#[tokio::test]
async fn what_is_no_request_gets_a_problem_document_as_well() {
    let server = Server::start().await;
    let check = async |request: &[u8], status: u16, part: &str| {
        let answer = exchange(&server, request).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let length = format!("\r\ncontent-length: {}\r\n", body.len());
        let kind = "\r\ncontent-type: application/problem+json\r\n";
        for line in [&length, kind, "\r\nx-request-id: ", "\r\nx-content-type-options: nosniff"] {
            assert!(head.contains(line), "{line:?} in {head}");
        }
        let problem: Problem = serde_json::from_str(body).unwrap();
        assert_eq!(problem.status, status);
        assert!(problem.detail.contains(part), "{}", problem.detail);
    };
    let limits = HttpLimits::STANDARD;
    let many = "X-A: 1\r\n".repeat(limits.headers + 1);
    let large = format!("X-A: {}\r\n", "a".repeat(limits.header_bytes));
    for headers in [many, large] {
        check(format!("GET / HTTP/1.1\r\n{headers}\r\n").as_bytes(), 431, "64 lines").await;
    }
    check(b"\x16\x03\x01\x02\x00", 400, "no HTTP/1.1 request").await;
    check(b"GET / HTTP/3.7\r\n\r\n", 400, "no HTTP/1.1 request").await;
    check(b"GET /\x00 HTTP/1.1\r\n\r\n", 400, "no HTTP/1.1 request").await;
    // Also behind a request that was in order.
    let both = exchange(&server, b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nnonsense\r\n\r\n").await;
    assert!(both.starts_with("HTTP/1.1 200 ") && both.contains("HTTP/1.1 400 "), "{both}");
    assert_eq!(both.matches("x-request-id: ").count(), 2, "{both}");
}

#[tokio::test]
async fn connections_beyond_the_bound_wait_and_are_not_refused() {
    let one = HttpLimits { connections: 1, ..HttpLimits::STANDARD };
    let server = Server::with(limits(one)).await;
    let first = connect(&server).await;
    let mut second = connect(&server).await;
    second.write_all(b"GET /healthz HTTP/1.0\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    let waiting = second.read_to_string(&mut answer);
    assert!(tokio::time::timeout(Duration::from_millis(100), waiting).await.is_err());
    drop(first);
    second.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.0 200"), "{answer}");
}

#[tokio::test]
async fn one_address_cannot_take_every_connection() {
    let two = HttpLimits { connections_per_address: 2, ..HttpLimits::STANDARD };
    let server = Server::with(limits(two)).await;
    let ask = async |stream: &mut TcpStream| {
        let mut answer = String::new();
        // A connection that was closed may be found so while one writes.
        let _ = stream.write_all(b"GET /healthz HTTP/1.0\r\n\r\n").await;
        let _ = stream.read_to_string(&mut answer).await;
        answer
    };
    let (first, mut second) = (connect(&server).await, connect(&server).await);
    assert_eq!(ask(&mut connect(&server).await).await, "");
    assert!(ask(&mut second).await.starts_with("HTTP/1.0 200"));
    drop((first, second));
    // The places are free once the server has seen those connections end.
    while ask(&mut connect(&server).await).await.is_empty() {}
}

#[tokio::test]
async fn a_server_that_stops_finishes_the_upload_under_way() {
    let mut server = Server::start().await;
    let (header, start, end) = an_upload();
    let idle = connect(&server).await;
    let mut upload = connect(&server).await;
    upload.write_all(format!("{header}{start}").as_bytes()).await.unwrap();
    // Once another request is answered, the server has seen the upload's beginning too.
    while server.get("/healthz").await.status() != 200 {}
    server.stop();
    // When new connections are refused, it is stopping.
    while TcpStream::connect(server.url.strip_prefix("http://").unwrap()).await.is_ok() {
        tokio::task::yield_now().await;
    }
    upload.write_all(end.as_bytes()).await.unwrap();
    let mut answer = String::new();
    upload.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    server.stopped().await;
    assert_eq!(server.store.agents().unwrap().agents.len(), 1);
    drop(idle);
}

#[tokio::test]
async fn a_reader_is_spared_what_it_has() {
    let server = Server::start().await;
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
async fn answers_are_compressed_for_those_who_ask_and_bodies_never() {
    let server = Server::start().await;
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
async fn browsers_are_told_to_keep_strangers_content_harmless() {
    let server = Server::start().await;
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

    // The answer to an upload holds a token, and is for whoever has sent it alone.
    let upload = server.upload("me", "print(1)\n").header("origin", "https://example.org");
    let upload = upload.header("sec-fetch-site", "same-origin").send().await.unwrap();
    assert_eq!(upload.status(), 201);
    assert_eq!(upload.headers().get("access-control-allow-origin"), None);
    let forged = server.upload("you", "print(1)\n").header("sec-fetch-site", "cross-site");
    check_problem(forged.send().await.unwrap(), 403, "another site's page").await;
    assert_eq!(server.store.agent_ids().unwrap().len(), 1);
}

#[tokio::test]
async fn a_body_is_not_read_from_whoever_may_not_send_it() {
    let server = Server::start().await;
    for token in ["", "Authorization: Bearer guess\r\n"] {
        let header = "Host: x\r\nContent-Type: application/json\r\nContent-Length: 10000000\r\n";
        let request = format!("PUT /rankings HTTP/1.1\r\n{header}{token}\r\n[");
        let answer = exchange(&server, request.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
    }
}

#[tokio::test]
async fn uploads_are_rationed_by_address_by_new_id_and_by_id() {
    let quotas = Quotas { per_id_hour: 2, per_address_hour: 15, new_ids_hour: 3 };
    let server = Server::with(Settings { quotas: Some(quotas), ..Settings::default() }).await;
    let me = "me".parse().unwrap();
    let token = server.client.upload(&me, "x = 0\n", None).await.unwrap().token.unwrap();
    // Neither the bytes that are stored already nor strangers' attempts use up the owner's ration.
    for _ in 0..2 {
        assert!(server.client.upload(&me, "x = 0\n", Some(&token)).await.unwrap().unchanged);
    }
    for _ in 0..3 {
        let stranger = server.upload("me", "x = 1\n").send().await.unwrap();
        check_problem(stranger, 401, "token").await;
    }
    for n in 1..=2 {
        server.client.upload(&me, format!("x = {n}\n"), Some(&token)).await.unwrap();
    }
    let third = server.upload("me", "x = 3\n").bearer_auth(&token).send().await.unwrap();
    assert_eq!(third.headers()["retry-after"], "1800");
    check_problem(third, 429, "versions of this agent").await;
    // What is stored already may be sent all the same.
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
    // Readers are not rationed.
    assert_eq!(server.get("/agents").await.status(), 200);
}

#[tokio::test]
async fn behind_a_proxy_the_address_is_what_the_proxy_says_last() {
    let quotas = Quotas { per_address_hour: 1, ..Quotas::STANDARD };
    let settings = Settings { quotas: Some(quotas), behind_proxy: true, ..Settings::default() };
    let server = Server::with(settings).await;
    let upload = |id: &'static str, forwarded: &'static str| {
        server.upload(id, "x = 1\n").header("x-forwarded-for", forwarded).send()
    };
    assert_eq!(upload("a", "10.0.0.1").await.unwrap().status(), 201);
    check_problem(upload("b", "1.2.3.4, 10.0.0.1").await.unwrap(), 429, "your address").await;
    assert_eq!(upload("b", "10.0.0.2").await.unwrap().status(), 201);
    // Others than the first, and the first again, in the other ways in which proxies write them.
    assert_eq!(upload("c", "::ffff:10.0.0.3").await.unwrap().status(), 201);
    assert_eq!(upload("d", "::ffff:10.0.0.4").await.unwrap().status(), 201);
    assert_eq!(upload("e", "10.0.0.5:5678").await.unwrap().status(), 201);
    assert_eq!(upload("f", "[2001:db8::1]:80").await.unwrap().status(), 201);
    check_problem(upload("g", "10.0.0.1:5678").await.unwrap(), 429, "your address").await;
}

#[tokio::test]
async fn a_token_can_be_exchanged_by_its_owner() {
    let server = Server::start().await;
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
async fn a_refused_token_leaves_nothing_and_touches_nothing() {
    let server = Server::start().await;
    let root = server.store.root();
    let foreign = root.join("agents/foo.py");
    std::fs::write(&foreign, "a stranger's").unwrap();
    for _ in 0..2 {
        let post = server.request(Method::POST, "/agents/foo/token").bearer_auth("arena_0");
        check_problem(post.send().await.unwrap(), 404, "'foo'").await;
        assert_eq!(std::fs::read_dir(root.join("locks")).unwrap().count(), 0);
    }
    Store::open(root).unwrap();
    assert_eq!(std::fs::read_to_string(foreign).unwrap(), "a stranger's");
}

#[tokio::test]
async fn agents_come_in_pages() {
    let server = Server::start().await;
    for n in 0..7 {
        server.store.put_agent(&format!("m{n}").parse().unwrap(), b"x = 1", None).unwrap();
    }
    let mut url: reqwest::Url = format!("{}/agents?limit=3", server.url).parse().unwrap();
    let mut pages = Vec::new();
    loop {
        let response = server.http.get(url.clone()).send().await.unwrap();
        let link = response.headers().get("link").map(|link| link.to_str().unwrap().to_owned());
        let agents: Vec<platform::api::AgentView> = response.json().await.unwrap();
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
