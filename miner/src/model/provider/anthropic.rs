//! Anthropic's Messages API.

use serde_json::{Value, json};

use super::failure::ProviderFailure;
use super::wire::{PartialReply, WireFormat, WireInput, WireRequest};
use crate::model::source::{ChatRole, ReplyFlaw};

/// API version.
const VERSION: &str = "2023-06-01";

pub(super) struct Anthropic;

impl WireFormat for Anthropic {
    fn request(&self, input: &WireInput<'_>) -> WireRequest {
        let all = input.messages();
        let of_role = |role| all.iter().filter(move |message| message.role == role);
        let system: Vec<_> =
            of_role(ChatRole::System).map(|message| message.text.as_str()).collect();
        let messages = all.iter().filter_map(|message| {
            let role = match message.role {
                ChatRole::System => return None,
                ChatRole::User => "user",
                ChatRole::Assistant => "assistant",
            };
            // The API rejects empty messages, but a model's reply can be empty.
            let text = if message.text.trim().is_empty() { "(nothing)" } else { &message.text };
            Some(json!({ "role": role, "content": text }))
        });
        let mut body = json!({
            "model": input.model,
            "max_tokens": input.request.max_output_tokens,
            "messages": messages.collect::<Vec<_>>(),
            "stream": true,
        });
        if !system.is_empty() {
            body["system"] = system.join("\n\n").into();
        }
        let mut headers = vec![("anthropic-version", VERSION.to_owned())];
        headers.extend(input.key.map(|key| ("x-api-key", key.reveal().to_owned())));
        WireRequest { path: "v1/messages".to_owned(), query: None, headers, body }
    }

    fn add(&self, event: &Value, reply: &mut PartialReply) -> Result<(), ProviderFailure> {
        match event["type"].as_str().unwrap_or_default() {
            "error" => return Err(PartialReply::failure(&event["error"])),
            "message_start" => add_usage(&event["message"]["usage"], reply),
            "content_block_delta" => {
                let delta = &event["delta"];
                reply.text.push_str(delta["text"].as_str().unwrap_or_default());
                reply.add_reasoning(delta["thinking"].as_str().unwrap_or_default());
            }
            "message_delta" => {
                add_stop_reason(&event["delta"], reply);
                add_usage(&event["usage"], reply);
            }
            "message_stop" => (reply.ended, reply.last) = (true, true),
            // A whole reply in one piece.
            "message" => {
                let blocks = event["content"].as_array().map(Vec::as_slice).unwrap_or_default();
                reply.text.extend(blocks.iter().filter_map(|block| block["text"].as_str()));
                add_stop_reason(event, reply);
                add_usage(&event["usage"], reply);
                reply.ended = true;
            }
            _ => {}
        }
        Ok(())
    }
}

fn add_stop_reason(message: &Value, reply: &mut PartialReply) {
    match message["stop_reason"].as_str().unwrap_or_default() {
        "max_tokens" | "model_context_window_exceeded" => reply.flaw = Some(ReplyFlaw::Truncated),
        "refusal" => reply.flaw = Some(ReplyFlaw::Refused),
        _ => {}
    }
}

fn add_usage(usage: &Value, reply: &mut PartialReply) {
    let cached = ["cache_creation_input_tokens", "cache_read_input_tokens"];
    let cached: u64 = cached.iter().filter_map(|name| usage[*name].as_u64()).sum();
    let input = usage["input_tokens"].as_u64().map(|input| input + cached);
    reply.count(input, usage["output_tokens"].as_u64());
}
