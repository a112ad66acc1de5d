//! A scripted server in place of a provider, and an agent's client in front of the gateway.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use futures_util::stream;
use harness::gateway::api_key::ApiKey;
use harness::gateway::base_url::BaseUrl;
use harness::gateway::budget::TokenPrices;
use harness::gateway::model::ModelSettings;
use harness::gateway::provider::ProviderKind;
use harness::gateway::session::ModelSession;
use http_body_util::{BodyExt as _, Full};
use hyper::HeaderMap;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub const KEY: &str = "sk-very-secret";
/// How the host's own request begins.
pub const CANARY: &str = "Reply with the word OK";

/// What the server does with a request.
pub enum Act {
    /// A status and a JSON body
    Answer(u16, Value),
    /// The same with a header
    Headed(u16, (&'static str, &'static str), Value),
    /// Events, and nothing after them
    Events(Vec<String>),
    /// Nothing, for ever
    Hang,
}

/// A whole response in the chat dialect.
pub fn said(text: &str) -> Act {
    Act::Answer(
        200,
        json!({
            "id": "x", "object": "chat.completion", "created": 1, "model": "m",
            "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
        }),
    )
}

/// The same as events.
pub fn said_in_events(text: &str) -> Vec<String> {
    let mut events: Vec<_> = text
        .split_inclusive(' ')
        .map(|word| {
            json!({"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "m",
            "choices": [{"index": 0, "delta": {"content": word}, "finish_reason": null}]})
        })
        .collect();
    events.push(json!({"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "m",
        "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}));
    events.push(json!({"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [],
        "usage": {"prompt_tokens": 10, "completion_tokens": 5}}));
    let mut lines: Vec<_> = events.into_iter().map(|event| format!("data: {event}\n\n")).collect();
    lines.push("data: [DONE]\n\n".to_owned());
    lines
}

/// An error of a provider.
pub fn failed(status: u16) -> Act {
    Act::Answer(status, json!({"error": {"message": format!("status {status}"), "type": "x"}}))
}

type Script = Arc<dyn Fn(usize, &Value) -> Act + Send + Sync>;

/// A server that asks a script what to do with each request: its number, and its body. The host's own requests are
/// answered apart and have no number, unless the script takes them.
pub struct ScriptedProvider {
    pub url: String,
    asked: Arc<Mutex<Vec<Value>>>,
    headers: Arc<Mutex<Vec<HeaderMap>>>,
    serving: JoinHandle<std::io::Result<()>>,
}

#[derive(Clone)]
struct ProviderState {
    script: Script,
    canary: Script,
    asked: Arc<Mutex<Vec<Value>>>,
    headers: Arc<Mutex<Vec<HeaderMap>>>,
}

impl ScriptedProvider {
    pub async fn start(script: impl Fn(usize, &Value) -> Act + Send + Sync + 'static) -> Self {
        Self::start_with(|_, _| said("OK"), script).await
    }

    /// With a script of its own for the host's requests.
    pub async fn start_with(
        canary: impl Fn(usize, &Value) -> Act + Send + Sync + 'static,
        script: impl Fn(usize, &Value) -> Act + Send + Sync + 'static,
    ) -> Self {
        let state = ProviderState {
            script: Arc::new(script),
            canary: Arc::new(canary),
            asked: Arc::default(),
            headers: Arc::default(),
        };
        let (asked, headers) = (Arc::clone(&state.asked), Arc::clone(&state.headers));
        let router = axum::Router::new().fallback(play).with_state(state);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let serving = tokio::spawn(async { axum::serve(listener, router).await });
        Self { url, asked, headers, serving }
    }

    /// The bodies of the agents' requests so far.
    pub fn asked(&self) -> Vec<Value> {
        self.asked.lock().unwrap().clone()
    }

    /// The headers of all requests so far.
    pub fn headers(&self) -> Vec<HeaderMap> {
        self.headers.lock().unwrap().clone()
    }

    /// Settings with this provider.
    pub fn settings(&self) -> ModelSettings {
        let base_url = BaseUrl::parse(&self.url).unwrap();
        let mut settings = ModelSettings::new(ProviderKind::Ollama, "m", base_url);
        settings.parameters.max_output_tokens = 100;
        settings.key = ApiKey::new(KEY);
        settings.prices = TokenPrices { input: 1_000_000, output: 1_000_000 };
        settings.agent_time = Duration::from_mins(1);
        settings.patience = Duration::from_secs(1);
        settings.silence = Duration::from_mins(1);
        settings
    }
}

impl Drop for ScriptedProvider {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn play(State(state): State<ProviderState>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    state.headers.lock().unwrap().push(head.headers);
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    let body: Value = serde_json::from_slice(&body).unwrap();
    let first = body["messages"][0]["content"].as_str().unwrap_or_default();
    let act = if first.starts_with(CANARY) {
        (state.canary)(0, &body)
    } else {
        let number = {
            let mut asked = state.asked.lock().unwrap();
            asked.push(body.clone());
            asked.len() - 1
        };
        (state.script)(number, &body)
    };
    let json =
        |status: u16| Response::builder().status(status).header("content-type", "application/json");
    match act {
        Act::Answer(status, body) => json(status).body(Body::from(body.to_string())).unwrap(),
        Act::Headed(status, (name, value), body) => {
            json(status).header(name, value).body(Body::from(body.to_string())).unwrap()
        }
        Act::Events(events) => {
            let events = events.into_iter().map(|event| Ok::<_, Infallible>(event.into_bytes()));
            let stream = stream::iter(events);
            Response::builder()
                .header("content-type", "text/event-stream")
                .body(Body::from_stream(stream))
                .unwrap()
        }
        Act::Hang => {
            std::future::pending::<Infallible>().await;
            unreachable!()
        }
    }
}

/// What an agent's client got.
#[derive(Debug)]
pub struct Got {
    pub status: u16,
    pub headers: HeaderMap,
    /// The body, and whether it was whole
    pub text: String,
    pub is_whole: bool,
}

impl Got {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("not JSON: {self:?}"))
    }

    pub fn said(&self) -> String {
        self.json()["choices"][0]["message"]["content"].as_str().unwrap_or_default().to_owned()
    }
}

/// Sends a request over a connection of its own.
pub async fn request(session: &Arc<ModelSession>, request: hyper::Request<Full<Bytes>>) -> Got {
    let (ours, theirs) = tokio::io::duplex(1 << 16);
    let serving = tokio::spawn((session.line().serve)(theirs));
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(ours)).await.unwrap();
    let connection = tokio::spawn(connection);
    let response = sender.send_request(request).await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let (mut body, mut text, mut is_whole) = (response.into_body(), Vec::new(), true);
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else {
            is_whole = false;
            break;
        };
        text.extend(frame.into_data().unwrap_or_default());
    }
    drop(sender);
    connection.abort();
    serving.abort();
    Got { status, headers, text: String::from_utf8(text).unwrap(), is_whole }
}

/// A request with this body.
pub fn post(path: &str, body: &Value) -> hyper::Request<Full<Bytes>> {
    hyper::Request::post(path)
        .header("content-type", "application/json")
        .body(Full::from(body.to_string()))
        .unwrap()
}

/// A question in the chat dialect.
pub fn question(text: &str) -> Value {
    json!({"model": "any", "messages": [{"role": "user", "content": text}], "max_tokens": 20})
}

/// Asks a question.
pub async fn ask(session: &Arc<ModelSession>, text: &str) -> Got {
    request(session, post("/v1/chat/completions", &question(text))).await
}
