//! The gateway between agents and a scripted provider, without containers.

mod provider;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use harness::gateway::model::{ModelMode, ModelSettings};
use harness::gateway::round::Gateway;
use harness::gateway::session::ModelSession;
use http_body_util::Full;
use serde_json::json;
use tasks::Sha256;

use provider::{
    Act, KEY, ScriptedProvider, ask, failed, post, question, request, said, said_in_events,
};

fn key() -> Sha256 {
    Sha256::of(b"a trial")
}

/// An attempt at a trial, whose journal is kept in a directory.
fn begin(settings: ModelSettings, journals: Option<&Path>) -> Arc<ModelSession> {
    let gateway = Gateway::open(settings, journals.map(Path::to_owned)).unwrap();
    ModelSession::begin(&gateway, &key()).unwrap()
}

/// The fault of an attempt that has one.
async fn fault(session: &ModelSession) -> String {
    let fault = tokio::time::timeout(Duration::from_secs(10), session.fault()).await;
    fault.expect("the attempt is void").to_string()
}

async fn is_void(session: &ModelSession) -> bool {
    tokio::time::timeout(Duration::ZERO, session.fault()).await.is_ok()
}

#[tokio::test]
async fn passes_responses_on_and_counts_them() {
    let provider = ScriptedProvider::start(|_, body| {
        if body["stream"] == true { Act::Events(said_in_events("one two")) } else { said("whole") }
    })
    .await;
    let directory = tempfile::tempdir().unwrap();
    let session = begin(provider.settings(), Some(directory.path()));
    let got = ask(&session, "hello").await;
    assert_eq!((got.status, got.said()), (200, "whole".to_owned()));
    let mut streamed = question("hello");
    streamed["stream"] = json!(true);
    let got = request(&session, post("/v1/chat/completions", &streamed)).await;
    assert_eq!(got.headers["content-type"], "text/event-stream");
    assert!(
        got.is_whole && got.text.contains("one ") && got.text.ends_with("data: [DONE]\n\n"),
        "{got:?}"
    );
    assert!(!got.text.contains("prompt_tokens"), "it did not ask for the usage: {}", got.text);
    streamed["stream_options"] = json!({"include_usage": true});
    let got = request(&session, post("/v1/chat/completions", &streamed)).await;
    assert!(got.text.contains("prompt_tokens"), "{}", got.text);

    let used = session.usage().0;
    assert_eq!(
        (used.calls, used.input_tokens, used.output_tokens, used.cost_micro_usd),
        (3, 30, 15, 45)
    );
    let usage =
        request(&session, hyper::Request::get("/v1/usage").body(Full::default()).unwrap()).await;
    assert_eq!(
        (&usage.json()["used"]["calls"], &usage.json()["left"]["calls"]),
        (&json!(3), &json!(61))
    );
    let models =
        request(&session, hyper::Request::get("/v1/models").body(Full::default()).unwrap()).await;
    assert_eq!(models.json()["data"][0]["id"], "m");

    let asked = provider.asked();
    assert_eq!((&asked[0]["model"], &asked[0]["max_tokens"]), (&json!("m"), &json!(20)));
    assert_eq!(asked[0]["user"], asked[1]["user"]);
    assert_eq!(asked[1]["stream_options"], json!({"include_usage": true}));
    assert_eq!(provider.headers()[0]["authorization"], format!("Bearer {KEY}"));
    let journal =
        std::fs::read_to_string(directory.path().join(format!("{}.jsonl", key()))).unwrap();
    assert_eq!(journal.lines().count(), 3);
    assert!(!journal.contains(KEY));
}

#[tokio::test]
async fn serves_the_dialect_of_messages() {
    let provider = ScriptedProvider::start(|_, body| {
        let usage = json!({"input_tokens": 3, "cache_read_input_tokens": 4, "output_tokens": 2});
        if body["stream"] == true {
            let start = json!({"type": "message_start", "message": {"usage": usage}});
            Act::Events(vec![
                format!("event: message_start\ndata: {start}\n\n"),
                "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n".to_owned(),
            ])
        } else {
            Act::Answer(200, json!({"type": "message", "content": [{"type": "text", "text": "hi"}], "usage": usage}))
        }
    })
    .await;
    let session = begin(provider.settings(), None);
    let mut body =
        json!({"model": "x", "max_tokens": 9, "messages": [{"role": "user", "content": "a"}]});
    let got = request(&session, post("/v1/messages?beta=true", &body)).await;
    assert_eq!((got.status, &got.json()["content"][0]["text"]), (200, &json!("hi")));
    body["stream"] = json!(true);
    let got = request(&session, post("/v1/messages", &body)).await;
    assert!(got.is_whole && got.text.contains("message_stop"), "{got:?}");
    assert_eq!(session.usage().0.input_tokens, 14);
    assert_eq!(provider.headers()[0]["x-api-key"], KEY);
    assert_eq!(provider.headers()[0]["anthropic-version"], "2023-06-01");
    body["max_tokens"] = json!("many");
    let got = request(&session, post("/v1/messages", &body)).await;
    assert_eq!((got.status, &got.json()["type"]), (400, &json!("error")));
}

#[tokio::test]
async fn refuses_what_it_does_not_know() {
    let provider = ScriptedProvider::start(|_, _| said("never")).await;
    let session = begin(provider.settings(), None);
    let check = async |request_sent: hyper::Request<Full<_>>, status: u16, part: &str| {
        let got = request(&session, request_sent).await;
        assert_eq!(got.status, status, "{got:?}");
        let text = got.json()["error"]["message"].to_string();
        assert!(text.contains(part), "{text}");
        assert_eq!(got.headers["x-should-retry"], "false");
    };
    check(post("/v1/../v1/chat/completions", &question("a")), 404, "path is unknown").await;
    check(post("/v1/embeddings", &json!({})), 404, "POST /v1/chat/completions").await;
    check(hyper::Request::get("/v1/messages").body(Full::default()).unwrap(), 405, "POST").await;
    check(post("/v1/usage", &json!({})), 405, "GET").await;
    let mut tools = question("a");
    tools["tools"] = json!([]);
    check(post("/v1/chat/completions", &tools), 400, "'tools'").await;
    check(post("/v1/chat/completions", &question(&"x".repeat(300_000))), 413, "262144 bytes").await;
    let text = hyper::Request::post("/v1/chat/completions").header("content-type", "text/plain");
    check(text.body(Full::from("{}")).unwrap(), 415, "application/json").await;
    assert_eq!(provider.asked(), Vec::<serde_json::Value>::new());
}

#[tokio::test]
async fn a_budget_holds_however_many_requests_come_at_once() {
    let provider = ScriptedProvider::start(|_, _| said("x")).await;
    let mut settings = provider.settings();
    // Every response states 15 tokens; a reservation is for 8 bytes, overhead and 20 tokens.
    settings.trial_budget = "cost=0.0005".parse().unwrap();
    settings.jobs = 64;
    let gateway = Gateway::open(settings, None).unwrap();
    let session = ModelSession::begin(&gateway, &key()).unwrap();
    let texts: Vec<_> = (0..64).map(|number| format!("ask {number:04}")).collect();
    let got = join_all(texts.iter().map(|text| ask(&session, text))).await;
    let served = got.iter().filter(|got| got.status == 200).count();
    let refused: Vec<_> = got.iter().filter(|got| got.status == 402).collect();
    assert_eq!(served + refused.len(), 64);
    assert!(served > 0 && !refused.is_empty(), "{served} were served");
    assert_eq!(refused[0].json()["error"]["code"], "budget_exhausted");
    assert_eq!(provider.asked().len(), served);
    let spent = session.usage().0.cost_micro_usd;
    assert!(spent <= 500, "{spent}");
    assert_eq!(gateway.spent().cost_micro_usd, spent);
    // The budget does not come back.
    let mut last = 200;
    for number in 0..64 {
        last = ask(&session, &format!("then {number}")).await.status;
    }
    assert_eq!(last, 402);
    assert!(session.usage().0.cost_micro_usd <= 500);
}

#[tokio::test]
async fn a_budget_of_the_round_is_shared_and_outlives_the_process() {
    let provider = ScriptedProvider::start(|_, _| said("x")).await;
    let directory = tempfile::tempdir().unwrap();
    let mut settings = provider.settings();
    settings.round_budget = "calls=3".parse().unwrap();
    for expected in [200, 200, 200, 402] {
        // A new process each time, and another trial.
        let gateway = Gateway::open(settings.clone(), Some(directory.path().to_owned())).unwrap();
        let trial = Sha256::of(provider.asked().len().to_string().as_bytes());
        let session = ModelSession::begin(&gateway, &trial).unwrap();
        assert_eq!(ask(&session, "x").await.status, expected);
    }
}

#[tokio::test]
async fn a_busy_provider_is_waited_for() {
    let provider = ScriptedProvider::start(|number, _| match number {
        0 => Act::Headed(
            429,
            ("retry-after", "0"),
            json!({"error": {"code": "rate_limit_exceeded"}}),
        ),
        1 => Act::Answer(429, json!({"error": {"details": [{"retryDelay": "0.01s"}]}})),
        _ => said("patient"),
    })
    .await;
    let session = begin(provider.settings(), None);
    let clock = session.clock_stopped();
    assert_eq!(ask(&session, "x").await.said(), "patient");
    assert!(clock.has_changed().unwrap(), "the agent's clock ran on while the provider was busy");
    assert_eq!(session.usage().0.calls, 1);
    assert!(!is_void(&session).await);
}

#[tokio::test]
async fn a_provider_that_stays_busy_is_a_fault_and_not_the_agents_time() {
    let busy = || {
        Act::Headed(429, ("retry-after", "0.2"), json!({"error": {"code": "rate_limit_exceeded"}}))
    };
    let provider = ScriptedProvider::start(move |_, _| busy()).await;
    let session = begin(provider.settings(), None);
    assert_eq!(ask(&session, "x").await.status, 502);
    let fault = fault(&session).await;
    assert!(fault.contains("waited for 1 s, because it is busy"), "{fault}");
    assert!(provider.asked().len() > 1);
    assert_eq!(session.usage().0.cost_micro_usd, 0);
}

#[tokio::test]
async fn a_failed_request_is_sent_again_once_the_provider_works() {
    let well = Arc::new(AtomicBool::new(false));
    let canary = Arc::clone(&well);
    let provider = ScriptedProvider::start_with(
        move |_, _| if canary.swap(true, Ordering::Relaxed) { said("OK") } else { failed(503) },
        |number, _| match number {
            0 => failed(500),
            1 => Act::Events(vec![": not a whole event".to_owned()]),
            _ => said("again"),
        },
    )
    .await;
    let mut settings = provider.settings();
    settings.patience = Duration::from_secs(30);
    let session = begin(settings, None);
    let got = ask(&session, "x").await;
    assert_eq!(got.status, 200);
    assert!(well.load(Ordering::Relaxed), "the host asked by itself");
    assert_eq!(provider.asked()[0], provider.asked()[1]);
    assert!(!is_void(&session).await);
}

#[tokio::test]
async fn a_request_that_makes_the_provider_fail_is_the_agents_own() {
    let provider = ScriptedProvider::start(|_, body| {
        if body["messages"][0]["content"] == "poison" { failed(500) } else { said("fine") }
    })
    .await;
    let directory = tempfile::tempdir().unwrap();
    let session = begin(provider.settings(), Some(directory.path()));
    let got = ask(&session, "poison").await;
    assert_eq!((got.status, provider.asked().len()), (502, 3));
    assert_eq!(got.headers["x-should-retry"], "false");
    assert!(!is_void(&session).await);
    assert_eq!(ask(&session, "food").await.said(), "fine");
    // Another attempt gets the same, and the provider is not asked again.
    let session = begin(provider.settings(), Some(directory.path()));
    assert_eq!(ask(&session, "poison").await.status, 502);
    assert_eq!(provider.asked().len(), 4);
}

#[tokio::test]
async fn a_provider_that_fails_for_long_is_a_fault() {
    for act in [|| failed(503), || Act::Hang] {
        let provider = ScriptedProvider::start_with(move |_, _| act(), |_, _| failed(500)).await;
        let session = begin(provider.settings(), None);
        let got = ask(&session, "x").await;
        assert_eq!(got.status, 502);
        let fault = fault(&session).await;
        assert!(fault.contains("ollama:m does not answer") && fault.contains("1 s"), "{fault}");
        assert_eq!(session.usage().0.cost_micro_usd, 0);
    }
}

#[tokio::test]
async fn a_refusal_ends_the_round_only_if_everything_is_refused() {
    let provider = ScriptedProvider::start(|_, _| failed(403)).await;
    let session = begin(provider.settings(), None);
    let got = ask(&session, "forbidden").await;
    assert_eq!((got.status, is_void(&session).await), (403, false));
    for (status, code, part) in [
        (401, "invalid_api_key", "check the key"),
        (404, "model_not_found", "the model's name"),
        (429, "insufficient_quota", "credit is gone"),
        (400, "insufficient_quota", "credit is gone"),
        (402, "x", "credit is gone"),
    ] {
        let act = move |_: usize, _: &serde_json::Value| {
            Act::Answer(
                status,
                json!({"error": {"message": format!("your key {KEY}"), "code": code}}),
            )
        };
        let provider = ScriptedProvider::start_with(act, act).await;
        let gateway = Gateway::open(provider.settings(), None).unwrap();
        let session = ModelSession::begin(&gateway, &key()).unwrap();
        assert_eq!(ask(&session, "x").await.status, 502);
        let fault = fault(&session).await;
        assert!(fault.contains(part) && !fault.contains(KEY), "{fault}");
        // Nothing more is sent in this round.
        let (other, before) =
            (ModelSession::begin(&gateway, &key()).unwrap(), provider.headers().len());
        assert_eq!(ask(&other, "y").await.status, 502);
        assert_eq!(provider.headers().len(), before);
    }
}

#[tokio::test]
async fn a_second_attempt_continues_the_first() {
    let provider = ScriptedProvider::start(|number, _| said(&format!("response {number}"))).await;
    let directory = tempfile::tempdir().unwrap();
    let first = begin(provider.settings(), Some(directory.path()));
    // Equal requests are samples of their own.
    let mut said_first = Vec::new();
    for text in ["a", "a", "b"] {
        said_first.push(ask(&first, text).await.said());
    }
    assert_eq!(said_first, ["response 0", "response 1", "response 2"]);
    let second = begin(provider.settings(), Some(directory.path()));
    let mut said_second = Vec::new();
    for text in ["a", "b", "a", "a"] {
        said_second.push(ask(&second, text).await.said());
    }
    assert_eq!(said_second, ["response 0", "response 2", "response 1", "response 3"]);
    assert_eq!(second.usage().0.calls, 4, "what is given again counts for the trial");
    // A client that sends a request again gets the response that there is.
    let mut again = post("/v1/chat/completions", &question("a"));
    again.headers_mut().insert("x-stainless-retry-count", "1".parse().unwrap());
    assert_eq!(request(&second, again).await.said(), "response 3");
    assert_eq!((second.usage().0.calls, provider.asked().len()), (4, 4));
}

#[tokio::test]
async fn a_stream_that_breaks_off_is_a_fault_until_it_is_the_requests_doing() {
    let provider =
        ScriptedProvider::start(|_, _| Act::Events(said_in_events("one two")[..1].to_vec())).await;
    let directory = tempfile::tempdir().unwrap();
    let mut streamed = question("x");
    streamed["stream"] = json!(true);
    for attempt in 1..=4 {
        let session = begin(provider.settings(), Some(directory.path()));
        let got = request(&session, post("/v1/chat/completions", &streamed)).await;
        if attempt < 3 {
            assert!(!got.is_whole, "{got:?}");
            assert!(fault(&session).await.contains("broke off"));
        } else {
            assert!(!is_void(&session).await);
            assert!(attempt == 3 || got.status == 502, "{got:?}");
        }
    }
    assert_eq!(provider.asked().len(), 3);
}

#[tokio::test]
async fn an_agent_that_hangs_up_has_spent_what_it_reserved() {
    let provider = ScriptedProvider::start(|_, _| Act::Hang).await;
    let gateway = Gateway::open(provider.settings(), None).unwrap();
    let session = ModelSession::begin(&gateway, &key()).unwrap();
    let asking = tokio::spawn({
        let session = Arc::clone(&session);
        async move {
            let (ours, theirs) = tokio::io::duplex(1 << 16);
            let serving = (session.line().serve)(theirs);
            let sending = async {
                use tokio::io::AsyncWriteExt as _;
                let body = question("x").to_string();
                let mut ours = ours;
                let head = format!(
                    "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n",
                    body.len()
                );
                ours.write_all((head + &body).as_bytes()).await.unwrap();
                std::future::pending::<()>().await;
            };
            tokio::join!(serving, sending);
        }
    });
    while provider.asked().is_empty() {
        tokio::task::yield_now().await;
    }
    asking.abort();
    assert!(asking.await.unwrap_err().is_cancelled());
    let used = session.usage().0;
    assert_eq!((used.calls, used.output_tokens, gateway.spent()), (1, 20, used));
}

#[tokio::test]
async fn recordings_replace_the_provider() {
    let provider = ScriptedProvider::start(|number, _| said(&format!("response {number}"))).await;
    let directory = tempfile::tempdir().unwrap();
    let recordings = Some(directory.path().to_owned());
    let record = ModelSettings {
        mode: ModelMode::Record,
        recordings: recordings.clone(),
        ..provider.settings()
    };
    let session = begin(record.clone(), None);
    for text in ["a", "a", "b"] {
        ask(&session, text).await;
    }
    let replay = ModelSettings { mode: ModelMode::Replay, key: None, ..record };
    assert_eq!(
        replay.pinned(),
        provider.settings().pinned(),
        "where responses come from decides nothing"
    );
    drop(provider);
    let session = begin(replay.clone(), None);
    assert_eq!(ask(&session, "b").await.said(), "response 2");
    assert_eq!(ask(&session, "a").await.said(), "response 0");
    assert_eq!(ask(&session, "a").await.said(), "response 1");
    assert_eq!(session.usage().0.calls, 3);
    assert!(!is_void(&session).await);
    assert_eq!(ask(&session, "something new").await.status, 502);
    let fault = fault(&session).await;
    assert!(fault.contains("no recording") && fault.contains("'something new'"), "{fault}");
}

#[tokio::test]
async fn a_model_that_takes_too_long_has_used_up_its_time() {
    let provider = ScriptedProvider::start(|_, _| Act::Hang).await;
    let mut settings = provider.settings();
    settings.trial_budget = "seconds=1".parse().unwrap();
    let session = begin(settings, None);
    let got = ask(&session, "x").await;
    assert_eq!((got.status, &got.json()["error"]["code"]), (402, &json!("budget_exhausted")));
    assert!(got.text.contains("model time"));
    assert!(!is_void(&session).await);
}
