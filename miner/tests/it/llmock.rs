//! A smoke test against a server from outside this project: `LLMock` from `PyPI` speaks the wire formats of `OpenAI`,
//! Anthropic and Gemini, fails on command, and judges its client. It needs `llmock` on the PATH and Docker.

use std::process::Stdio;
use std::sync::{Arc, Mutex};

use harness::gateway::api_key::ApiKey;
use harness::gateway::provider::ProviderKind;
use harness::sandbox::{SandboxSettings, open};
use miner::mine::answers::KeptAnswers;
use miner::mine::event::{MiningEvent, ModelExchange};
use miner::mine::job::{EarlierAnswers, MiningJob, MiningObserver};
use miner::mine::plan::MiningSettings;
use miner::mine::tryout::Tryout;
use miner::model::provider::{Provider, ProviderOptions};
use miner::model::source::ModelProgress;
use miner::work_directory::WorkDirectory;
use serde_json::{Value, json};
use tasks::{Seed, Verdict};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

const KEY: &str = "sk-smoke-test";

const WRONG: &str =
    "Reversing:\n\n```python\ndef reverse_string(s: str) -> str:\n    return s\n```\n";
const RIGHT: &str =
    "A slice does it:\n\n```python\ndef reverse_string(s: str) -> str:\n    return s[::-1]\n```\n";

/// A server that ends with the test.
struct LlmockServer {
    url: String,
    _process: Child,
}

impl LlmockServer {
    /// Starts a server on a free port, and returns when it listens.
    async fn start() -> Self {
        let mut process = Command::new("llmock")
            .args(["serve", "--port", "0"])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| {
                panic!("cannot start 'llmock': {error}; 'cargo xtask test --setup' installs it")
            });
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let mut log = Vec::new();
        let url = loop {
            let Some(line) = lines.next_line().await.unwrap() else {
                panic!("LLMock did not start:\n{}", log.join("\n"));
            };
            if let Some((_, rest)) = line.split_once("Uvicorn running on ") {
                break rest.split(' ').next().unwrap().to_owned();
            }
            log.push(line);
        };
        // A full pipe would block the server.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Self { url, _process: process }
    }

    /// Sets the responses to the next requests.
    async fn play(&self, behaviors: Value) {
        let url = format!("{}/_llmock/scenario", self.url);
        let body = json!({ "behaviors": behaviors });
        let answer = reqwest::Client::new().post(url).json(&body).send().await.unwrap();
        answer.error_for_status().unwrap();
    }

    /// The server's verdict on its client.
    async fn verdict(&self) -> Value {
        let url = format!("{}/_llmock/verdict", self.url);
        reqwest::get(url).await.unwrap().json().await.unwrap()
    }
}

/// Mines `reverse_string` from a provider that is busy, breaks off in the middle, replies with wrong code, and then
/// with correct code.
async fn check(kind: ProviderKind, path: &str) {
    let server = LlmockServer::start().await;
    server
        .play(json!([
            { "type": "fail", "status": 429, "retry_after": 3 },
            { "type": "stream_fault", "kind": "truncate", "after_chunks": 6 },
            { "type": "reply", "text": WRONG, "times": 2 },
            { "type": "reply", "text": RIGHT },
        ]))
        .await;
    let base_url = Some(format!("{}{path}", server.url));
    let options = ProviderOptions { base_url, key: ApiKey::new(KEY), ..ProviderOptions::default() };
    let provider = Provider::new(kind, "canned", options).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let miner = "me".parse().unwrap();
    let tasks = vec![tasks::find("reverse_string").unwrap().view()];
    let job = MiningJob {
        work: WorkDirectory::open(Some(directory.path()), &miner).unwrap(),
        miner,
        source: &provider,
        settings: MiningSettings {
            attempts: 3,
            budget: "tokens=100000".parse().unwrap(),
            task_budget: "tokens=100000".parse().unwrap(),
            price: None,
            max_output_tokens: 1000,
            jobs: 1,
        },
        all_tasks: tasks.clone(),
        tasks,
        answers: KeptAnswers::default(),
        earlier: EarlierAnswers::SetAside,
        transcript: None,
        date: None,
    };
    let (exchanges, retries) = (Mutex::<Vec<ModelExchange>>::default(), Mutex::new(Vec::new()));
    let on_event = |event| match event {
        MiningEvent::Exchanged(exchange) => exchanges.lock().unwrap().push(*exchange),
        MiningEvent::Progress { progress: ModelProgress::Retrying { reason, .. }, .. } => {
            retries.lock().unwrap().push(reason);
        }
        _ => {}
    };
    let observer = MiningObserver { on_event: &on_event, trials: Arc::new(|_| ()) };
    let sandbox = open(&SandboxSettings::default(), &|_| ()).await.unwrap();
    let tryout = Tryout { sandbox: sandbox.clone(), seed: Seed(1) };
    let agent = job.run(Some(&tryout), &observer).await;
    sandbox.cleanup().await.unwrap();
    let agent = agent.unwrap();

    let (exchanges, retries) = (exchanges.into_inner().unwrap(), retries.into_inner().unwrap());
    assert!(retries[0].contains("429") && retries[1].contains("ends in the middle"), "{retries:?}");
    let verdicts: Vec<_> = exchanges.iter().map(|exchange| exchange.verdict).collect();
    assert_eq!(verdicts, [Some(Verdict::WrongAnswer), Some(Verdict::Accepted)]);
    // The server counts the tokens of complete replies; those of the aborted one are estimated.
    assert!(agent.usage.guessed, "{:?}", agent.usage);
    for exchange in &exchanges {
        let usage = exchange.reply.usage;
        assert!(usage.output_tokens > 5 && !usage.guessed, "{usage:?}");
    }
    let all = format!("{agent:?}{exchanges:?}{retries:?}");
    assert!(!all.contains(KEY), "{all}");

    let verdict = server.verdict().await;
    let counts = ["calls", "attempts", "faults_injected", "errors", "warnings"];
    assert_eq!(counts.map(|name| verdict[name].as_u64()), [2, 4, 2, 0, 0].map(Some), "{verdict}");
}

#[tokio::test(flavor = "multi_thread")]
async fn mines_over_the_openai_format() {
    check(ProviderKind::OpenAi, "/v1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mines_over_the_anthropic_format() {
    check(ProviderKind::Anthropic, "/anthropic").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mines_over_the_gemini_format() {
    check(ProviderKind::Gemini, "/gemini").await;
}
