//! Each provider's wire format, and every way in which a provider can fail, against a server that plays a script.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use futures_util::{FutureExt as _, StreamExt as _, stream};
use miner::secret::Secret;
use miner::source::provider::{Patience, Provider, ProviderKind};
use miner::source::{Ask, Flaw, Message, Progress, Reply, Role, Source as _, SourceError, Usage};
use serde_json::{Value, json};
use tokio::net::TcpListener;

const KEY: &str = "sk-very-secret";

/// One answer of the script.
struct Scripted {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Body,
}

fn scripted(status: u16, kind: &str, body: impl Into<Body>) -> Scripted {
    Scripted { status, headers: vec![("content-type", kind.to_owned())], body: body.into() }
}

/// An answer in one piece.
fn whole(status: u16, body: &Value) -> Scripted {
    scripted(status, "application/json", body.to_string())
}

/// A stream of events, a few bytes at a time.
fn streamed(events: &[Value], done: bool) -> Scripted {
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

/// What the provider was asked.
#[derive(Debug)]
struct Asked {
    target: String,
    headers: axum::http::HeaderMap,
    body: Value,
}

#[derive(Clone, Default)]
struct Script {
    answers: Arc<Mutex<VecDeque<Scripted>>>,
    asked: Arc<Mutex<Vec<Asked>>>,
}

async fn play(State(script): State<Script>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    let (target, headers) = (head.uri.to_string(), head.headers);
    let body = serde_json::from_slice(&body).unwrap();
    script.asked.lock().unwrap().push(Asked { target, headers, body });
    let next = script.answers.lock().unwrap().pop_front();
    let next = next.expect("the script has an answer to every question");
    let mut response = Response::builder().status(next.status);
    for (name, value) in next.headers {
        response = response.header(name, value);
    }
    response.body(next.body).unwrap()
}

/// What came of asking once.
struct Outcome {
    reply: Result<Reply, SourceError>,
    asked: Vec<Asked>,
    progress: Vec<Progress>,
}

impl Outcome {
    fn waits_ms(&self) -> Vec<u64> {
        let wait = |progress: &Progress| match progress {
            Progress::Retrying { wait_ms, .. } => Some(*wait_ms),
            Progress::Received { .. } => None,
        };
        self.progress.iter().filter_map(wait).collect()
    }

    /// Nowhere in what comes out of a provider is the key.
    fn has_no_key(&self) {
        let all = format!("{:?} {:?}", self.reply, self.progress);
        assert!(!all.contains(KEY), "{all}");
    }
}

async fn ask(kind: ProviderKind, answers: Vec<Scripted>) -> Outcome {
    let script = Script { answers: Arc::new(Mutex::new(answers.into())), ..Script::default() };
    let router = axum::Router::new().fallback(play).with_state(script.clone());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}/base", listener.local_addr().unwrap());
    let serving = tokio::spawn(async { axum::serve(listener, router).await });
    let patience = Patience {
        silence: Duration::from_millis(300),
        retries: 3,
        sleep: |_| std::future::ready(()).boxed(),
        ..Patience::STANDARD
    };
    let provider =
        Provider::new(kind, "the-model", Some(&base), Secret::new(KEY), patience).unwrap();
    let task = tasks::find("reverse_string").unwrap().view();
    let message = |role, text: &str| Message { role, text: text.to_owned() };
    let messages = [
        message(Role::System, "the rules"),
        message(Role::User, "the task"),
        message(Role::Assistant, ""),
        message(Role::User, "it failed"),
    ];
    let progress = Mutex::new(Vec::new());
    let on_progress = |one| progress.lock().unwrap().push(one);
    let (messages, on_progress) = (&messages[..], &on_progress);
    let ask = Ask { task: &task, attempt: 1, messages, max_output_tokens: 1234, on_progress };
    let reply = provider.answer(&ask).await;
    serving.abort();
    let asked = std::mem::take(&mut *script.asked.lock().unwrap());
    let progress = progress.into_inner().unwrap();
    let outcome = Outcome { reply, asked, progress };
    outcome.has_no_key();
    outcome
}

fn usage(input_tokens: u64, output_tokens: u64) -> Usage {
    Usage { input_tokens, output_tokens, ..Usage::default() }
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
async fn openai_is_asked_and_understood() {
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
    assert!(outcome.progress.contains(&Progress::Received { bytes: 12 }), "{:?}", outcome.progress);
}

#[tokio::test]
async fn local_servers_are_asked_in_the_older_words_and_openrouter_says_what_it_cost() {
    let outcome = ask(ProviderKind::Ollama, vec![streamed(&openai_events(), false)]).await;
    assert_eq!(outcome.reply.unwrap().text, "one é two");
    assert_eq!(outcome.asked[0].body["max_tokens"], 1234);
    let mut answer = openai_whole("x");
    answer["usage"] = json!({ "prompt_tokens": 1, "completion_tokens": 2, "cost": 0.25 });
    let outcome = ask(ProviderKind::OpenRouter, vec![whole(200, &answer)]).await;
    let expected = Usage { cost_usd: Some(0.25), ..usage(1, 2) };
    assert_eq!(outcome.reply.unwrap().usage, expected);
}

#[tokio::test]
async fn anthropic_is_asked_and_understood() {
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
async fn gemini_is_asked_and_understood() {
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
async fn what_a_model_did_not_finish_or_would_not_say_is_told_apart() {
    use ProviderKind::{Anthropic, Gemini, OpenAi};
    let openai = |reason: &str| json!({ "choices": [{ "message": { "content": "x" }, "finish_reason": reason }] });
    let refusal = json!({ "choices": [{ "message": { "content": null, "refusal": "no" },
        "finish_reason": "stop" }] });
    let anthropic =
        |reason: &str| json!({ "type": "message", "content": [], "stop_reason": reason });
    let gemini = |reason: &str| json!({ "candidates": [{ "finishReason": reason }] });
    for (kind, answer, flaw) in [
        (OpenAi, openai("length"), Flaw::Truncated),
        (OpenAi, openai("content_filter"), Flaw::Refused),
        (OpenAi, refusal, Flaw::Refused),
        (Anthropic, anthropic("max_tokens"), Flaw::Truncated),
        (Anthropic, anthropic("refusal"), Flaw::Refused),
        (Gemini, gemini("MAX_TOKENS"), Flaw::Truncated),
        (Gemini, gemini("SAFETY"), Flaw::Refused),
        (Gemini, json!({ "promptFeedback": { "blockReason": "OTHER" } }), Flaw::Refused),
    ] {
        let outcome = ask(kind, vec![whole(200, &answer)]).await;
        assert_eq!(outcome.reply.unwrap().flaw, Some(flaw), "{kind}: {answer}");
    }
}

#[tokio::test]
async fn tokens_are_guessed_if_the_provider_does_not_count() {
    let outcome = ask(ProviderKind::Vllm, vec![whole(200, &openai_whole("twelve bytes"))]).await;
    let usage = outcome.reply.unwrap().usage;
    assert!(usage.guessed && usage.output_tokens == 4 && usage.input_tokens > 5, "{usage:?}");
}

#[tokio::test]
async fn failures_that_pass_are_tried_again_after_a_wait() {
    for status in [408, 429, 500, 503, 529] {
        let answers = vec![whole(status, &json!({})), whole(200, &openai_whole("x"))];
        let outcome = ask(ProviderKind::OpenAi, answers).await;
        assert_eq!(outcome.reply.as_ref().unwrap().text, "x", "{status}");
        let wait = outcome.waits_ms();
        assert!(wait.len() == 1 && (1000..=2000).contains(&wait[0]), "{status}: {wait:?}");
    }
}

#[tokio::test]
async fn the_wait_grows_is_spread_and_honours_what_the_provider_asks_for() {
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
    assert!(matches!(&error, SourceError::Failed(why) if why.contains("429")), "{error}");

    let answers = vec![busy(Some("77")), whole(200, &openai_whole("x"))];
    let outcome = ask(ProviderKind::OpenAi, answers).await;
    assert_eq!(outcome.waits_ms(), [77_000]);

    let outcome = ask(ProviderKind::OpenAi, vec![busy(Some("4000"))]).await;
    assert_eq!(outcome.waits_ms(), [] as [u64; 0]);
    let error = outcome.reply.unwrap_err().to_string();
    assert!(error.contains("it asks to wait 4000 s"), "{error}");
}

#[tokio::test]
async fn failures_that_last_are_told_at_once_and_the_key_is_not() {
    let complaint = json!({ "error": { "message": format!("Incorrect API key provided: {KEY}") } });
    for (status, part) in [
        (400, "Incorrect"),
        (401, "OPENAI_API_KEY"),
        (403, "OPENAI_API_KEY"),
        (404, "--base-url"),
        (302, "elsewhere"),
        (402, "402"),
    ] {
        let outcome = ask(ProviderKind::OpenAi, vec![whole(status, &complaint)]).await;
        assert_eq!(outcome.asked.len(), 1, "{status}");
        let error = outcome.reply.unwrap_err().to_string();
        assert!(error.contains(part), "{status}: {error}");
    }
    let broke = json!({ "error": { "code": "insufficient_quota", "message": "no money" } });
    let outcome = ask(ProviderKind::OpenAi, vec![whole(429, &broke)]).await;
    assert!(matches!(outcome.reply, Err(SourceError::Unusable(_))), "{:?}", outcome.reply);
}

#[tokio::test]
async fn an_answer_that_repeats_the_key_comes_without_it() {
    let outcome = ask(ProviderKind::OpenAi, vec![whole(200, &openai_whole(KEY))]).await;
    assert_eq!(outcome.reply.unwrap().text, "[removed]");
}

#[tokio::test]
async fn an_answer_that_breaks_is_asked_for_again() {
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
async fn an_answer_ends_where_it_says_so_and_not_with_the_connection() {
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
async fn an_error_within_an_answer_that_will_last_is_not_tried_again() {
    let refused = json!({ "type": "error", "error": {
        "type": "invalid_request_error", "message": "too long" } });
    let outcome = ask(ProviderKind::Anthropic, vec![streamed(&[refused], false)]).await;
    let error = outcome.reply.unwrap_err().to_string();
    assert!(error.contains("too long"), "{error}");
}

#[tokio::test]
async fn ten_megabytes_are_cut_off() {
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
        assert_eq!(reply.flaw, Some(Flaw::TooLong), "{what}");
        assert!(reply.text.len() <= 512 << 10, "{what}: {}", reply.text.len());
    }
}

#[tokio::test]
async fn a_provider_that_is_not_there_is_named_without_its_address() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let base = format!("http://user:password@{closed}/v1");
    let patience = Patience { retries: 0, ..Patience::STANDARD };
    let provider = Provider::new(ProviderKind::Vllm, "m", Some(&base), None, patience).unwrap();
    let task = tasks::find("reverse_string").unwrap().view();
    let on_progress = &|_| ();
    let ask = Ask { task: &task, attempt: 1, messages: &[], max_output_tokens: 1, on_progress };
    let error = provider.answer(&ask).await.unwrap_err().to_string();
    assert!(error.contains("Connection refused") && !error.contains("password"), "{error}");
}

#[test]
fn a_key_that_no_header_can_hold_is_refused_and_not_shown() {
    let key = Secret::new("sk-one\nsk-two");
    let opened = Provider::new(ProviderKind::OpenAi, "m", None, key, Patience::STANDARD);
    let error = opened.err().unwrap().to_string();
    assert!(error.contains("line break") && !error.contains("sk-"), "{error}");
}

#[test]
fn an_address_that_is_none_is_refused() {
    for wrong in ["nonsense", "ftp://x", ""] {
        let opened = Provider::new(ProviderKind::Vllm, "m", Some(wrong), None, Patience::STANDARD);
        assert!(opened.err().unwrap().to_string().contains("--base-url"), "{wrong}");
    }
}
