//! `OpenAI`'s chat completions API, which most other providers and all local servers offer too.

use serde_json::{Value, json};

use super::failure::ProviderFailure;
use super::wire::{PartialReply, WireFormat, WireInput, WireRequest};
use crate::model::source::{ChatMessage, ChatRole, ReplyFlaw};

/// The wire format.
pub(super) struct OpenAi;

impl WireFormat for OpenAi {
    fn request(&self, input: &WireInput<'_>) -> WireRequest {
        let message = |message: &ChatMessage| {
            let role = match message.role {
                ChatRole::System => "system",
                ChatRole::User => "user",
                ChatRole::Assistant => "assistant",
            };
            json!({ "role": role, "content": message.text })
        };
        let mut body = json!({
            "model": input.model,
            "messages": input.messages().iter().map(message).collect::<Vec<_>>(),
            "stream": true,
        });
        body[input.dialect.limit.as_str()] = input.request.max_output_tokens.into();
        if input.dialect.stream_options {
            body["stream_options"] = json!({ "include_usage": true });
        }
        let bearer = |key: &harness::gateway::api_key::ApiKey| {
            ("authorization", format!("Bearer {}", key.reveal()))
        };
        let headers = input.key.map(bearer).into_iter().collect();
        let path =
            if input.dialect.adds_version { "v1/chat/completions" } else { "chat/completions" };
        WireRequest { path: path.to_owned(), query: None, headers, body }
    }

    fn add(&self, event: &Value, reply: &mut PartialReply) -> Result<(), ProviderFailure> {
        if !event["error"].is_null() {
            return Err(PartialReply::failure(&event["error"]));
        }
        let choice = &event["choices"][0];
        // A stream has deltas, a reply in one piece has a message.
        let part = if choice["delta"].is_object() { &choice["delta"] } else { &choice["message"] };
        add_content(&part["content"], reply);
        for field in ["reasoning_content", "reasoning"] {
            reply.add_reasoning(part[field].as_str().unwrap_or_default());
        }
        if part["refusal"].as_str().is_some_and(|refusal| !refusal.is_empty()) {
            reply.flaw = Some(ReplyFlaw::Refused);
        }
        // Some servers send an empty reason in every event.
        if let Some(reason) = choice["finish_reason"].as_str().filter(|reason| !reason.is_empty()) {
            reply.ended = true;
            match reason {
                "length" => reply.flaw = Some(ReplyFlaw::Truncated),
                "content_filter" => reply.flaw = Some(ReplyFlaw::Refused),
                _ => {}
            }
        }
        let usage = &event["usage"];
        let reasoning = &usage["completion_tokens_details"]["reasoning_tokens"];
        let output = usage["completion_tokens"].as_u64().or(reasoning.as_u64());
        reply.count(usage["prompt_tokens"].as_u64(), output);
        if let (Some(counted), Some(cost)) = (&mut reply.usage, usage["cost"].as_f64()) {
            counted.cost_usd = Some(cost);
        }
        Ok(())
    }
}

/// Adds content, which is a text or a list of parts.
fn add_content(content: &Value, reply: &mut PartialReply) {
    match content {
        Value::String(text) => reply.text.push_str(text),
        Value::Array(parts) => {
            for part in parts {
                match &part["thinking"] {
                    Value::Null => add_content(&part["text"], reply),
                    Value::String(text) => reply.add_reasoning(text),
                    parts => {
                        for text in parts.as_array().into_iter().flatten() {
                            reply.add_reasoning(text["text"].as_str().unwrap_or_default());
                        }
                    }
                }
            }
        }
        _ => {}
    }
}
