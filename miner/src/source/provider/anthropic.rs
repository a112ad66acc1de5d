//! Anthropic's messages.

use serde_json::{Value, json};

use super::failure::Failure;
use super::wire::{Request, SoFar, Wire};
use crate::secret::Secret;
use crate::source::{Ask, Flaw, Role};

/// The version of the API that this is written for.
const VERSION: &str = "2023-06-01";

pub(super) struct Anthropic;

impl Wire for Anthropic {
    fn request(&self, model: &str, ask: &Ask<'_>, key: Option<&Secret>) -> Request {
        let of_role = |role| ask.messages.iter().filter(move |message| message.role == role);
        let system: Vec<_> = of_role(Role::System).map(|message| message.text.as_str()).collect();
        let messages = ask.messages.iter().filter_map(|message| {
            let role = match message.role {
                Role::System => return None,
                Role::User => "user",
                Role::Assistant => "assistant",
            };
            // An empty message is refused, and what a model said may well be empty.
            let text = if message.text.trim().is_empty() { "(nothing)" } else { &message.text };
            Some(json!({ "role": role, "content": text }))
        });
        let body = json!({
            "model": model,
            "max_tokens": ask.max_output_tokens,
            "system": system.join("\n\n"),
            "messages": messages.collect::<Vec<_>>(),
            "stream": true,
        });
        let mut headers = vec![("anthropic-version", VERSION.to_owned())];
        headers.extend(key.map(|key| ("x-api-key", key.reveal().to_owned())));
        Request { path: "v1/messages".to_owned(), headers, body }
    }

    fn take(&self, event: &Value, so_far: &mut SoFar) -> Result<(), Failure> {
        match event["type"].as_str().unwrap_or_default() {
            "error" => return Err(SoFar::fail(&event["error"])),
            "message_start" => count(&event["message"]["usage"], so_far),
            "content_block_delta" => {
                let delta = &event["delta"];
                so_far.text.push_str(delta["text"].as_str().unwrap_or_default());
                so_far.thought_bytes += delta["thinking"].as_str().map_or(0, str::len);
            }
            "message_delta" => {
                stopped(&event["delta"], so_far);
                count(&event["usage"], so_far);
            }
            "message_stop" => (so_far.ended, so_far.last) = (true, true),
            // All of an answer in one piece.
            "message" => {
                let blocks = event["content"].as_array().map(Vec::as_slice).unwrap_or_default();
                so_far.text.extend(blocks.iter().filter_map(|block| block["text"].as_str()));
                stopped(event, so_far);
                count(&event["usage"], so_far);
                so_far.ended = true;
            }
            _ => {}
        }
        Ok(())
    }
}

fn stopped(message: &Value, so_far: &mut SoFar) {
    match message["stop_reason"].as_str().unwrap_or_default() {
        "max_tokens" | "model_context_window_exceeded" => so_far.flaw = Some(Flaw::Truncated),
        "refusal" => so_far.flaw = Some(Flaw::Refused),
        _ => {}
    }
}

fn count(usage: &Value, so_far: &mut SoFar) {
    let cached = ["cache_creation_input_tokens", "cache_read_input_tokens"];
    let cached: u64 = cached.iter().filter_map(|name| usage[*name].as_u64()).sum();
    let input = usage["input_tokens"].as_u64().map(|input| input + cached);
    so_far.count(input, usage["output_tokens"].as_u64());
}
