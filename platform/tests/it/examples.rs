//! The examples in the description of the API have the structure of what the server sends.

use std::collections::BTreeMap;

use platform::server::Settings;
use reqwest::Method;
use serde_json::Value;

use crate::support::{TestServer, VALIDATOR};

/// Adds one line for each difference in structure: fields, and types of values. Of lists, the first items are compared; an
/// empty list or a null says nothing about the other side.
fn compare(path: &str, example: &Value, sent: &Value, differences: &mut Vec<String>) {
    match (example, sent) {
        (Value::Object(example), Value::Object(sent)) => {
            for (name, value) in example {
                match sent.get(name) {
                    Some(other) => compare(&format!("{path}.{name}"), value, other, differences),
                    None => differences.push(format!("{path}.{name} is not sent")),
                }
            }
            let unknown = sent.keys().filter(|name| !example.contains_key(*name));
            differences.extend(unknown.map(|name| format!("{path}.{name} is not in the example")));
        }
        (Value::Array(example), Value::Array(sent)) => {
            if let (Some(example), Some(sent)) = (example.first(), sent.first()) {
                compare(&format!("{path}[0]"), example, sent, differences);
            }
        }
        (Value::Null, _) | (_, Value::Null) => {}
        (example, sent) => {
            if std::mem::discriminant(example) != std::mem::discriminant(sent) {
                differences.push(format!("{path}: {example} in the example, {sent} is sent"));
            }
        }
    }
}

/// Returns a response of the server for each schema that has an example.
async fn responses(
    server: &TestServer,
    examples: &BTreeMap<String, Value>,
) -> BTreeMap<&'static str, Value> {
    let json = async |path: &str| server.get(path).await.json::<Value>().await.unwrap();
    let mut sent = BTreeMap::new();
    let first = server.upload("me", "x = 1\n").send().await.unwrap();
    let first: Value = first.json().await.unwrap();
    let token = first["token"].as_str().unwrap().to_owned();
    let agent_sha256 = first["sha256"].clone();
    sent.insert("Receipt", first);
    let second = server.upload("me", "x = 2\n").bearer_auth(&token).send().await.unwrap();
    assert_eq!(second.status(), 201);
    let refused = server.upload("you", "import requests\n").send().await.unwrap();
    sent.insert("Problem", refused.json().await.unwrap());

    // The validator publishes the examples themselves, about the version that is stored.
    let mut rankings = examples["Rankings"].clone();
    let ranking = &mut rankings["rankings"][0];
    ranking["agent_sha256"] = agent_sha256.clone();
    ranking["program_sha256"] = json("/agents/me").await["history"][0]["program_sha256"].clone();
    let put = async |path: &str, body: &Value| {
        let response =
            server.request(Method::PUT, path).bearer_auth(VALIDATOR).json(body).send().await;
        let response = response.unwrap();
        let status = response.status();
        assert_eq!(status, 204, "{path}: {}", response.text().await.unwrap());
    };
    put("/rankings?publish_partial=true", &rankings).await;
    sent.insert("Rankings", json("/rankings").await);
    sent.insert("RoundListing", json("/rounds").await[0].clone());
    let mut results = examples["AgentResults"].clone();
    results["agent_sha256"] = agent_sha256.clone();
    results["trials"][0]["agent_sha256"] = agent_sha256;
    put("/results", &results).await;
    let progress = examples["RoundProgress"].clone();
    put(&format!("/rounds/{}/progress", progress["round"].as_str().unwrap()), &progress).await;
    let stored = server.store.progress().unwrap();
    sent.insert("RoundProgress", serde_json::to_value(stored).unwrap());
    let owned = async |path: &str| {
        let request = server.request(Method::GET, path).bearer_auth(&token);
        request.send().await.unwrap().json::<Value>().await.unwrap()
    };
    sent.insert("AgentResults", owned("/agents/me/results").await);
    sent.insert("SubmissionStatus", json("/agents/me/status").await);
    sent.insert("AgentView", json("/agents").await[0].clone());
    sent.insert("AgentHistory", json("/agents/me").await);
    sent.insert("TaskView", json(&format!("/tasks/{}", tasks::all()[0].id)).await);
    let exchange = server.request(Method::POST, "/agents/me/token").bearer_auth(&token);
    sent.insert("NewToken", exchange.send().await.unwrap().json().await.unwrap());
    sent
}

#[tokio::test]
async fn examples_have_the_structure_of_what_is_sent() {
    let settings = Settings { validator_token: Some(VALIDATOR.into()), ..Settings::default() };
    let server = TestServer::with(settings).await;
    let document: Value = server.get("/openapi.json").await.json().await.unwrap();
    let schemas = document["components"]["schemas"].as_object().unwrap();
    let examples: BTreeMap<String, Value> = schemas
        .iter()
        .filter(|(_, schema)| schema["examples"][0].is_object())
        .map(|(name, schema)| (name.clone(), schema["examples"][0].clone()))
        .collect();
    let sent = responses(&server, &examples).await;
    let mut differences = Vec::new();
    for (name, example) in &examples {
        match sent.get(name.as_str()) {
            Some(sent) => compare(name, example, sent, &mut differences),
            None => differences.push(format!("{name}: this test does not compare its example")),
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    assert_eq!(sent.len(), examples.len(), "{:?}", examples.keys());
}
