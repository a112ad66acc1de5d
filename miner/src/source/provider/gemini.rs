//! Google's Gemini.

use serde_json::{Value, json};

use super::failure::Failure;
use super::wire::{Request, SoFar, Wire};
use crate::secret::Secret;
use crate::source::{Ask, Flaw, Role};

pub(super) struct Gemini;

impl Wire for Gemini {
    fn request(&self, model: &str, ask: &Ask<'_>, key: Option<&Secret>) -> Request {
        let parts = |text: &str| json!([{ "text": text }]);
        let mut body = json!({
            "contents": [],
            "generationConfig": { "maxOutputTokens": ask.max_output_tokens },
        });
        let mut contents = Vec::new();
        for message in ask.messages {
            match message.role {
                Role::System => {
                    body["systemInstruction"] = json!({ "parts": parts(&message.text) });
                }
                Role::User => {
                    contents.push(json!({ "role": "user", "parts": parts(&message.text) }));
                }
                Role::Assistant => {
                    contents.push(json!({ "role": "model", "parts": parts(&message.text) }));
                }
            }
        }
        body["contents"] = contents.into();
        // In a header, not in the address: addresses end up in logs.
        let headers = key.map(|key| ("x-goog-api-key", key.reveal().to_owned()));
        let model = model.strip_prefix("models/").unwrap_or(model);
        let path = format!("v1beta/models/{model}:streamGenerateContent?alt=sse");
        Request { path, headers: headers.into_iter().collect(), body }
    }

    fn take(&self, event: &Value, so_far: &mut SoFar) -> Result<(), Failure> {
        // Without `alt=sse` in force, all events come as one list.
        if let Some(events) = event.as_array() {
            return events.iter().try_for_each(|event| self.take(event, so_far));
        }
        if !event["error"].is_null() {
            return Err(SoFar::fail(&event["error"]));
        }
        if !event["promptFeedback"]["blockReason"].is_null() {
            so_far.flaw = Some(Flaw::Refused);
            so_far.ended = true;
        }
        let candidate = &event["candidates"][0];
        let parts = candidate["content"]["parts"].as_array().map(Vec::as_slice).unwrap_or_default();
        for part in parts {
            let text = part["text"].as_str().unwrap_or_default();
            if part["thought"].as_bool() == Some(true) {
                so_far.thought_bytes += text.len();
            } else {
                so_far.text.push_str(text);
            }
        }
        if let Some(reason) = candidate["finishReason"].as_str() {
            so_far.ended = true;
            match reason {
                "STOP" => {}
                "MAX_TOKENS" => so_far.flaw = Some(Flaw::Truncated),
                _ => so_far.flaw = Some(Flaw::Refused),
            }
        }
        let usage = &event["usageMetadata"];
        let thoughts = usage["thoughtsTokenCount"].as_u64().unwrap_or(0);
        let output = usage["candidatesTokenCount"].as_u64().map(|output| output + thoughts);
        so_far.count(usage["promptTokenCount"].as_u64(), output);
        Ok(())
    }
}
