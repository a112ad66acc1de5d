//! The chat completions of `OpenAI`, which most others and all local servers speak too.

use serde_json::{Value, json};

use super::failure::Failure;
use super::wire::{Request, SoFar, Wire};
use crate::secret::Secret;
use crate::source::{Ask, Flaw, Role};

/// What differs between those who speak it.
pub(super) struct OpenAi {
    /// `OpenAI` itself refuses the old name of the limit of tokens; others know only that.
    pub limit_field: &'static str,
}

impl Wire for OpenAi {
    fn request(&self, model: &str, ask: &Ask<'_>, key: Option<&Secret>) -> Request {
        let message = |message: &crate::source::Message| {
            let role = match message.role {
                Role::System => "system",
                Role::User => "user",
                Role::Assistant => "assistant",
            };
            json!({ "role": role, "content": message.text })
        };
        let mut body = json!({
            "model": model,
            "messages": ask.messages.iter().map(message).collect::<Vec<_>>(),
            "stream": true,
            "stream_options": { "include_usage": true },
        });
        body[self.limit_field] = ask.max_output_tokens.into();
        let authorization = key.map(|key| ("authorization", format!("Bearer {}", key.reveal())));
        let headers = authorization.into_iter().collect();
        Request { path: "chat/completions".to_owned(), headers, body }
    }

    fn take(&self, event: &Value, so_far: &mut SoFar) -> Result<(), Failure> {
        if !event["error"].is_null() {
            return Err(SoFar::fail(&event["error"]));
        }
        let choice = &event["choices"][0];
        // A stream has deltas, an answer in one piece has a message.
        let part = if choice["delta"].is_object() { &choice["delta"] } else { &choice["message"] };
        so_far.text.push_str(part["content"].as_str().unwrap_or_default());
        for thoughts in ["reasoning_content", "reasoning"] {
            so_far.thought_bytes += part[thoughts].as_str().map_or(0, str::len);
        }
        if part["refusal"].as_str().is_some_and(|refusal| !refusal.is_empty()) {
            so_far.flaw = Some(Flaw::Refused);
        }
        if let Some(reason) = choice["finish_reason"].as_str() {
            so_far.ended = true;
            match reason {
                "length" => so_far.flaw = Some(Flaw::Truncated),
                "content_filter" => so_far.flaw = Some(Flaw::Refused),
                _ => {}
            }
        }
        let usage = &event["usage"];
        so_far.count(usage["prompt_tokens"].as_u64(), usage["completion_tokens"].as_u64());
        if let (Some(counted), Some(cost)) = (&mut so_far.usage, usage["cost"].as_f64()) {
            counted.cost_usd = Some(cost);
        }
        Ok(())
    }
}
