//! Google's Gemini API.

use serde_json::{Value, json};

use super::failure::ProviderFailure;
use super::wire::{PartialReply, WireFormat, WireRequest};
use crate::model::api_key::ApiKey;
use crate::model::source::{ChatRole, ModelRequest, ReplyFlaw};

pub(super) struct Gemini;

impl WireFormat for Gemini {
    fn request(
        &self,
        model: &str,
        request: &ModelRequest<'_>,
        key: Option<&ApiKey>,
    ) -> WireRequest {
        let parts = |text: &str| json!([{ "text": text }]);
        let mut body = json!({
            "contents": [],
            "generationConfig": { "maxOutputTokens": request.max_output_tokens },
        });
        let mut contents = Vec::new();
        for message in request.messages {
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
        let headers = key.map(|key| ("x-goog-api-key", key.reveal().to_owned()));
        let model = model.strip_prefix("models/").unwrap_or(model);
        let path = format!("v1beta/models/{model}:streamGenerateContent?alt=sse");
        WireRequest { path, headers: headers.into_iter().collect(), body }
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
                reply.reasoning_bytes += text.len();
            } else {
                reply.text.push_str(text);
            }
        }
        if let Some(reason) = candidate["finishReason"].as_str() {
            reply.ended = true;
            match reason {
                "STOP" => {}
                "MAX_TOKENS" => reply.flaw = Some(ReplyFlaw::Truncated),
                _ => reply.flaw = Some(ReplyFlaw::Refused),
            }
        }
        let usage = &event["usageMetadata"];
        let thoughts = usage["thoughtsTokenCount"].as_u64().unwrap_or(0);
        let output = usage["candidatesTokenCount"].as_u64().map(|output| output + thoughts);
        reply.count(usage["promptTokenCount"].as_u64(), output);
        Ok(())
    }
}
