//! The failures of providers, and what is retried.

use std::convert::Infallible;
use std::sync::Mutex;
use std::time::Duration;

use axum::body::{Body, Bytes};
use futures_util::{FutureExt as _, StreamExt as _, stream};
use harness::gateway::api_key::ApiKey;
use harness::gateway::provider::ProviderKind;
use miner::model::provider::{Provider, ProviderOptions, RequestPolicy};
use miner::model::source::{AnswerSource as _, AnswerSourceError, ModelRequest, ReplyFlaw};
use serde_json::json;
use tokio::net::TcpListener;

use crate::provider_server::{KEY, ScriptedServer, ask, openai_whole, scripted, streamed, whole};

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
async fn all_requests_wait_as_long_as_the_server_asks_for() {
    static WAITS: Mutex<Vec<Duration>> = Mutex::new(Vec::new());
    let mut busy = whole(429, &json!({}));
    busy.headers.push(("retry-after", "77".to_owned()));
    let server = ScriptedServer::start(vec![
        busy,
        whole(200, &openai_whole("x")),
        whole(200, &openai_whole("y")),
    ])
    .await;
    let sleep = |wait| {
        WAITS.lock().unwrap().push(wait);
        std::future::ready(()).boxed()
    };
    let policy = RequestPolicy { sleep, ..RequestPolicy::STANDARD };
    let base_url = Some(format!("{}/v1", server.url));
    let options = ProviderOptions { base_url, key: None, policy };
    let provider = Provider::new(ProviderKind::Vllm, "m", options).unwrap();
    let task = tasks::find("reverse_string").unwrap().view();
    let on_progress = &|_| ();
    let request =
        ModelRequest { task: &task, attempt: 1, messages: &[], max_output_tokens: 1, on_progress };
    assert_eq!(provider.answer(&request).await.unwrap().text, "x");
    WAITS.lock().unwrap().clear();
    assert_eq!(provider.answer(&request).await.unwrap().text, "y");
    let waits = WAITS.lock().unwrap().clone();
    let longest = Duration::from_secs(77);
    assert!(waits.len() == 1 && waits[0] > Duration::ZERO && waits[0] <= longest, "{waits:?}");
}

#[tokio::test]
async fn reports_permanent_failures_at_once_without_the_key() {
    let error_body =
        json!({ "error": { "message": format!("Incorrect API key provided: {KEY}") } });
    for (status, part) in [
        (400, "Incorrect"),
        (401, "OPENAI_API_KEY"),
        (403, "OPENAI_API_KEY"),
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

/// Asks a server that cannot be reached, with a policy under which a retry would never end.
async fn ask_unreachable(host: &str) -> AnswerSourceError {
    let sleep = |_| futures_util::future::pending().boxed();
    let policy = RequestPolicy { sleep, ..RequestPolicy::STANDARD };
    let base_url = Some(format!("http://user:password@{host}/v1?key=secret"));
    let options = ProviderOptions { base_url, key: None, policy };
    let provider = Provider::new(ProviderKind::Vllm, "m", options).unwrap();
    let task = tasks::find("reverse_string").unwrap().view();
    let on_progress = &|_| ();
    let request =
        ModelRequest { task: &task, attempt: 1, messages: &[], max_output_tokens: 1, on_progress };
    provider.answer(&request).await.unwrap_err()
}

#[tokio::test]
async fn reports_an_unreachable_provider_at_once_with_its_address() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    for host in [closed.to_string().as_str(), "unknown-host.invalid"] {
        let error = ask_unreachable(host).await;
        assert!(matches!(error, AnswerSourceError::Unusable(_)), "{error}");
        let error = error.to_string();
        assert!(error.contains(&format!("at http://{host}/v1/chat/completions: ")), "{error}");
        assert!(!error.contains("password") && !error.contains("secret"), "{error}");
    }
    assert!(ask_unreachable(&closed.to_string()).await.to_string().contains("Connection refused"));
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
