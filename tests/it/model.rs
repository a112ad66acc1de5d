//! Agents that ask a model: rounds with a scripted provider, killed and resumed, and a provider that fails.

use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::support::{arena, command, json as document, stderr, store};

/// An agent that asks three questions, and prints the answer to the last one.
const ASKER: &str = r#"
import http.client, json, os, socket, sys

class Model(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(os.environ["ARENA_MODEL_SOCKET"])

model = Model("model")
for number in range(3):
    question = {"messages": [{"role": "user", "content": f"{NAME} {number}: {sys.argv[-1]}"}], "max_tokens": 50}
    model.request("POST", "/v1/chat/completions", json.dumps(question), {"Content-Type": "application/json"})
    response = model.getresponse()
    reply = json.loads(response.read())
    assert response.status == 200, reply
print(reply["choices"][0]["message"]["content"])
"#;

fn asker(name: &str) -> String {
    format!("NAME = {name:?}\n{ASKER}")
}

/// A provider that answers every request with a right answer, apart from the one whose number is `held`, which gets none
/// for as long as that is set.
#[derive(Clone, Default)]
struct RoundProvider {
    asked: Arc<Mutex<Vec<String>>>,
    held: Arc<Mutex<Option<usize>>>,
    is_held: Arc<Notify>,
    status: Arc<Mutex<u16>>,
}

impl RoundProvider {
    async fn start(&self) -> String {
        let router = axum::Router::new().fallback(answer).with_state(self.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/v1", listener.local_addr().unwrap());
        tokio::spawn(async { axum::serve(listener, router).await });
        url
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

async fn answer(State(provider): State<RoundProvider>, body: String) -> Response {
    let body: Value = serde_json::from_str(&body).unwrap();
    let question = body["messages"][0]["content"].as_str().unwrap().to_owned();
    let number = {
        let mut asked = provider.asked.lock().unwrap();
        asked.push(question);
        asked.len()
    };
    let is_held = *provider.held.lock().unwrap() == Some(number);
    if is_held {
        provider.is_held.notify_one();
        std::future::pending::<()>().await;
    }
    let status = *provider.status.lock().unwrap();
    if status != 0 {
        return (StatusCode::from_u16(status).unwrap(), "{}").into_response();
    }
    let text = "```python\ndef reverse_string(s):\n    return s[::-1]\n```";
    axum::Json(json!({
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 100, "completion_tokens": 20}
    }))
    .into_response()
}

/// The arguments of a round with a model over a store.
fn evaluate<'a>(store: &'a str, url: &'a str) -> Vec<&'a str> {
    let round = [
        "evaluate",
        "--store",
        store,
        "--task",
        "reverse_string",
        "--publish-partial",
        "--jobs",
        "1",
    ];
    let model = ["--model", "ollama:scripted", "--base-url", url, "--price", "1,10"];
    [&round[..], &model[..], &["--seed", "5", "--json"]].concat()
}

/// A provider, and a store with an agent that asks it and one that does not.
async fn asker_and_table() -> (RoundProvider, String, tempfile::TempDir) {
    let provider = RoundProvider::default();
    let url = provider.start().await;
    let directory = tempfile::tempdir().unwrap();
    let table = "print('def reverse_string(s): return s[::-1]')\n";
    store(directory.path(), &[("asks", &asker("asks")), ("table", table)]);
    (provider, url, directory)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_round_with_a_model_counts_costs_and_keeps_conversations() {
    let (provider, url, directory) = asker_and_table().await;
    let path = directory.path().to_str().unwrap();
    let output = arena(&[&evaluate(path, &url)[..], &["--close"]].concat());
    assert!(output.status.success(), "{output:?}");
    let report = document(&output);
    assert_eq!(report["round"]["isolation"], "trial");
    let model = report["round"]["model"].as_str().unwrap();
    assert!(model.starts_with("ollama:scripted@"), "{model}");
    // Both pass everything, and the one that costs nothing is better although it came later.
    let ranked: Vec<_> = report["rankings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| {
            (
                r["miner_id"].as_str().unwrap(),
                r["score"].as_f64().unwrap(),
                r["cost_micro_usd"].as_u64().unwrap(),
            )
        })
        .collect();
    assert_eq!(ranked, [("table", 100.0, 0), ("asks", 100.0, 900)]);
    let used =
        report["trials"].as_array().unwrap().iter().find(|trial| trial["miner_id"] == "asks");
    let used = &used.unwrap()["model"];
    assert_eq!((&used["calls"], &used["input_tokens"]), (&json!(3), &json!(300)));
    assert_eq!(provider.asked().len(), 3);
    // What was spent in a round counts for that round alone, so its journals have a directory of their own.
    let round = report["round"]["id"].as_str().unwrap();
    let journals = std::fs::read_dir(directory.path().join("model").join(round)).unwrap();
    assert_eq!(journals.count(), 1, "the agent that asked nothing has no journal");

    let file = directory.path().join("report.json");
    std::fs::write(&file, &output.stdout).unwrap();
    let verified = arena(&["verify", file.to_str().unwrap()]);
    assert!(verified.status.success(), "{verified:?}");
    let log = arena(&["show", "asks", "reverse_string", "--model-log", "--store", path]);
    let log = String::from_utf8(log.stdout).unwrap();
    assert!(
        log.contains("request 3: 1 messages, 100 input") && log.contains("return s[::-1]"),
        "{log}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_round_asks_nothing_again() {
    let provider = RoundProvider::default();
    let url = provider.start().await;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().to_str().unwrap();
    store(directory.path(), &[("one", &asker("one")), ("two", &asker("two"))]);
    // The second request of the second agent gets no answer before the kill.
    *provider.held.lock().unwrap() = Some(5);
    let arguments = evaluate(path, &url);
    let mut killed: Command = command(&arguments);
    let mut killed = killed.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    provider.is_held.notified().await;
    killed.kill().unwrap();
    killed.wait().unwrap();
    let before = provider.asked();
    assert_eq!(before.len(), 5);

    *provider.held.lock().unwrap() = None;
    let output = arena(&arguments);
    assert!(output.status.success(), "{output:?}");
    let asked = provider.asked();
    let scores: Vec<_> = document(&output)["rankings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| r["score"].clone())
        .collect();
    assert_eq!(scores, [100.0, 100.0]);
    // Only what had no answer is asked again.
    assert_eq!(asked[5], before[4]);
    assert_eq!(asked.len(), 7, "{asked:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_fails_is_a_fault_and_no_score() {
    let (provider, url, directory) = asker_and_table().await;
    let path = directory.path().to_str().unwrap();
    *provider.status.lock().unwrap() = 503;
    let arguments = [&evaluate(path, &url)[..], &["--provider-patience", "1"]].concat();
    let output = arena(&arguments);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let report = document(&output);
    let ranked: Vec<_> =
        report["rankings"].as_array().unwrap().iter().map(|r| &r["miner_id"]).collect();
    assert_eq!(ranked, ["table"]);
    let fault = &report["round"]["faults"][0];
    assert_eq!((&fault["miner_id"], &fault["task"]), (&json!("asks"), &json!("reverse_string")));
    assert!(fault["fault"].as_str().unwrap().contains("does not answer"), "{fault}");
    // The agent is judged once the provider works again.
    *provider.status.lock().unwrap() = 0;
    let output = arena(&arguments);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(document(&output)["rankings"].as_array().unwrap().len(), 2);
}

#[test]
fn settings_that_cannot_work_are_named() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("agent.py");
    std::fs::write(&file, "print(1)\n").unwrap();
    let check = |arguments: &[&str], part: &str| {
        let output = arena(&[&["check", file.to_str().unwrap()], arguments].concat());
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        let text = stderr(&output);
        assert!(text.contains(part), "{arguments:?}: {text}");
    };
    check(&["--model", "gpt"], "write PROVIDER:NAME");
    check(&["--model", "ollama:"], "ollama:qwen3");
    check(&["--agent-time", "5"], "--model");
    check(&["--model", "ollama:x", "--model-budget", "days=1"], "calls=N");
    check(&["--model", "ollama:x", "--model-budget", "cost=1"], "--price IN,OUT");
    check(&["--model", "ollama:x", "--model-mode", "replay"], "--model-recordings");
    check(&["--model", "openai:x"], "OPENAI_API_KEY");
    for temperature in ["nan", "3", "-1"] {
        check(&["--model", "ollama:x", &format!("--temperature={temperature}")], "from 0 to 2");
    }
}

/// The journal is published on request only, and does not let trials run again.
#[tokio::test(flavor = "multi_thread")]
async fn journal_is_exported_on_request_and_the_trials_do_not_run_again() {
    let (_provider, url, directory) = asker_and_table().await;
    let root = directory.path().to_str().unwrap().to_owned();
    let finished = tokio::task::spawn_blocking(move || {
        let closed = arena(&[&evaluate(&root, &url)[..], &["--close"]].concat());
        assert!(closed.status.success(), "{}", stderr(&closed));
        let export = |name: &str, more: &[&str]| {
            let to = format!("{root}/{name}");
            let written =
                arena(&[&["export", "latest", "--store", &root, "--to", &to], more].concat());
            assert!(written.status.success(), "{}", stderr(&written));
            (arena(&["verify", &to]), arena(&["verify", &to, "--rerun", "all"]), to)
        };
        (export("without", &[]), export("with", &["--with-model-journal"]))
    });
    let ((held, _, without), (held_too, again, with)) = finished.await.unwrap();
    for held in [held, held_too] {
        assert!(held.status.success(), "{held:?}");
    }
    let journals = |to: &str| std::fs::read_dir(format!("{to}/model-journal"));
    assert!(journals(&without).is_err());
    assert!(journals(&with).unwrap().count() > 0);
    assert_eq!(again.status.code(), Some(2), "{again:?}");
    assert!(stderr(&again).contains("trials with a model do not run again"), "{again:?}");
}
