//! Problem documents: their kinds, where these are described, and details that say which field is wrong.

use platform::api::ProblemKind;
use platform::server::Settings;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{TestServer, VALIDATOR, check_problem, rankings};

#[tokio::test]
async fn type_of_a_problem_leads_to_its_description() {
    for (site, base) in [
        ("/", ""),
        ("/arena", "/arena"),
        ("https://arena.example", "https://arena.example"),
        ("https://arena.example/a/", "https://arena.example/a"),
    ] {
        let settings = Settings { public_url: site.parse().unwrap(), ..Settings::default() };
        let server = TestServer::with(settings).await;
        let problem = check_problem(server.get("/tasks/none").await, 404, "no such task").await;
        assert_eq!(problem.type_url, format!("{base}/reference#problem-task-unknown"));
        let document: Value = server.get("/openapi.json").await.json().await.unwrap();
        let expected = if base.is_empty() { "/" } else { base };
        assert_eq!(document["servers"], json!([{"url": expected}]));
        let schema = &document["components"]["schemas"]["Problem"];
        let kinds = schema["properties"]["type"]["enum"].as_array().unwrap();
        assert_eq!(kinds.len(), ProblemKind::ALL.len());
        assert!(kinds.contains(&problem.type_url.clone().into()), "{kinds:?}");
        assert!(kinds.contains(&schema["examples"][0]["type"]), "{schema}");
        let page = server.get("/reference").await.text().await.unwrap();
        for kind in ProblemKind::ALL {
            assert!(page.contains(&format!("id=\"{}\"", kind.anchor())), "{kind:?}");
        }
    }
}

#[tokio::test]
async fn client_reports_the_kind_of_a_problem() {
    let server = TestServer::start().await;
    let me = "me".parse().unwrap();
    assert_eq!(server.client.agent(&me).await.unwrap_err().kind(), Some(ProblemKind::AgentUnknown));
    server.client.upload(&me, "x = 1\n", None).await.unwrap();
    let kind = async |source: &'static str, token: Option<&str>| {
        server.client.upload(&me, source, token).await.unwrap_err().kind()
    };
    assert_eq!(kind("x = 2\n", None).await, Some(ProblemKind::TokenMissing));
    assert_eq!(kind("x = 2\n", Some("guess")).await, Some(ProblemKind::TokenWrong));
    let you = server.client.upload(&"you".parse().unwrap(), "import numpy\n", None).await;
    assert_eq!(you.unwrap_err().kind(), Some(ProblemKind::SourceRefused));
}

/// Words of the libraries that parse requests. They mean nothing to a client.
const MACHINE_WORDS: [&str; 9] = [
    "deserialize",
    "serde",
    "axum",
    "invalid type",
    "invalid digit",
    "missing field",
    "usize",
    "i64",
    "struct",
];

#[tokio::test]
async fn details_name_the_field_in_words_of_the_api() {
    let server = TestServer::start().await;
    let check = async |response: reqwest::Response, status: u16, part: &str| {
        let detail = check_problem(response, status, part).await.detail;
        let found = MACHINE_WORDS.into_iter().find(|word| detail.contains(word));
        assert_eq!(found, None, "{detail}");
    };
    for (path, part) in [
        ("/agents?limit=x", "`limit` is 'x': expected an integer from 1 to 1000"),
        ("/agents?limit=-1", "`limit` is '-1': expected an integer from 1 to 1000"),
        ("/agents?limit=1001", "expected 1 to 1000"),
        ("/agents?limit=1&limit=2", "`limit` is given twice"),
        ("/agents?after=A", "`after` is 'A': expected text that matches ^[a-z0-9]"),
        ("/?page=one", "`page` is 'one': expected an integer of 1 or more"),
    ] {
        check(server.get(path).await, 400, part).await;
    }
    let put = |body: String| {
        let request = server.request(Method::PUT, "/rankings?publish_partial=true");
        let request = request.header("content-type", "application/json");
        request.bearer_auth(VALIDATOR).body(body).send()
    };
    let right = serde_json::to_value(rankings("one", "me")).unwrap();
    let changed = |pointer: &str, value: Value| {
        let mut changed = right.clone();
        *changed.pointer_mut(pointer).unwrap() = value;
        changed.to_string()
    };
    check(put("{".into()).await.unwrap(), 400, "not JSON: line 1").await;
    check(put("{}".into()).await.unwrap(), 422, "`round` is missing").await;
    let negative = put(changed("/rankings/0/rank", (-1).into())).await.unwrap();
    check(negative, 422, "`rankings[0].rank` is not of the type").await;
    let id = put(changed("/rankings/0/miner_id", "ME".into())).await.unwrap();
    check(id, 422, "`rankings[0].miner_id`: 'ME' is not a miner id").await;
    let wrong = server.request(Method::PUT, "/rankings?publish_partial=maybe");
    let wrong = wrong.bearer_auth(VALIDATOR).json(&right).send().await.unwrap();
    check(wrong, 400, "`publish_partial` is 'maybe': expected true or false").await;
    let text = server.request(Method::PUT, "/rankings").bearer_auth(VALIDATOR).body("x");
    check(text.send().await.unwrap(), 415, "application/json").await;
    assert_eq!(put(right.to_string()).await.unwrap().status(), 204);
}

#[tokio::test]
async fn document_of_the_validator_has_a_limit() {
    let limits = platform::server::HttpLimits { document_bytes: 100, ..Settings::default().limits };
    let settings =
        Settings { validator_token: Some(VALIDATOR.into()), limits, ..Settings::default() };
    let server = TestServer::with(settings).await;
    let put = server.request(Method::PUT, "/rankings").bearer_auth(VALIDATOR);
    let response = put.json(&rankings("one", "me")).send().await.unwrap();
    check_problem(response, 413, "the maximum is 100 bytes").await;
}
