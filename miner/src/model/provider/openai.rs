//! `OpenAI`'s chat completions API, which most other providers and all local servers offer too.

use serde_json::{Value, json};

use super::failure::ProviderFailure;
use super::wire::{PartialReply, WireFormat, WireRequest};
use crate::model::api_key::ApiKey;
use crate::model::source::{ChatMessage, ChatRole, ModelRequest, ReplyFlaw};

/// The wire format, with the differences between its servers.
pub(super) struct OpenAi {
    /// Name of the token limit: `OpenAI` rejects the older name, and others know only that.
    pub limit_field: &'static str,
}

impl WireFormat for OpenAi {
    fn request(
        &self,
        model: &str,
        request: &ModelRequest<'_>,
        key: Option<&ApiKey>,
    ) -> WireRequest {
        let message = |message: &ChatMessage| {
            let role = match message.role {
                ChatRole::System => "system",
                ChatRole::User => "user",
                ChatRole::Assistant => "assistant",
            };
            json!({ "role": role, "content": message.text })
        };
        let mut body = json!({
            "model": model,
            "messages": request.messages.iter().map(message).collect::<Vec<_>>(),
            "stream": true,
            "stream_options": { "include_usage": true },
        });
        body[self.limit_field] = request.max_output_tokens.into();
        let authorization = key.map(|key| ("authorization", format!("Bearer {}", key.reveal())));
        let headers = authorization.into_iter().collect();
        WireRequest { path: "chat/completions".to_owned(), headers, body }
    }

    fn add(&self, event: &Value, reply: &mut PartialReply) -> Result<(), ProviderFailure> {
        if !event["error"].is_null() {
            return Err(PartialReply::failure(&event["error"]));
        }
        let choice = &event["choices"][0];
        // A stream has deltas, a reply in one piece has a message.
        let part = if choice["delta"].is_object() { &choice["delta"] } else { &choice["message"] };
        reply.text.push_str(part["content"].as_str().unwrap_or_default());
        for field in ["reasoning_content", "reasoning"] {
            reply.reasoning_bytes += part[field].as_str().map_or(0, str::len);
        }
        if part["refusal"].as_str().is_some_and(|refusal| !refusal.is_empty()) {
            reply.flaw = Some(ReplyFlaw::Refused);
        }
        if let Some(reason) = choice["finish_reason"].as_str() {
            reply.ended = true;
            match reason {
                "length" => reply.flaw = Some(ReplyFlaw::Truncated),
                "content_filter" => reply.flaw = Some(ReplyFlaw::Refused),
                _ => {}
            }
        }
        let usage = &event["usage"];
        reply.count(usage["prompt_tokens"].as_u64(), usage["completion_tokens"].as_u64());
        if let (Some(counted), Some(cost)) = (&mut reply.usage, usage["cost"].as_f64()) {
            counted.cost_usd = Some(cost);
        }
        Ok(())
    }
}
