//! A smoke test against a real server that this project did not write: `LLMock` from `PyPI`, which speaks the
//! wire formats of `OpenAI`, Anthropic and Gemini, answers what it is told to, fails on command, and judges how
//! its client took that. Run with `--features outside-tools`; wants `llmock` on the PATH.

use std::process::Stdio;

use serde_json::{Value, json};
use support::Platform;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

mod support;

const KEY: &str = "sk-smoke-test";

const WRONG: &str =
    "Reversing:\n\n```python\ndef reverse_string(s: str) -> str:\n    return s\n```\n";
const RIGHT: &str =
    "A slice does it:\n\n```python\ndef reverse_string(s: str) -> str:\n    return s[::-1]\n```\n";

/// A server that ends with the test.
struct Server {
    url: String,
    _process: Child,
}

impl Server {
    /// Starts a server on a free port, and returns when it listens.
    async fn start() -> Self {
        let mut process = Command::new("llmock")
            .args(["serve", "--port", "0"])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| {
                panic!("'llmock' does not start ({error}); 'cargo xtask test --setup' installs it")
            });
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let mut said = Vec::new();
        let url = loop {
            let Some(line) = lines.next_line().await.unwrap() else {
                panic!("LLMock did not start:\n{}", said.join("\n"));
            };
            if let Some((_, rest)) = line.split_once("Uvicorn running on ") {
                break rest.split(' ').next().unwrap().to_owned();
            }
            said.push(line);
        };
        // Whoever stops reading blocks the writer.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Self { url, _process: process }
    }

    /// What the next requests come to.
    async fn play(&self, behaviors: Value) {
        let url = format!("{}/_llmock/scenario", self.url);
        let body = json!({ "behaviors": behaviors });
        let answer = reqwest::Client::new().post(url).json(&body).send().await.unwrap();
        answer.error_for_status().unwrap();
    }

    /// What the server thinks of its client.
    async fn verdict(&self) -> Value {
        let url = format!("{}/_llmock/verdict", self.url);
        reqwest::get(url).await.unwrap().json().await.unwrap()
    }
}

/// The provider is busy, breaks off in the middle, says something wrong, and then what is right.
async fn check(provider: &str, path: &str, key_variable: &str) {
    let (platform, server) = (Platform::start().await, Server::start().await);
    server
        .play(json!([
            { "type": "fail", "status": 429, "retry_after": 3 },
            { "type": "stream_fault", "kind": "truncate", "after_chunks": 6 },
            { "type": "reply", "text": WRONG, "times": 2 },
            { "type": "reply", "text": RIGHT },
        ]))
        .await;
    let (model, base_url) = (format!("{provider}:canned"), format!("{}{path}", server.url));
    let transcripts = platform.folder().join("transcripts");
    let mut command = platform.command(&[
        "mine",
        "--miner",
        "me",
        "--model",
        &model,
        "--base-url",
        &base_url,
        "--task",
        "reverse_string",
        "--transcripts",
        &transcripts.display().to_string(),
        "--json",
    ]);
    command.env(key_variable, KEY);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let ran = support::Ran::of(output);
    ran.check(
        0,
        &["429", "it ends in the middle", "reverse_string, attempt 1: WA", "uploaded as version 1"],
    );
    let document = ran.json();
    let task = &document["tasks"][0];
    assert_eq!((&task["attempt"], &task["tried"]["verdict"]), (&2.into(), &"AC".into()));
    // The provider counts its answers; what one took that broke off can only be guessed.
    assert_eq!(document["usage"]["guessed"], true, "{document}");
    let transcript = std::fs::read_to_string(document["transcript"].as_str().unwrap()).unwrap();
    let exchanges: Vec<Value> =
        transcript.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(exchanges.len(), 2, "{transcript}");
    for exchange in exchanges {
        let usage = &exchange["reply"]["usage"];
        assert!(usage["output_tokens"].as_u64().unwrap() > 5, "{usage}");
        assert_eq!(usage.get("guessed"), None, "{usage}");
    }
    assert!(!format!("{ran:?}{transcript}").contains(KEY), "the key is in {ran:?} {transcript}");

    let verdict = server.verdict().await;
    let counts = ["calls", "attempts", "faults_injected", "errors", "warnings"];
    assert_eq!(counts.map(|name| verdict[name].as_u64()), [2, 4, 2, 0, 0].map(Some), "{verdict}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_is_made_over_openais_wire() {
    check("openai", "/v1", "OPENAI_API_KEY").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_is_made_over_anthropics_wire() {
    check("anthropic", "/anthropic", "ANTHROPIC_API_KEY").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_is_made_over_geminis_wire() {
    check("gemini", "/gemini", "GEMINI_API_KEY").await;
}
