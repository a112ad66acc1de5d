//! A scripted server in place of a provider.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use futures_util::{FutureExt as _, stream};
use harness::gateway::api_key::ApiKey;
use harness::gateway::provider::ProviderKind;
use miner::model::provider::{Provider, ProviderOptions, RequestPolicy};
use miner::model::source::{
    AnswerSource as _, AnswerSourceError, ChatMessage, ChatRole, ModelProgress, ModelReply,
    ModelRequest,
};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub const KEY: &str = "sk-very-secret";

/// One response of the script.
pub struct ScriptedResponse {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: Body,
}

pub fn scripted(status: u16, kind: &str, body: impl Into<Body>) -> ScriptedResponse {
    ScriptedResponse { status, headers: vec![("content-type", kind.to_owned())], body: body.into() }
}

/// A reply in one piece.
pub fn whole(status: u16, body: &Value) -> ScriptedResponse {
    scripted(status, "application/json", body.to_string())
}

/// A stream of events, a few bytes at a time.
pub fn streamed(events: &[Value], done: bool) -> ScriptedResponse {
    let mut text = String::new();
    for event in events {
        let _ = write!(text, "data: {event}\n\n");
    }
    if done {
        text.push_str("data: [DONE]\n\n");
    }
    let pieces: Vec<_> = text.as_bytes().chunks(7).map(Bytes::copy_from_slice).collect();
    let pieces = stream::iter(pieces.into_iter().map(Ok::<_, Infallible>));
    scripted(200, "text/event-stream; charset=utf-8", Body::from_stream(pieces))
}

/// A request to the server.
#[derive(Debug)]
pub struct ReceivedRequest {
    pub target: String,
    pub headers: axum::http::HeaderMap,
    pub body: Value,
}

#[derive(Clone, Default)]
pub struct ServerScript {
    responses: Arc<Mutex<VecDeque<ScriptedResponse>>>,
    asked: Arc<Mutex<Vec<ReceivedRequest>>>,
}

async fn play(State(script): State<ServerScript>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    let (target, headers) = (head.uri.to_string(), head.headers);
    let body = serde_json::from_slice(&body).unwrap();
    script.asked.lock().unwrap().push(ReceivedRequest { target, headers, body });
    let next = script.responses.lock().unwrap().pop_front();
    let next = next.expect("the script has a response to every request");
    let mut response = Response::builder().status(next.status);
    for (name, value) in next.headers {
        response = response.header(name, value);
    }
    response.body(next.body).unwrap()
}

/// A server that plays a script. It ends when it is dropped.
pub struct ScriptedServer {
    /// `http://127.0.0.1:PORT`
    pub url: String,
    script: ServerScript,
    serving: JoinHandle<std::io::Result<()>>,
}

impl ScriptedServer {
    pub async fn start(responses: Vec<ScriptedResponse>) -> Self {
        let responses = Arc::new(Mutex::new(responses.into()));
        let script = ServerScript { responses, ..ServerScript::default() };
        let router = axum::Router::new().fallback(play).with_state(script.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let serving = tokio::spawn(async { axum::serve(listener, router).await });
        Self { url, script, serving }
    }
}

impl Drop for ScriptedServer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// The outcome of one question.
pub struct AskOutcome {
    pub reply: Result<ModelReply, AnswerSourceError>,
    pub asked: Vec<ReceivedRequest>,
    pub progress: Vec<ModelProgress>,
}

impl AskOutcome {
    pub fn waits_ms(&self) -> Vec<u64> {
        let wait = |progress: &ModelProgress| match progress {
            ModelProgress::Retrying { wait_ms, .. } => Some(*wait_ms),
            ModelProgress::Received { .. } => None,
        };
        self.progress.iter().filter_map(wait).collect()
    }

    /// Checks that the key appears nowhere.
    fn check_without_key(&self) {
        let all = format!("{:?} {:?}", self.reply, self.progress);
        assert!(!all.contains(KEY), "{all}");
    }
}

/// Asks a provider whose base URL has the path `/base`.
pub async fn ask(kind: ProviderKind, responses: Vec<ScriptedResponse>) -> AskOutcome {
    ask_at(kind, "/base", responses).await
}

/// Asks a provider with this path and query in its base URL.
pub async fn ask_at(
    kind: ProviderKind,
    base_path: &str,
    responses: Vec<ScriptedResponse>,
) -> AskOutcome {
    let server = ScriptedServer::start(responses).await;
    let base = format!("{}{base_path}", server.url);
    let policy = RequestPolicy {
        silence: Duration::from_millis(300),
        retries: 3,
        sleep: |_| std::future::ready(()).boxed(),
        ..RequestPolicy::STANDARD
    };
    let options = ProviderOptions { base_url: Some(base), key: ApiKey::new(KEY), policy };
    let provider = Provider::new(kind, "the-model", options).unwrap();
    let task = tasks::find("reverse_string").unwrap().view();
    let message = |role, text: &str| ChatMessage { role, text: text.to_owned() };
    let messages = [
        message(ChatRole::System, "the rules"),
        message(ChatRole::User, "the task"),
        message(ChatRole::Assistant, ""),
        message(ChatRole::User, "it failed"),
    ];
    let progress = Mutex::new(Vec::new());
    let on_progress = |one| progress.lock().unwrap().push(one);
    let (messages, on_progress) = (&messages[..], &on_progress);
    let request =
        ModelRequest { task: &task, attempt: 1, messages, max_output_tokens: 1234, on_progress };
    let reply = provider.answer(&request).await;
    let asked = std::mem::take(&mut *server.script.asked.lock().unwrap());
    let progress = progress.into_inner().unwrap();
    let outcome = AskOutcome { reply, asked, progress };
    outcome.check_without_key();
    outcome
}

/// A reply of `OpenAI`'s format in one piece.
pub fn openai_whole(text: &str) -> Value {
    json!({ "choices": [{ "message": { "content": text }, "finish_reason": "stop" }] })
}
