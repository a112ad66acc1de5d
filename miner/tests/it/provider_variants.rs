//! Deviations from the wire formats that real servers have.

use axum::body::Body;
use harness::gateway::provider::ProviderKind;
use miner::model::source::ReplyFlaw;
use serde_json::{Value, json};

use crate::provider_server::{AskOutcome, ask, ask_at, openai_whole, scripted, streamed, whole};

/// Checks the text of a reply that arrived without a retry.
fn check_text(outcome: &AskOutcome, expected: &str) {
    assert_eq!(outcome.reply.as_ref().unwrap().text, expected);
    assert_eq!(outcome.waits_ms(), [] as [u64; 0]);
}

fn message(message: &Value) -> Value {
    json!({ "choices": [{ "message": message, "finish_reason": "stop" }] })
}

#[tokio::test]
async fn accepts_content_as_a_list_of_parts() {
    let parts = json!([{ "type": "text", "text": "one " }, { "type": "text", "text": "two" }]);
    let thinking = json!({ "type": "thinking", "thinking": [{ "type": "text", "text": "hm" }] });
    let answer = message(&json!({ "content": parts }));
    check_text(&ask(ProviderKind::OpenAi, vec![whole(200, &answer)]).await, "one two");
    let events = [
        json!({ "choices": [{ "delta": { "content": [thinking] } }] }),
        json!({ "choices": [{ "delta": { "content": parts }, "finish_reason": "stop" }] }),
    ];
    check_text(&ask(ProviderKind::Vllm, vec![streamed(&events, true)]).await, "one two");
}

#[tokio::test]
async fn recognizes_events_and_documents_by_the_body() {
    let event = message(&json!({ "content": "x" }));
    for kind in ["text/plain", "application/octet-stream", "Text/Event-Stream", "application/json"]
    {
        for start in ["", "\n", ": a comment\n\n", "event: message\n", "id: 1\n"] {
            let body = format!("{start}data: {event}\n\ndata: [DONE]\n\n");
            check_text(&ask(ProviderKind::OpenAi, vec![scripted(200, kind, body)]).await, "x");
        }
        let body = format!(" {event}");
        check_text(&ask(ProviderKind::OpenAi, vec![scripted(200, kind, body)]).await, "x");
    }
    let response = scripted(200, "text/event-stream", Body::from(event.to_string()));
    check_text(&ask(ProviderKind::OpenAi, vec![response]).await, "x");
}

#[tokio::test]
async fn repeats_a_request_without_what_the_server_does_not_support() {
    let error = |message: &str| json!({ "error": { "message": message } });
    let extra =
        json!({ "loc": ["body", "stream_options"], "msg": "Extra inputs are not permitted" });
    for (status, body) in [
        (400, error("Unrecognized request argument supplied: stream_options")),
        (422, json!({ "detail": [extra] })),
        (422, json!({ "object": "error", "message": { "detail": [extra] } })),
    ] {
        let responses = vec![whole(status, &body), whole(200, &openai_whole("x"))];
        let outcome = ask(ProviderKind::OpenAi, responses).await;
        check_text(&outcome, "x");
        assert!(outcome.asked[0].body.get("stream_options").is_some());
        assert!(outcome.asked[1].body.get("stream_options").is_none());
    }

    let refusal = error("Unknown field: max_completion_tokens");
    let responses = vec![whole(400, &refusal), whole(200, &openai_whole("x"))];
    let outcome = ask(ProviderKind::OpenAi, responses).await;
    check_text(&outcome, "x");
    assert_eq!(outcome.asked[1].body["max_tokens"], 1234);
    let refusal = error("'max_tokens' is not supported, use 'max_completion_tokens' instead");
    let responses = vec![whole(400, &refusal), whole(200, &openai_whole("x"))];
    let outcome = ask(ProviderKind::OpenRouter, responses).await;
    assert_eq!(outcome.asked[1].body["max_completion_tokens"], 1234);
    assert!(outcome.asked[1].body.get("max_tokens").is_none());

    for (status, refusal) in [
        (400, "Invalid role: system"),
        (400, "Conversation roles must alternate user/assistant/user/assistant/..."),
        (500, "System role not supported"),
    ] {
        let responses = vec![whole(status, &error(refusal)), whole(200, &openai_whole("x"))];
        let outcome = ask(ProviderKind::LlamaCpp, responses).await;
        check_text(&outcome, "x");
        let first = json!({ "role": "user", "content": "the rules\n\nthe task" });
        assert_eq!(outcome.asked[1].body["messages"][0], first, "{refusal}");
    }
    let refusal = error("Developer instruction is not enabled for models/gemma-3-27b-it");
    let reply = json!({ "candidates": [{ "content": { "parts": [{ "text": "x" }] }, "finishReason": "STOP" }] });
    let outcome = ask(ProviderKind::Gemini, vec![whole(400, &refusal), whole(200, &reply)]).await;
    check_text(&outcome, "x");
    assert_eq!(outcome.asked[1].body["contents"][0]["parts"][0]["text"], "the rules\n\nthe task");
}

#[tokio::test]
async fn shows_the_details_of_a_refusal_that_remains() {
    let extra = json!({ "loc": ["body", "model"], "msg": "unknown" });
    let body = json!({ "object": "error", "message": { "detail": [extra] } });
    let outcome = ask(ProviderKind::OpenAi, vec![whole(422, &body)]).await;
    let error = outcome.reply.unwrap_err().to_string();
    assert!(error.contains("body.model: unknown"), "{error}");

    // A server that refuses both names of the limit is not asked forever.
    let body = json!({ "error": "max_completion_tokens and max_tokens are unknown" });
    let outcome = ask(ProviderKind::OpenAi, (0..5).map(|_| whole(400, &body)).collect()).await;
    assert!(outcome.reply.unwrap_err().to_string().contains("are unknown"));
}

#[tokio::test]
async fn waits_as_long_as_gemini_asks_for() {
    let info = json!({ "@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "37s" });
    let busy = json!([{ "error": { "code": 429, "message": "quota", "details": [info] } }]);
    let reply = json!({ "candidates": [{ "content": { "parts": [{ "text": "x" }] }, "finishReason": "STOP" }] });
    let outcome = ask(ProviderKind::Gemini, vec![whole(429, &busy), whole(200, &reply)]).await;
    assert_eq!(
        (outcome.reply.as_ref().unwrap().text.as_str(), outcome.waits_ms()),
        ("x", vec![37_000])
    );
}

#[tokio::test]
async fn counts_reasoning_tokens_without_a_count_of_visible_ones() {
    let gemini = json!({
        "candidates": [{ "finishReason": "MAX_TOKENS" }],
        "usageMetadata": { "promptTokenCount": 7, "thoughtsTokenCount": 900 },
    });
    let mut openai = openai_whole("x");
    let details = json!({ "reasoning_tokens": 900 });
    openai["usage"] = json!({ "prompt_tokens": 7, "completion_tokens_details": details });
    for (kind, reply) in [(ProviderKind::Gemini, gemini), (ProviderKind::OpenAi, openai)] {
        let usage = ask(kind, vec![whole(200, &reply)]).await.reply.unwrap().usage;
        assert_eq!(
            (usage.input_tokens, usage.output_tokens, usage.guessed),
            (7, 900, false),
            "{kind}"
        );
    }
}

#[tokio::test]
async fn an_empty_finish_reason_does_not_end_a_reply() {
    let openai = json!({ "choices": [{ "delta": { "content": "x" }, "finish_reason": "" }] });
    let outcome =
        ask(ProviderKind::Vllm, vec![streamed(&[openai], false), whole(200, &openai_whole("y"))])
            .await;
    assert_eq!((outcome.reply.as_ref().unwrap().text.as_str(), outcome.waits_ms().len()), ("y", 1));
    let part = |reason: &str| json!({ "candidates": [{ "content": { "parts": [{ "text": "y" }] }, "finishReason": reason }] });
    let responses = vec![streamed(&[part("")], false), whole(200, &part("STOP"))];
    let outcome = ask(ProviderKind::Gemini, responses).await;
    assert_eq!((outcome.reply.as_ref().unwrap().text.as_str(), outcome.waits_ms().len()), ("y", 1));
}

#[tokio::test]
async fn takes_reasoning_for_the_reply_if_there_is_nothing_else() {
    let code = "```python\ndef f(): pass\n```";
    for field in ["reasoning_content", "reasoning"] {
        let answer = message(&json!({ "content": null, field: code }));
        check_text(&ask(ProviderKind::Vllm, vec![whole(200, &answer)]).await, code);
        let mut answer = message(&json!({ "content": "", field: "hm" }));
        answer["choices"][0]["finish_reason"] = "length".into();
        let reply = ask(ProviderKind::Vllm, vec![whole(200, &answer)]).await.reply.unwrap();
        assert_eq!((reply.text.as_str(), reply.flaw), ("", Some(ReplyFlaw::OnlyReasoning)));
    }
    let answer = message(&json!({ "content": "x", "reasoning_content": "hm" }));
    check_text(&ask(ProviderKind::Vllm, vec![whole(200, &answer)]).await, "x");
}

#[tokio::test]
async fn joins_base_urls_of_every_form() {
    use ProviderKind::{Anthropic, Gemini, OpenAi, Vllm};
    let stream = "models/the-model:streamGenerateContent";
    let azure = "/openai/deployments/d";
    for (kind, base, expected) in [
        (Vllm, "/v1", "/v1/chat/completions".to_owned()),
        (Vllm, "/v1/", "/v1/chat/completions".to_owned()),
        (Vllm, "/v1/chat/completions", "/v1/chat/completions".to_owned()),
        (OpenAi, "/proxy/", "/proxy/chat/completions".to_owned()),
        (
            OpenAi,
            "/openai/deployments/d?api-version=2024-10-21",
            format!("{azure}/chat/completions?api-version=2024-10-21"),
        ),
        (
            OpenAi,
            "/openai/deployments/d/chat/completions?api-version=2024-10-21",
            format!("{azure}/chat/completions?api-version=2024-10-21"),
        ),
        (Anthropic, "", "/v1/messages".to_owned()),
        (Anthropic, "/v1/", "/v1/messages".to_owned()),
        (Anthropic, "/v1/messages", "/v1/messages".to_owned()),
        (Gemini, "/", format!("/v1beta/{stream}?alt=sse")),
        (Gemini, "/v1beta", format!("/v1beta/{stream}?alt=sse")),
        (Gemini, "/p?key=k", format!("/p/v1beta/{stream}?key=k&alt=sse")),
    ] {
        let reply = match kind {
            Anthropic => json!({ "type": "message", "content": [] }),
            Gemini => json!({ "candidates": [{ "finishReason": "STOP" }] }),
            _ => openai_whole("x"),
        };
        let outcome = ask_at(kind, base, vec![whole(200, &reply)]).await;
        assert_eq!(outcome.asked[0].target, expected, "{kind} {base}");
    }
}

#[tokio::test]
async fn adds_a_missing_version_and_names_the_url_of_a_404() {
    let missing = || scripted(404, "text/plain", "404 page not found");
    let outcome =
        ask_at(ProviderKind::Ollama, "", vec![missing(), whole(200, &openai_whole("x"))]).await;
    check_text(&outcome, "x");
    let targets: Vec<_> = outcome.asked.iter().map(|asked| asked.target.as_str()).collect();
    assert_eq!(targets, ["/chat/completions", "/v1/chat/completions"]);

    let unknown_model = json!({ "error": { "message": "model 'the-model' not found" } });
    for (base, responses, path) in [
        ("/v1?key=secret", vec![missing()], "/v1/chat/completions"),
        ("/api", vec![missing(), missing()], "/api/v1/chat/completions"),
        ("/api", vec![whole(404, &unknown_model)], "/api/chat/completions"),
    ] {
        let error =
            ask_at(ProviderKind::Vllm, base, responses).await.reply.unwrap_err().to_string();
        let expected = format!("{path}; check --model and --base-url");
        assert!(error.contains("asked at http://127.0.0.1:"), "{base}: {error}");
        assert!(error.ends_with(&expected) && !error.contains("secret"), "{base}: {error}");
    }
}

#[tokio::test]
async fn names_the_option_that_helps_against_a_context_that_is_too_short() {
    for refusal in [
        "This model's maximum context length is 8192 tokens. However, you requested 16500 tokens.",
        "'max_tokens' or 'max_completion_tokens' is too large: 16384. This model's maximum context length is \
         8192 tokens and your request has 100 input tokens",
        "the request exceeds the available context size, try increasing it",
    ] {
        let body = json!({ "error": { "message": refusal } });
        let outcome = ask(ProviderKind::Vllm, vec![whole(400, &body)]).await;
        let error = outcome.reply.unwrap_err().to_string();
        assert!(error.contains("lower --max-output-tokens, which is 1234"), "{error}");
    }
}
