//! The wire formats of the providers and their failures, against a scripted server.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use futures_util::{FutureExt as _, StreamExt as _, stream};
use miner::model::api_key::ApiKey;
use miner::model::provider::{Provider, ProviderKind, ProviderOptions, RequestPolicy};
use miner::model::source::{
    AnswerSource as _, AnswerSourceError, ChatMessage, ChatRole, ModelProgress, ModelReply,
    ModelRequest, ReplyFlaw, TokenUsage,
};
use serde_json::{Value, json};
use tokio::net::TcpListener;

const KEY: &str = "sk-very-secret";

/// One response of the script.
struct ScriptedResponse {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Body,
}

fn scripted(status: u16, kind: &str, body: impl Into<Body>) -> ScriptedResponse {
    ScriptedResponse { status, headers: vec![("content-type", kind.to_owned())], body: body.into() }
}

/// A reply in one piece.
fn whole(status: u16, body: &Value) -> ScriptedResponse {
    scripted(status, "application/json", body.to_string())
}

/// A stream of events, a few bytes at a time.
fn streamed(events: &[Value], done: bool) -> ScriptedResponse {
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
struct ReceivedRequest {
    target: String,
    headers: axum::http::HeaderMap,
    body: Value,
}

#[derive(Clone, Default)]
struct ServerScript {
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

/// The outcome of one question.
struct AskOutcome {
    reply: Result<ModelReply, AnswerSourceError>,
    asked: Vec<ReceivedRequest>,
    progress: Vec<ModelProgress>,
}

impl AskOutcome {
    fn waits_ms(&self) -> Vec<u64> {
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

async fn ask(kind: ProviderKind, responses: Vec<ScriptedResponse>) -> AskOutcome {
    let responses = Arc::new(Mutex::new(responses.into()));
    let script = ServerScript { responses, ..ServerScript::default() };
    let router = axum::Router::new().fallback(play).with_state(script.clone());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}/base", listener.local_addr().unwrap());
    let serving = tokio::spawn(async { axum::serve(listener, router).await });
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
    serving.abort();
    let asked = std::mem::take(&mut *script.asked.lock().unwrap());
    let progress = progress.into_inner().unwrap();
    let outcome = AskOutcome { reply, asked, progress };
    outcome.check_without_key();
    outcome
}

fn usage(input_tokens: u64, output_tokens: u64) -> TokenUsage {
    TokenUsage { input_tokens, output_tokens, ..TokenUsage::default() }
}

fn openai_events() -> [Value; 5] {
    [
        json!({ "choices": [{ "delta": { "role": "assistant", "content": "" } }] }),
        json!({ "choices": [{ "delta": { "reasoning_content": "hm" } }] }),
        json!({ "choices": [{ "delta": { "content": "one é" } }] }),
        json!({ "choices": [{ "delta": { "content": " two" }, "finish_reason": "stop" }] }),
        json!({ "choices": [], "usage": { "prompt_tokens": 7, "completion_tokens": 3 } }),
    ]
}

fn openai_whole(text: &str) -> Value {
    json!({ "choices": [{ "message": { "content": text }, "finish_reason": "stop" }] })
}

#[tokio::test]
async fn speaks_openai() {
    let outcome = ask(ProviderKind::OpenAi, vec![streamed(&openai_events(), true)]).await;
    let reply = outcome.reply.as_ref().unwrap();
    assert_eq!((reply.text.as_str(), reply.usage, reply.flaw), ("one é two", usage(7, 3), None));
    let asked = &outcome.asked[0];
    assert_eq!(asked.target, "/base/chat/completions");
    assert_eq!(asked.headers["authorization"], format!("Bearer {KEY}").as_str());
    assert_eq!(
        asked.body,
        json!({
            "model": "the-model",
            "messages": [
                { "role": "system", "content": "the rules" },
                { "role": "user", "content": "the task" },
                { "role": "assistant", "content": "" },
                { "role": "user", "content": "it failed" },
            ],
            "stream": true,
            "stream_options": { "include_usage": true },
            "max_completion_tokens": 1234,
        })
    );
    assert!(
        outcome.progress.contains(&ModelProgress::Received { bytes: 12 }),
        "{:?}",
        outcome.progress
    );
}

#[tokio::test]
async fn local_servers_get_the_older_limit_and_openrouter_states_the_cost() {
    let outcome = ask(ProviderKind::Ollama, vec![streamed(&openai_events(), false)]).await;
    assert_eq!(outcome.reply.unwrap().text, "one é two");
    assert_eq!(outcome.asked[0].body["max_tokens"], 1234);
    let mut answer = openai_whole("x");
    answer["usage"] = json!({ "prompt_tokens": 1, "completion_tokens": 2, "cost": 0.25 });
    let outcome = ask(ProviderKind::OpenRouter, vec![whole(200, &answer)]).await;
    let expected = TokenUsage { cost_usd: Some(0.25), ..usage(1, 2) };
    assert_eq!(outcome.reply.unwrap().usage, expected);
}

#[tokio::test]
async fn speaks_anthropic() {
    let events = [
        json!({ "type": "message_start", "message": { "usage": {
            "input_tokens": 5, "cache_read_input_tokens": 2, "output_tokens": 1 } } }),
        json!({ "type": "ping" }),
        json!({ "type": "content_block_delta", "delta": { "type": "thinking_delta", "thinking": "hm" } }),
        json!({ "type": "content_block_delta", "delta": { "type": "text_delta", "text": "one " } }),
        json!({ "type": "content_block_delta", "delta": { "type": "text_delta", "text": "two" } }),
        json!({ "type": "message_delta", "delta": { "stop_reason": "end_turn" },
            "usage": { "output_tokens": 9 } }),
        json!({ "type": "message_stop" }),
    ];
    let outcome = ask(ProviderKind::Anthropic, vec![streamed(&events, false)]).await;
    let reply = outcome.reply.as_ref().unwrap();
    assert_eq!((reply.text.as_str(), reply.usage, reply.flaw), ("one two", usage(7, 9), None));
    let asked = &outcome.asked[0];
    assert_eq!(asked.target, "/base/v1/messages");
    assert_eq!(asked.headers["x-api-key"], KEY);
    assert_eq!(asked.headers["anthropic-version"], "2023-06-01");
    assert_eq!(
        asked.body,
        json!({
            "model": "the-model",
            "max_tokens": 1234,
            "system": "the rules",
            "messages": [
                { "role": "user", "content": "the task" },
                { "role": "assistant", "content": "(nothing)" },
                { "role": "user", "content": "it failed" },
            ],
            "stream": true,
        })
    );
    let answer = json!({ "type": "message", "content": [{ "type": "text", "text": "x" }],
        "stop_reason": "end_turn", "usage": { "input_tokens": 1, "output_tokens": 2 } });
    let outcome = ask(ProviderKind::Anthropic, vec![whole(200, &answer)]).await;
    assert_eq!(outcome.reply.unwrap().text, "x");
}

#[tokio::test]
async fn speaks_gemini() {
    let part = |text: &str, thought: bool| json!({ "candidates": [{ "content": { "parts": [{ "text": text, "thought": thought }] } }] });
    let events = [
        part("hm", true),
        part("one ", false),
        json!({ "candidates": [{ "content": { "parts": [{ "text": "two" }] }, "finishReason": "STOP" }],
            "usageMetadata": { "promptTokenCount": 7, "candidatesTokenCount": 3, "thoughtsTokenCount": 2 } }),
    ];
    let outcome = ask(ProviderKind::Gemini, vec![streamed(&events, false)]).await;
    let reply = outcome.reply.as_ref().unwrap();
    assert_eq!((reply.text.as_str(), reply.usage, reply.flaw), ("one two", usage(7, 5), None));
    let asked = &outcome.asked[0];
    assert_eq!(asked.target, "/base/v1beta/models/the-model:streamGenerateContent?alt=sse");
    assert_eq!(asked.headers["x-goog-api-key"], KEY);
    let parts = |text: &str| json!([{ "text": text }]);
    assert_eq!(
        asked.body,
        json!({
            "systemInstruction": { "parts": parts("the rules") },
            "contents": [
                { "role": "user", "parts": parts("the task") },
                { "role": "model", "parts": parts("") },
                { "role": "user", "parts": parts("it failed") },
            ],
            "generationConfig": { "maxOutputTokens": 1234 },
        })
    );
    let outcome = ask(ProviderKind::Gemini, vec![whole(200, &json!(events))]).await;
    assert_eq!(outcome.reply.unwrap().text, "one two");
}

#[tokio::test]
async fn distinguishes_truncated_replies_from_refusals() {
    use ProviderKind::{Anthropic, Gemini, OpenAi};
    let openai = |reason: &str| json!({ "choices": [{ "message": { "content": "x" }, "finish_reason": reason }] });
    let refusal = json!({ "choices": [{ "message": { "content": null, "refusal": "no" },
        "finish_reason": "stop" }] });
    let anthropic =
        |reason: &str| json!({ "type": "message", "content": [], "stop_reason": reason });
    let gemini = |reason: &str| json!({ "candidates": [{ "finishReason": reason }] });
    for (kind, answer, flaw) in [
        (OpenAi, openai("length"), ReplyFlaw::Truncated),
        (OpenAi, openai("content_filter"), ReplyFlaw::Refused),
        (OpenAi, refusal, ReplyFlaw::Refused),
        (Anthropic, anthropic("max_tokens"), ReplyFlaw::Truncated),
        (Anthropic, anthropic("refusal"), ReplyFlaw::Refused),
        (Gemini, gemini("MAX_TOKENS"), ReplyFlaw::Truncated),
        (Gemini, gemini("SAFETY"), ReplyFlaw::Refused),
        (Gemini, json!({ "promptFeedback": { "blockReason": "OTHER" } }), ReplyFlaw::Refused),
    ] {
        let outcome = ask(kind, vec![whole(200, &answer)]).await;
        assert_eq!(outcome.reply.unwrap().flaw, Some(flaw), "{kind}: {answer}");
    }
}

#[tokio::test]
async fn estimates_tokens_that_the_provider_does_not_count() {
    let outcome = ask(ProviderKind::Vllm, vec![whole(200, &openai_whole("twelve bytes"))]).await;
    let usage = outcome.reply.unwrap().usage;
    assert!(usage.guessed && usage.output_tokens == 4 && usage.input_tokens > 5, "{usage:?}");
}

#[tokio::test]
async fn retries_transient_failures_after_a_wait() {
    for status in [408, 429, 500, 503, 529] {
        let answers = vec![whole(status, &json!({})), whole(200, &openai_whole("x"))];
        let outcome = ask(ProviderKind::OpenAi, answers).await;
        assert_eq!(outcome.reply.as_ref().unwrap().text, "x", "{status}");
        let wait = outcome.waits_ms();
        assert!(wait.len() == 1 && (1000..=2000).contains(&wait[0]), "{status}: {wait:?}");
    }
}

#[tokio::test]
async fn the_wait_grows_has_jitter_and_honours_retry_after() {
    let busy = |after: Option<&str>| {
        let mut answer =
            whole(429, &json!({ "error": { "message": format!("slow down, {KEY}") } }));
        answer.headers.extend(after.map(|after| ("retry-after", after.to_owned())));
        answer
    };
    let outcome =
        ask(ProviderKind::OpenAi, vec![busy(None), busy(None), busy(None), busy(None)]).await;
    let waits = outcome.waits_ms();
    assert_eq!(waits.len(), 3);
    for (wait, least) in waits.iter().zip([1000, 2000, 4000]) {
        assert!((least..=2 * least).contains(wait), "{waits:?}");
    }
    let error = outcome.reply.unwrap_err();
    assert!(matches!(&error, AnswerSourceError::Failed(why) if why.contains("429")), "{error}");

    let answers = vec![busy(Some("77")), whole(200, &openai_whole("x"))];
    let outcome = ask(ProviderKind::OpenAi, answers).await;
    assert_eq!(outcome.waits_ms(), [77_000]);

    let outcome = ask(ProviderKind::OpenAi, vec![busy(Some("4000"))]).await;
    assert_eq!(outcome.waits_ms(), [] as [u64; 0]);
    let error = outcome.reply.unwrap_err().to_string();
    assert!(error.contains("it asks to wait 4000 s"), "{error}");
}

#[tokio::test]
async fn reports_permanent_failures_at_once_without_the_key() {
    let error_body =
        json!({ "error": { "message": format!("Incorrect API key provided: {KEY}") } });
    for (status, part) in [
        (400, "Incorrect"),
        (401, "OPENAI_API_KEY"),
        (403, "OPENAI_API_KEY"),
        (404, "--base-url"),
        (302, "elsewhere"),
        (402, "402"),
    ] {
        let outcome = ask(ProviderKind::OpenAi, vec![whole(status, &error_body)]).await;
        assert_eq!(outcome.asked.len(), 1, "{status}");
        let error = outcome.reply.unwrap_err().to_string();
        assert!(error.contains(part), "{status}: {error}");
    }
    let broke = json!({ "error": { "code": "insufficient_quota", "message": "no money" } });
    let outcome = ask(ProviderKind::OpenAi, vec![whole(429, &broke)]).await;
    assert!(matches!(outcome.reply, Err(AnswerSourceError::Unusable(_))), "{:?}", outcome.reply);
}

#[tokio::test]
async fn removes_the_key_from_a_reply() {
    let outcome = ask(ProviderKind::OpenAi, vec![whole(200, &openai_whole(KEY))]).await;
    assert_eq!(outcome.reply.unwrap().text, "[removed]");
}

#[tokio::test]
async fn retries_a_broken_reply() {
    let text_event = "data: {\"choices\":[{\"delta\":{\"content\":\"x\"}}]}\n\n";
    let broken = || {
        let pieces = [Ok(text_event), Err(std::io::Error::other("gone"))];
        scripted(200, "text/event-stream", Body::from_stream(stream::iter(pieces)))
    };
    let silent = || {
        let pieces = stream::iter([Ok::<_, Infallible>(text_event)]).chain(stream::pending());
        scripted(200, "text/event-stream", Body::from_stream(pieces))
    };
    let cases = [
        ("dropped", broken()),
        ("silent", silent()),
        ("ends early", scripted(200, "text/event-stream", text_event)),
        ("no JSON in an event", scripted(200, "text/event-stream", "data: {\n\n")),
        ("no JSON", scripted(200, "application/json", "{")),
        ("a page", scripted(200, "text/html", "<html>")),
        ("empty", scripted(200, "application/json", "")),
        ("nothing of an answer", whole(200, &json!({}))),
        ("an error within", streamed(&[json!({ "error": { "type": "server_error" } })], false)),
    ];
    for (what, answer) in cases {
        let outcome = ask(ProviderKind::OpenAi, vec![answer, whole(200, &openai_whole("y"))]).await;
        assert_eq!(outcome.reply.unwrap().text, "y", "{what}");
    }
    let overloaded =
        json!({ "type": "error", "error": { "type": "overloaded_error", "message": "busy" } });
    let answer = json!({ "type": "message", "content": [{ "text": "y" }] });
    let answers = vec![streamed(&[overloaded], false), whole(200, &answer)];
    assert_eq!(ask(ProviderKind::Anthropic, answers).await.reply.unwrap().text, "y");
}

#[tokio::test]
async fn a_reply_ends_at_its_end_marker() {
    let open = |last: &str| {
        let pieces = stream::iter([Ok::<_, Infallible>(last.to_owned())]).chain(stream::pending());
        scripted(200, "text/event-stream", Body::from_stream(pieces))
    };
    let text =
        "data: {\"choices\":[{\"delta\":{\"content\":\"x\"},\"finish_reason\":\"stop\"}]}\n\n";
    let openai = format!("{text}data: [DONE]\n\n");
    let anthropic = "data: {\"type\":\"content_block_delta\",\"delta\":{\"text\":\"x\"}}\n\n\
                     data: {\"type\":\"message_stop\"}\n\n";
    for (kind, answer) in
        [(ProviderKind::OpenAi, openai.as_str()), (ProviderKind::Anthropic, anthropic)]
    {
        let outcome = ask(kind, vec![open(answer)]).await;
        assert_eq!(outcome.reply.unwrap().text, "x", "{kind}");
    }
}

#[tokio::test]
async fn does_not_retry_a_permanent_error_within_a_reply() {
    let refused = json!({ "type": "error", "error": {
        "type": "invalid_request_error", "message": "too long" } });
    let outcome = ask(ProviderKind::Anthropic, vec![streamed(&[refused], false)]).await;
    let error = outcome.reply.unwrap_err().to_string();
    assert!(error.contains("too long"), "{error}");
}

#[tokio::test]
async fn cuts_off_ten_megabytes() {
    let events = "data: {\"choices\":[{\"delta\":{\"content\":\"".to_owned()
        + &"x".repeat(100_000)
        + "\"}}]}\n\n";
    let endless = || {
        stream::repeat_with({
            let events = Bytes::from(events.clone());
            move || Ok::<_, Infallible>(events.clone())
        })
    };
    let one_line = || stream::repeat(Ok::<_, Infallible>(Bytes::from(vec![b'x'; 100_000])));
    for (what, kind, body) in [
        ("many events", "text/event-stream", Body::from_stream(endless())),
        ("one event", "text/event-stream", Body::from_stream(one_line())),
        ("one piece", "application/json", Body::from_stream(one_line())),
    ] {
        let outcome = ask(ProviderKind::OpenAi, vec![scripted(200, kind, body)]).await;
        let reply = outcome.reply.unwrap();
        assert_eq!(reply.flaw, Some(ReplyFlaw::TooLong), "{what}");
        assert!(reply.text.len() <= 512 << 10, "{what}: {}", reply.text.len());
    }
}

#[tokio::test]
async fn reports_an_unreachable_provider_without_its_password() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let base = format!("http://user:password@{closed}/v1");
    let policy = RequestPolicy { retries: 0, ..RequestPolicy::STANDARD };
    let options = ProviderOptions { base_url: Some(base), key: None, policy };
    let provider = Provider::new(ProviderKind::Vllm, "m", options).unwrap();
    let task = tasks::find("reverse_string").unwrap().view();
    let on_progress = &|_| ();
    let request =
        ModelRequest { task: &task, attempt: 1, messages: &[], max_output_tokens: 1, on_progress };
    let error = provider.answer(&request).await.unwrap_err().to_string();
    assert!(error.contains("Connection refused") && !error.contains("password"), "{error}");
}

#[test]
fn rejects_a_key_that_a_header_cannot_hold() {
    let key = ApiKey::new("sk-one\nsk-two");
    let options = ProviderOptions { key, ..ProviderOptions::default() };
    let opened = Provider::new(ProviderKind::OpenAi, "m", options);
    let error = opened.err().unwrap().to_string();
    assert!(error.contains("line break") && !error.contains("sk-"), "{error}");
}

#[test]
fn rejects_an_invalid_base_url() {
    for wrong in ["nonsense", "ftp://x", ""] {
        let base_url = Some(wrong.to_owned());
        let options = ProviderOptions { base_url, ..ProviderOptions::default() };
        let opened = Provider::new(ProviderKind::Vllm, "m", options);
        assert!(opened.err().unwrap().to_string().contains("--base-url"), "{wrong}");
    }
}
