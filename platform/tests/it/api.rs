//! The API over real sockets.

use platform::api::{PrivateTasks, Receipt};
use platform::client::{Client, ClientError};
use platform::server::Settings;
use reqwest::multipart::{Form, Part};
use reqwest::{Method, StatusCode};
use serde_json::Value;
use tasks::Sha256;

use crate::support::{TestServer, VALIDATOR, check_problem, rankings};

#[tokio::test]
async fn upload_is_stored_and_only_its_owner_can_replace_it() {
    let server = TestServer::start().await;
    let first = server.upload("me", "print(1)\n").send().await.unwrap();
    assert_eq!(first.status(), StatusCode::CREATED);
    let first: Value = first.json().await.unwrap();
    assert_eq!(first["miner_id"], "me");
    assert_eq!(first["version"], 1);
    assert_eq!(first["sha256"], Sha256::of(b"print(1)\n").as_str());
    let token = first["token"].as_str().unwrap();

    let unauthorized = server.upload("me", "print(2)\n").send().await.unwrap();
    assert_eq!(unauthorized.headers()["www-authenticate"], "Bearer");
    check_problem(unauthorized, 401, "token of its first upload").await;
    let guess = server.upload("me", "print(2)\n").bearer_auth("arena_0").send().await.unwrap();
    check_problem(guess, 401, "not the token of 'me'").await;
    let basic = server.upload("me", "print(2)\n").basic_auth("me", Some("x")).send().await.unwrap();
    check_problem(basic, 401, "Bearer TOKEN").await;

    let second = server.upload("me", "print(2)\n").bearer_auth(token).send().await.unwrap();
    assert_eq!(second.status(), StatusCode::CREATED);
    let second: Value = second.json().await.unwrap();
    assert_eq!((&second["version"], second.get("token")), (&Value::from(2), None));
    let same = server.upload("me", "print(2)\n").bearer_auth(token).send().await.unwrap();
    assert_eq!(same.status(), StatusCode::OK);
}

#[tokio::test]
async fn refusal_of_a_source_lists_every_line_and_reason() {
    let server = TestServer::start().await;
    let source = "import requests\nx = 1\nimport numpy\n";
    let response = server.upload("me", source).send().await.unwrap();
    let problem = check_problem(response, 422, "requests is not in the standard library").await;
    let lines: Vec<_> = problem.violations.iter().map(|violation| violation.line).collect();
    assert_eq!(lines, [1, 3]);
    assert_eq!(server.store.agents().unwrap().agents, []);
}

#[tokio::test]
async fn refuses_ambiguous_miner_ids() {
    let server = TestServer::start().await;
    for wrong in [
        "Me", "ME", "me ", " me", "../me", "me/../me", "me\0", "mé", "ｍe", "m\u{435}", ".", "..",
        "",
    ] {
        let response = server.upload(wrong, "print(1)\n").send().await.unwrap();
        check_problem(response, 422, "is not a miner id").await;
    }
    let two = Form::new().text("miner_id", "me").text("miner_id", "you").text("file", "x = 1");
    let response = server.request(Method::POST, "/upload/agent").multipart(two).send().await;
    check_problem(response.unwrap(), 422, "duplicate part 'miner_id'").await;
    assert_eq!(server.store.agents().unwrap().agents, []);
}

#[tokio::test]
async fn refusal_of_an_upload_says_what_to_change() {
    let server = TestServer::start().await;
    let post = || server.request(Method::POST, "/upload/agent");
    let form = |name: &'static str| Form::new().text(name, "me");
    let no_file = post().multipart(form("miner_id")).send().await.unwrap();
    check_problem(no_file, 422, "missing part 'file': add -F file=@agent.py").await;
    let file = |name| Part::bytes(b"agent.py\n".to_vec()).file_name(name);
    let no_id = post().multipart(Form::new().part("file", file("agent.py"))).send().await.unwrap();
    check_problem(no_id, 422, "missing part 'miner_id'").await;
    // What curl sends for -F file=agent.py, and a file that holds only its name.
    let name = form("miner_id").text("file", "agent.py");
    check_problem(post().multipart(name).send().await.unwrap(), 422, "file=@agent.py").await;
    let name = form("miner_id").part("file", file("agent.py"));
    check_problem(post().multipart(name).send().await.unwrap(), 422, "does nothing").await;
    assert_eq!(server.client.agents().await.unwrap().agents, []);
    let other = post().multipart(form("score")).send().await.unwrap();
    check_problem(other, 422, "only 'file', 'miner_id', 'token', 'display_name' and 'url'").await;

    check_problem(post().body("x").send().await.unwrap(), 415, "curl -F").await;
    let json = post().header("content-type", "application/json").body("{}").send().await.unwrap();
    check_problem(json, 415, "multipart/form-data").await;
    let unending = post().header("content-type", "multipart/form-data; boundary=x").body("--x\r\n");
    check_problem(unending.send().await.unwrap(), 400, "malformed").await;
    let no_boundary = post().header("content-type", "multipart/form-data").body("--x\r\n");
    check_problem(no_boundary.send().await.unwrap(), 415, "multipart/form-data").await;

    let large = server.upload("me", &"#".repeat((256 << 10) + 1)).send().await.unwrap();
    check_problem(large, 413, "262144 bytes").await;
    let huge = Part::bytes(vec![b'#'; 4 << 20]).file_name("agent.py");
    let huge = post().multipart(form("miner_id").part("file", huge)).send().await.unwrap();
    check_problem(huge, 413, "262144 bytes").await;
    let largest =
        server.upload("me", &format!("x = 1{}", "#".repeat((256 << 10) - 5))).send().await.unwrap();
    assert_eq!(largest.status(), StatusCode::CREATED);
}

#[tokio::test]
async fn tasks_show_their_public_part_only() {
    let server = TestServer::start().await;
    let views = server.client.tasks().await.unwrap();
    let expected: Vec<_> = tasks::all().iter().map(tasks::Task::view).collect();
    assert_eq!(views, expected);
    let path = format!("/tasks/{}", expected[0].id);
    assert_eq!(server.get(&path).await.json::<tasks::TaskView>().await.unwrap(), expected[0]);
    check_problem(server.get("/tasks/none").await, 404, "GET /tasks").await;
}

#[tokio::test]
async fn private_tasks_are_listed_by_name_and_number_only() {
    let server = TestServer::start().await;
    let public = server.client.listed_tasks().await.unwrap();
    let mut round = rankings("private", "me");
    let sha256 = tasks::Sha256::of(b"file");
    round.round.private = Some(PrivateTasks { name: "Set A".into(), tasks: 3, sha256 });
    server.store.put_rankings(&round).unwrap();
    let body: serde_json::Value = server.get("/tasks").await.json().await.unwrap();
    let last = body.as_array().unwrap().last().unwrap();
    assert_eq!(*last, serde_json::json!({"kind": "private", "name": "Set A", "count": 3}));
    let listed = server.client.listed_tasks().await.unwrap();
    assert_eq!(listed[..public.len()], public);
    assert_eq!(listed.len(), public.len() + 1);
    assert_eq!(server.client.tasks().await.unwrap().len(), public.len());
    // A ranking that cannot be read does not hide the public tasks.
    std::fs::write(server.store.root().join("rankings.json"), "{").unwrap();
    assert_eq!(server.client.listed_tasks().await.unwrap(), public);
}

#[tokio::test]
async fn agents_are_listed_without_source_or_token() {
    let server = TestServer::start().await;
    assert_eq!(server.client.agents().await.unwrap().agents, []);
    for miner in ["b", "a"] {
        server.upload(miner, "SECRET = 1\n").send().await.unwrap();
    }
    let text = server.get("/agents").await.text().await.unwrap();
    assert!(!text.contains("SECRET") && !text.contains("token"), "{text}");
    let agents = server.client.agents().await.unwrap().agents;
    let ids: Vec<_> = agents.iter().map(|agent| agent.miner_id.as_str()).collect();
    assert_eq!(ids, ["a", "b"]);
    let one: Value = server.get("/agents/a").await.json().await.unwrap();
    assert_eq!((&one["version"], &one["history"]), (&1.into(), &serde_json::json!([])));
    assert_eq!(one.get("token_sha256"), None);
    check_problem(server.get("/agents/c").await, 404, "'c'").await;
    check_problem(server.get("/agents/..%2frankings").await, 404, "not a miner id").await;
}

#[tokio::test]
async fn sources_and_publishing_require_the_validator_token() {
    let server = TestServer::start().await;
    check_problem(server.get("/rankings").await, 404, "no round yet").await;
    assert_eq!(server.client.rankings().await.unwrap(), None);
    server.upload("me", "print(1)\n").send().await.unwrap();
    let agent = server.client.agents().await.unwrap().agents.remove(0);

    check_problem(server.get("/agents/me/agent.py").await, 401, "validator token").await;
    let error = server.client.source(&agent, "guess").await.unwrap_err();
    assert_eq!(error.status(), Some(StatusCode::UNAUTHORIZED));
    assert_eq!(server.client.source(&agent, VALIDATOR).await.unwrap(), "print(1)\n");

    let round = rankings("1", "me");
    let error = server.client.put_rankings(&round, "guess").await.unwrap_err();
    assert_eq!(error.status(), Some(StatusCode::UNAUTHORIZED));
    server.client.put_rankings(&round, VALIDATOR).await.unwrap();
    assert_eq!(server.client.rankings().await.unwrap(), Some(round));
    let wrong = server.request(Method::PUT, "/rankings").bearer_auth(VALIDATOR);
    check_problem(wrong.json(&1).send().await.unwrap(), 422, "").await;
}

#[tokio::test]
async fn listed_version_is_available_after_another_upload() {
    let server = TestServer::start().await;
    let uploaded = server.upload("me", "print(1)\n").send().await.unwrap();
    let token = uploaded.json::<Receipt>().await.unwrap().token.unwrap();
    let mut agent = server.client.agents().await.unwrap().agents.remove(0);
    let again = server.upload("me", "print(2)\n").bearer_auth(&token).send().await.unwrap();
    assert_eq!(again.status(), 201);
    assert_eq!(server.client.source(&agent, VALIDATOR).await.unwrap(), "print(1)\n");
    agent.sha256 = Sha256::of(b"print(3)\n");
    let error = server.client.source(&agent, VALIDATOR).await.unwrap_err();
    assert_eq!(error.status(), Some(StatusCode::NOT_FOUND), "{error}");
}

#[tokio::test]
async fn client_refuses_a_source_with_another_digest() {
    let server = TestServer::start().await;
    server.upload("me", "print(1)\n").send().await.unwrap();
    let agent = server.client.agents().await.unwrap().agents.remove(0);
    let router = axum::Router::new().fallback(|| async { "print(2)\n" });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let forged = Client::new(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    let error = forged.source(&agent, VALIDATOR).await.unwrap_err();
    assert!(matches!(error, ClientError::Unexpected { .. }), "{error}");
}

#[tokio::test]
async fn server_without_validator_token_refuses_validators() {
    let server = TestServer::with(Settings::default()).await;
    let response = server.request(Method::PUT, "/rankings").bearer_auth("").send().await.unwrap();
    check_problem(response, 403, "ARENA_VALIDATOR_TOKEN").await;
}

#[tokio::test]
async fn unknown_paths_and_methods_get_problem_documents() {
    let server = TestServer::start().await;
    check_problem(server.get("/nothing").await, 404, "/upload/agent").await;
    let response = server.request(Method::DELETE, "/tasks").send().await.unwrap();
    assert_eq!(response.headers()["allow"], "GET,HEAD");
    check_problem(response, 405, "Allow").await;
    assert_eq!(server.get("/healthz").await.json::<Value>().await.unwrap()["status"], "ok");
}

#[tokio::test]
async fn damaged_store_is_503_without_paths() {
    let server = TestServer::start().await;
    let path = server.store.root().join("rankings.json");
    std::fs::write(&path, "{").unwrap();
    let problem = check_problem(server.get("/rankings").await, 503, "try again later").await;
    assert!(!problem.detail.contains("rankings.json"));
}

#[tokio::test]
async fn unreadable_list_is_an_error_and_not_a_shorter_list() {
    let server = TestServer::start().await;
    let agents = server.store.root().join("agents");
    for n in 0..1_000 {
        std::fs::write(agents.join(format!("damaged{n}.json")), "{").unwrap();
    }
    server.upload("me", "print(1)\n").send().await.unwrap();
    // A page of damaged agents is not the end: the client follows the link.
    let list = server.client.agents().await.unwrap();
    assert_eq!(list.damaged, 1_000);
    assert_eq!(list.agents.iter().map(|agent| agent.miner_id.as_str()).collect::<Vec<_>>(), ["me"]);
    // A directory in the place of a file fails like a disk that cannot be read.
    std::fs::create_dir(agents.join("unreadable.json")).unwrap();
    check_problem(server.get("/agents?after=me").await, 503, "try again later").await;
}

#[tokio::test]
async fn client_errors_name_the_url_and_the_cause() {
    let closed = "http://127.0.0.1:1";
    let error = Client::new(closed).unwrap().tasks().await.unwrap_err().to_string();
    assert!(error.contains("127.0.0.1:1/tasks") && error.contains("refused"), "{error}");
    for wrong in ["", "localhost:7878", "ftp://x", "http://"] {
        let error = Client::new(wrong).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(error.contains("http://HOST:PORT"), "{wrong:?}: {error:?}");
    }
    let server = TestServer::start().await;
    let error = server.client.upload(&"me".parse().unwrap(), "import requests\n", None).await;
    let error = error.unwrap_err().to_string();
    assert!(error.contains("422") && error.contains("line 1"), "{error}");
}
