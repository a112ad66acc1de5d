//! The wire formats of the providers.

use harness::gateway::provider::ProviderKind;
use miner::model::source::{ModelProgress, ReplyFlaw, TokenUsage};
use serde_json::{Value, json};

use crate::provider_server::{KEY, ask, openai_whole, streamed, whole};

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
