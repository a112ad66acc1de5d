//! The common part of the wire formats: a request is sent as JSON, and the reply arrives in pieces of JSON.

use harness::gateway::api_key::ApiKey;
use serde_json::Value;

use super::dialect::WireDialect;
use super::failure::ProviderFailure;
use crate::model::source::{
    ChatMessage, ChatRole, MAX_REPLY_BYTES, ModelRequest, ReplyFlaw, TokenUsage,
};

/// The wire format of a provider.
pub(super) trait WireFormat: Send + Sync {
    /// Builds the HTTP request.
    fn request(&self, input: &WireInput<'_>) -> WireRequest;

    /// Adds one event of a stream, or a whole reply that arrived in one piece.
    fn add(&self, event: &Value, reply: &mut PartialReply) -> Result<(), ProviderFailure>;
}

/// What a request is built of.
pub(super) struct WireInput<'a> {
    pub model: &'a str,
    pub request: &'a ModelRequest<'a>,
    pub key: Option<&'a ApiKey>,
    pub dialect: &'a WireDialect,
}

impl WireInput<'_> {
    /// The conversation. If the server does not support system messages, they are part of the first question.
    pub(super) fn messages(&self) -> Vec<ChatMessage> {
        let messages = self.request.messages.to_vec();
        if self.dialect.system_role {
            return messages;
        }
        let is_system = |message: &ChatMessage| message.role == ChatRole::System;
        let (system, mut messages): (Vec<_>, Vec<_>) = messages.into_iter().partition(is_system);
        if let Some(question) = messages.iter_mut().find(|message| message.role == ChatRole::User) {
            let texts = system.iter().map(|message| message.text.as_str());
            let texts: Vec<_> = texts.chain([question.text.as_str()]).collect();
            question.text = texts.join("\n\n");
        }
        messages
    }
}

/// A request, except for the base URL.
pub(super) struct WireRequest {
    /// Path below the base URL.
    pub path: String,
    /// Query, added to that of the base URL.
    pub query: Option<&'static str>,
    /// Headers, with the key.
    pub headers: Vec<(&'static str, String)>,
    pub body: Value,
}

/// The part of a reply that has arrived.
#[derive(Debug, Default)]
pub(super) struct PartialReply {
    pub text: String,
    /// The beginning of the reasoning, which is not part of the text.
    pub reasoning: String,
    /// Bytes of the whole reasoning.
    pub reasoning_bytes: usize,
    pub usage: Option<TokenUsage>,
    pub flaw: Option<ReplyFlaw>,
    /// The provider reported the end of the reply.
    pub ended: bool,
    /// Nothing follows, not even a token count. Some servers leave the connection open nevertheless.
    pub last: bool,
}

impl PartialReply {
    /// The failure for an error that the provider reports within a reply.
    pub(super) fn failure(error: &Value) -> ProviderFailure {
        let text = |name: &str| error[name].as_str().unwrap_or_default().to_owned();
        let kinds = [text("type"), text("status"), text("code")].join(" ").to_ascii_lowercase();
        let transient = ["overload", "rate", "server", "unavailable", "timeout", "internal"];
        let message = error.as_str().map_or_else(|| text("message"), str::to_owned);
        let code = error["code"].as_u64().unwrap_or(0);
        let is_retryable =
            transient.iter().any(|word| kinds.contains(word)) || code == 429 || code >= 500;
        ProviderFailure::within_reply(&message, is_retryable)
    }

    /// Adds reasoning.
    pub(super) fn add_reasoning(&mut self, text: &str) {
        self.reasoning_bytes += text.len();
        if self.reasoning_bytes <= MAX_REPLY_BYTES {
            self.reasoning.push_str(text);
        }
    }

    /// Sets the token counts that a part of the reply states.
    pub(super) fn count(&mut self, input: Option<u64>, output: Option<u64>) {
        if input.is_some() || output.is_some() {
            let usage = self.usage.get_or_insert_default();
            usage.input_tokens = input.unwrap_or(usage.input_tokens);
            usage.output_tokens = output.unwrap_or(usage.output_tokens);
        }
    }
}
