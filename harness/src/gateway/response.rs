//! What a provider answers: the usage that it states, and its events as they are passed on.

use bytes::{Bytes, BytesMut};
use serde_json::{Value, json};

use super::request::{Dialect, ModelQuery};

/// Largest event of a stream, in bytes.
const MAX_EVENT_BYTES: usize = 1 << 20;

/// The tokens that a provider states.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StatedTokens {
    /// Of the request, those that were read from a cache or written to one included
    pub input: Option<u64>,
    /// Of the response
    pub output: Option<u64>,
}

impl StatedTokens {
    /// Reads the usage of a whole response.
    pub fn of_document(dialect: Dialect, document: &Value) -> Self {
        let mut stated = Self::default();
        stated.add(dialect, &document["usage"]);
        stated
    }

    fn add(&mut self, dialect: Dialect, usage: &Value) {
        let number = |name: &str| usage[name].as_u64();
        let (input, output) = match dialect {
            Dialect::Chat => (number("prompt_tokens"), number("completion_tokens")),
            Dialect::Messages => {
                let cached = ["cache_creation_input_tokens", "cache_read_input_tokens"];
                let cached: u64 = cached.iter().filter_map(|name| number(name)).sum();
                (
                    number("input_tokens").map(|tokens| tokens.saturating_add(cached)),
                    number("output_tokens"),
                )
            }
        };
        // Later events state totals, and not always of both.
        self.input = input.filter(|tokens| *tokens > 0).or(self.input);
        self.output = output.or(self.output);
    }
}

/// The body of an error in the form of a dialect.
pub fn error_body(dialect: Dialect, kind: &str, message: &str) -> String {
    let body = match dialect {
        Dialect::Chat => {
            json!({"error": {"message": message, "type": kind, "param": null, "code": kind}})
        }
        Dialect::Messages => json!({"type": "error", "error": {"type": kind, "message": message}}),
    };
    body.to_string()
}

/// Splits a stream into its events, and reads what concerns the host.
pub struct EventReader {
    dialect: Dialect,
    wants_usage: bool,
    unread: BytesMut,
    /// What the provider has stated so far
    pub stated: StatedTokens,
    /// Whether the event that ends a response has come
    pub ended: bool,
}

/// Why a stream is not passed on any further.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum StreamError {
    /// The provider reported an error in the middle.
    #[error("the provider reported in the middle of a response: {0}")]
    Reported(String),
    /// An event has no end.
    #[error("an event of a response has more than {MAX_EVENT_BYTES} bytes")]
    TooLong,
}

impl EventReader {
    /// A reader of the response to this request.
    pub fn new(query: &ModelQuery) -> Self {
        Self {
            dialect: query.dialect,
            wants_usage: query.wants_usage,
            unread: BytesMut::new(),
            stated: StatedTokens::default(),
            ended: false,
        }
    }

    /// Takes bytes of the stream, and returns the whole events that are passed on.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<Bytes, StreamError> {
        self.unread.extend_from_slice(bytes);
        let mut passed_on = BytesMut::new();
        while let Some(end) = event_end(&self.unread) {
            let event = self.unread.split_to(end);
            if self.read(&event)? {
                passed_on.extend_from_slice(&event);
            }
        }
        if self.unread.len() > MAX_EVENT_BYTES {
            return Err(StreamError::TooLong);
        }
        Ok(passed_on.freeze())
    }

    /// Reads an event. Returns whether the agent gets it.
    fn read(&mut self, event: &[u8]) -> Result<bool, StreamError> {
        let text = String::from_utf8_lossy(event);
        let lines = text.lines().filter_map(|line| line.strip_prefix("data:"));
        let data =
            lines.map(|line| line.strip_prefix(' ').unwrap_or(line)).collect::<Vec<_>>().join("\n");
        if data.trim() == "[DONE]" {
            self.ended = true;
            return Ok(true);
        }
        let Ok(document) = serde_json::from_str::<Value>(&data) else { return Ok(true) };
        if let Some(error) = document.get("error").filter(|error| !error.is_null()) {
            let message = error["message"].as_str().unwrap_or("an error without a message");
            return Err(StreamError::Reported(message.chars().take(200).collect()));
        }
        self.stated.add(self.dialect, &document["usage"]);
        match self.dialect {
            Dialect::Chat => {
                // Only this event has the usage and nothing else; a client that did not ask for it expects a choice.
                let only_usage = document["choices"].as_array().is_some_and(Vec::is_empty)
                    && document["usage"].is_object();
                Ok(self.wants_usage || !only_usage)
            }
            Dialect::Messages => {
                self.stated.add(self.dialect, &document["message"]["usage"]);
                self.ended |= document["type"] == "message_stop";
                Ok(true)
            }
        }
    }
}

/// The position after the empty line that ends the first event.
fn event_end(bytes: &[u8]) -> Option<usize> {
    let mut line = 0;
    for (at, byte) in bytes.iter().enumerate() {
        if *byte == b'\n' {
            let content = bytes[line..at].strip_suffix(b"\r").unwrap_or(&bytes[line..at]);
            if content.is_empty() && at > 0 {
                return Some(at + 1);
            }
            line = at + 1;
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::request::ModelParameters;

    fn query(dialect: Dialect, wants_usage: bool) -> ModelQuery {
        let parameters = ModelParameters {
            model: "m".to_owned(),
            max_output_tokens: 10,
            temperature: None,
            seed: None,
            limit_field: "max_tokens",
        };
        let mut body = json!({"messages": [{"role": "user", "content": "a"}], "stream": true});
        if dialect == Dialect::Chat {
            body["stream_options"] = json!({"include_usage": wants_usage});
        }
        ModelQuery::build(dialect, body.to_string().as_bytes(), &parameters).unwrap()
    }

    const CHAT: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}],\"usage\":null}\n\n\
        : a comment\r\n\r\n\
        data: {\"choices\":[],\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":2}}\n\n\
        data: [DONE]\n\n";

    #[test]
    fn passes_events_on_as_they_come_without_the_usage_that_nobody_asked_for() {
        for size in [1, 7, 1000] {
            for wants_usage in [false, true] {
                let mut reader = EventReader::new(&query(Dialect::Chat, wants_usage));
                let mut passed_on = Vec::new();
                for chunk in CHAT.as_bytes().chunks(size) {
                    passed_on.extend(reader.feed(chunk).unwrap());
                }
                let usage =
                    CHAT.split_inclusive("\n\n").find(|event| event.contains("completion_tokens"));
                let usage = usage.unwrap().rsplit("\r\n\r\n").next().unwrap();
                let expected = if wants_usage { CHAT.to_owned() } else { CHAT.replace(usage, "") };
                assert_eq!(String::from_utf8(passed_on).unwrap(), expected);
                assert_eq!(reader.stated, StatedTokens { input: Some(5), output: Some(2) });
                assert!(reader.ended);
            }
        }
    }

    #[test]
    fn counts_what_caches_were_used_for() {
        let mut reader = EventReader::new(&query(Dialect::Messages, false));
        let start = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":10,\
            \"cache_creation_input_tokens\":20,\"cache_read_input_tokens\":30,\"output_tokens\":1}}}\n\n";
        assert_eq!(reader.feed(start.as_bytes()).unwrap(), start);
        let delta = "event: message_delta\ndata: {\"type\":\"message_delta\",\"usage\":{\"output_tokens\":9}}\n\n";
        reader.feed(delta.as_bytes()).unwrap();
        assert!(!reader.ended);
        reader.feed(b"event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n").unwrap();
        assert_eq!(
            (reader.stated, reader.ended),
            (StatedTokens { input: Some(60), output: Some(9) }, true)
        );
        let document = json!({"usage": {"prompt_tokens": 3, "completion_tokens": 4}});
        let stated = StatedTokens { input: Some(3), output: Some(4) };
        assert_eq!(StatedTokens::of_document(Dialect::Chat, &document), stated);
    }

    #[test]
    fn ends_streams_that_report_an_error_or_have_no_end() {
        let mut reader = EventReader::new(&query(Dialect::Chat, false));
        let error =
            reader.feed(b"data: {\"error\": {\"message\": \"overloaded\"}}\n\n").unwrap_err();
        assert_eq!(error, StreamError::Reported("overloaded".to_owned()));
        let mut reader = EventReader::new(&query(Dialect::Chat, false));
        assert_eq!(reader.feed(&vec![b'x'; MAX_EVENT_BYTES + 1]), Err(StreamError::TooLong));
    }
}
