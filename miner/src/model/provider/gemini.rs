//! Google's Gemini API.

use serde_json::{Value, json};

use super::failure::ProviderFailure;
use super::wire::{PartialReply, WireFormat, WireInput, WireRequest};
use crate::model::source::{ChatRole, ReplyFlaw};

pub(super) struct Gemini;

impl WireFormat for Gemini {
    fn request(&self, input: &WireInput<'_>) -> WireRequest {
        let parts = |text: &str| json!([{ "text": text }]);
        let mut body = json!({
            "contents": [],
            "generationConfig": { "maxOutputTokens": input.request.max_output_tokens },
        });
        let mut contents = Vec::new();
        for message in input.messages() {
            match message.role {
                ChatRole::System => {
                    body["systemInstruction"] = json!({ "parts": parts(&message.text) });
                }
                ChatRole::User => {
                    contents.push(json!({ "role": "user", "parts": parts(&message.text) }));
                }
                ChatRole::Assistant => {
                    contents.push(json!({ "role": "model", "parts": parts(&message.text) }));
                }
            }
        }
        body["contents"] = contents.into();
        // In a header and not in the URL, as URLs end up in logs.
        let headers = input.key.map(|key| ("x-goog-api-key", key.reveal().to_owned()));
        let model = input.model.strip_prefix("models/").unwrap_or(input.model);
        let path = format!("v1beta/models/{model}:streamGenerateContent");
        let headers = headers.into_iter().collect();
        WireRequest { path, query: Some("alt=sse"), headers, body }
    }

    fn add(&self, event: &Value, reply: &mut PartialReply) -> Result<(), ProviderFailure> {
        // A server that ignores `alt=sse` sends all events as one list.
        if let Some(events) = event.as_array() {
            return events.iter().try_for_each(|event| self.add(event, reply));
        }
        if !event["error"].is_null() {
            return Err(PartialReply::failure(&event["error"]));
        }
        if !event["promptFeedback"]["blockReason"].is_null() {
            reply.flaw = Some(ReplyFlaw::Refused);
            reply.ended = true;
        }
        let candidate = &event["candidates"][0];
        let parts = candidate["content"]["parts"].as_array().map(Vec::as_slice).unwrap_or_default();
        for part in parts {
            let text = part["text"].as_str().unwrap_or_default();
            if part["thought"].as_bool() == Some(true) {
                reply.add_reasoning(text);
            } else {
                reply.text.push_str(text);
            }
        }
        let reason = candidate["finishReason"].as_str().unwrap_or_default();
        if !matches!(reason, "" | "FINISH_REASON_UNSPECIFIED") {
            reply.ended = true;
            match reason {
                "STOP" => {}
                "MAX_TOKENS" => reply.flaw = Some(ReplyFlaw::Truncated),
                _ => reply.flaw = Some(ReplyFlaw::Refused),
            }
        }
        let usage = &event["usageMetadata"];
        let counts =
            ["candidatesTokenCount", "thoughtsTokenCount"].map(|name| usage[name].as_u64());
        let output = counts.into_iter().flatten().reduce(|sum, count| sum + count);
        reply.count(usage["promptTokenCount"].as_u64(), output);
        Ok(())
    }
}
