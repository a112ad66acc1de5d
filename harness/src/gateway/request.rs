//! The request that a model gets. It is built anew from what an agent sent, field by field, so nothing crosses that is
//! not named here: no second model behind a repeated key, no tools, no parameter of tomorrow.

use serde::Serialize;
use serde_json::{Map, Value, json};
use tasks::Sha256;
use unicode_normalization::UnicodeNormalization as _;

/// Largest body of a request, in bytes.
pub const MAX_REQUEST_BYTES: usize = 256 << 10;
/// Tokens that a provider may add for each message and for the request as a whole: role names and separators. Chat
/// templates add up to about ten.
const MESSAGE_TOKENS: u64 = 16;
/// Messages of a request.
const MAX_MESSAGES: usize = 1000;
/// Stop sequences, and the bytes of each.
const MAX_STOPS: usize = 4;
const MAX_STOP_BYTES: usize = 256;

/// A format of requests and responses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Dialect {
    /// `POST /v1/chat/completions`, as `OpenAI` defines it
    Chat,
    /// `POST /v1/messages`, as Anthropic defines it
    Messages,
}

impl Dialect {
    /// The path of its requests, below the version of the API.
    pub const fn path(self) -> &'static str {
        match self {
            Self::Chat => "chat/completions",
            Self::Messages => "messages",
        }
    }
}

/// What the host decides about every request.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ModelParameters {
    /// The name of the model, as its provider knows it
    pub model: String,
    /// Longest response, in tokens. Agents may ask for less
    pub max_output_tokens: u64,
    /// The sampling temperature; the agent's own if none
    pub temperature: Option<f64>,
    /// The sampling seed; none is sent if none
    pub seed: Option<u64>,
    /// The field of the chat dialect that limits a response: newer models of `OpenAI` refuse the older name
    pub limit_field: &'static str,
}

/// A request that may be sent.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelQuery {
    /// Its format
    pub dialect: Dialect,
    /// The body, without what differs between trials and without the limit of the response
    body: Map<String, Value>,
    /// The digest of the body
    pub digest: Sha256,
    /// Longest response that the agent asks for, in tokens; at most the ceiling
    pub max_output_tokens: u64,
    /// Most tokens that the body can have
    pub input_tokens: u64,
    /// Whether the response comes as events
    pub streams: bool,
    /// Whether the agent asked for the event that states the usage
    pub wants_usage: bool,
    limit_field: &'static str,
}

/// Why a request is refused, in one sentence that names the field.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct RequestError(String);

impl ModelQuery {
    /// Builds a request from the body that an agent sent.
    pub fn build(
        dialect: Dialect,
        body: &[u8],
        parameters: &ModelParameters,
    ) -> Result<Self, RequestError> {
        let sent: Value = serde_json::from_slice(body)
            .map_err(|error| RequestError(format!("the body is not JSON: {error}")))?;
        let Value::Object(sent) = sent else {
            return Err(RequestError("the body is not a JSON object".to_owned()));
        };
        let mut fields = Fields { sent, built: Map::new() };
        match dialect {
            Dialect::Chat => fields.chat()?,
            Dialect::Messages => fields.messages_api()?,
        }
        fields.number("temperature", 0.0, 2.0, parameters.temperature)?;
        fields.number("top_p", 0.0, 1.0, None)?;
        let streams = fields.flag("stream")?;
        let asked = fields.limit(dialect)?;
        let wants_usage = fields.wants_usage()?;
        // The host decides these, whatever the agent names.
        for ignored in ["model", "user", "metadata", "seed"] {
            fields.sent.remove(ignored);
        }
        if let Some(name) = fields.sent.keys().next() {
            return Err(RequestError(format!(
                "the field '{}' is not supported; send text messages without it",
                name.escape_debug()
            )));
        }
        let mut body = fields.built;
        body.insert("model".to_owned(), json!(parameters.model));
        if let (Dialect::Chat, Some(seed)) = (dialect, parameters.seed) {
            body.insert("seed".to_owned(), json!(seed));
        }
        if streams {
            body.insert("stream".to_owned(), json!(true));
            if dialect == Dialect::Chat {
                body.insert("stream_options".to_owned(), json!({"include_usage": true}));
            }
        }
        let max_output_tokens = asked.unwrap_or(u64::MAX).min(parameters.max_output_tokens).max(1);
        let input_tokens = most_tokens(&body);
        let limited = json!([dialect, body, max_output_tokens]);
        let digest = Sha256::of(limited.to_string().as_bytes());
        let limit_field = match dialect {
            Dialect::Chat => parameters.limit_field,
            Dialect::Messages => "max_tokens",
        };
        Ok(Self {
            dialect,
            body,
            digest,
            max_output_tokens,
            input_tokens,
            streams,
            wants_usage,
            limit_field,
        })
    }

    /// The body to send, with the limit that the budget leaves and a name for the trial that says nothing.
    pub fn body_with(&self, max_output_tokens: u64, trial: &str) -> Value {
        let mut body = self.body.clone();
        body.insert(self.limit_field.to_owned(), json!(max_output_tokens));
        match self.dialect {
            Dialect::Chat => body.insert("user".to_owned(), json!(trial)),
            Dialect::Messages => body.insert("metadata".to_owned(), json!({"user_id": trial})),
        };
        Value::Object(body)
    }

    /// The body as it is recorded.
    pub fn recorded_body(&self) -> Value {
        let mut body = self.body.clone();
        body.insert(self.limit_field.to_owned(), json!(self.max_output_tokens));
        Value::Object(body)
    }
}

/// Most tokens that the texts of a request can have. A token has at least one byte of its text in the tokenizers that
/// work on bytes; those that normalise first work on the bytes of NFKC, which can be longer.
fn most_tokens(body: &Map<String, Value>) -> u64 {
    let mut texts = Vec::new();
    let mut messages = 1;
    if let Some(Value::Array(sent)) = body.get("messages") {
        messages += sent.len() as u64;
        texts.extend(sent.iter().map(|message| &message["content"]));
    }
    texts.extend(body.get("system"));
    let bytes: u64 = texts.iter().filter_map(|text| text.as_str()).map(most_bytes).sum();
    bytes + MESSAGE_TOKENS * messages
}

fn most_bytes(text: &str) -> u64 {
    let normalized: usize = text.nfkc().map(char::len_utf8).sum();
    normalized.max(text.len()) as u64
}

/// The fields that an agent sent, of which those that are allowed are moved to what is built.
struct Fields {
    sent: Map<String, Value>,
    built: Map<String, Value>,
}

impl Fields {
    fn chat(&mut self) -> Result<(), RequestError> {
        self.messages(&["system", "developer", "user", "assistant"])?;
        self.stops("stop")?;
        for name in ["frequency_penalty", "presence_penalty"] {
            self.number(name, -2.0, 2.0, None)?;
        }
        match self.sent.remove("n") {
            None => {}
            Some(n) if n == json!(1) => {}
            Some(_) => return Err(wrong("n", "must be 1; ask again for another response")),
        }
        if let Some(format) = self.sent.remove("response_format") {
            let known = [json!({"type": "text"}), json!({"type": "json_object"})];
            if !known.contains(&format) {
                return Err(wrong("response_format", "must be of the type text or json_object"));
            }
            self.built.insert("response_format".to_owned(), format);
        }
        Ok(())
    }

    fn messages_api(&mut self) -> Result<(), RequestError> {
        self.messages(&["user", "assistant"])?;
        self.stops("stop_sequences")?;
        if let Some(system) = self.sent.remove("system") {
            self.built.insert("system".to_owned(), json!(text_of(&system, "system")?));
        }
        match self.sent.remove("top_k") {
            None => Ok(()),
            Some(top_k) => {
                let top_k = top_k.as_u64().ok_or_else(|| wrong("top_k", "must be a number"))?;
                self.built.insert("top_k".to_owned(), json!(top_k));
                Ok(())
            }
        }
    }

    fn messages(&mut self, roles: &[&str]) -> Result<(), RequestError> {
        let Some(Value::Array(sent)) = self.sent.remove("messages") else {
            return Err(wrong("messages", "must be a list of messages"));
        };
        if sent.is_empty() || sent.len() > MAX_MESSAGES {
            return Err(wrong("messages", &format!("must have 1 to {MAX_MESSAGES} messages")));
        }
        let mut built = Vec::new();
        for (index, message) in sent.iter().enumerate() {
            let place = format!("messages[{index}]");
            let Value::Object(message) = message else {
                return Err(wrong(&place, "must be an object"));
            };
            let role = message.get("role").and_then(Value::as_str).unwrap_or_default();
            if !roles.contains(&role) {
                return Err(wrong(
                    &format!("{place}.role"),
                    &format!("must be one of {}", roles.join(", ")),
                ));
            }
            if let Some(name) =
                message.keys().find(|name| !["role", "content"].contains(&name.as_str()))
            {
                return Err(wrong(&format!("{place}.{}", name.escape_debug()), "is not supported"));
            }
            let content = message.get("content").unwrap_or(&Value::Null);
            let content = text_of(content, &format!("{place}.content"))?;
            built.push(json!({"role": role, "content": content}));
        }
        self.built.insert("messages".to_owned(), Value::Array(built));
        Ok(())
    }

    fn stops(&mut self, name: &str) -> Result<(), RequestError> {
        let stops = match self.sent.remove(name) {
            None | Some(Value::Null) => return Ok(()),
            Some(Value::Array(stops)) => stops,
            Some(stop) => vec![stop],
        };
        let fits = |stop: &Value| stop.as_str().is_some_and(|stop| stop.len() <= MAX_STOP_BYTES);
        if stops.len() > MAX_STOPS || !stops.iter().all(fits) {
            let most = format!("must be at most {MAX_STOPS} texts of {MAX_STOP_BYTES} bytes");
            return Err(wrong(name, &most));
        }
        self.built.insert(name.to_owned(), Value::Array(stops));
        Ok(())
    }

    fn number(
        &mut self,
        name: &str,
        least: f64,
        most: f64,
        fixed: Option<f64>,
    ) -> Result<(), RequestError> {
        let sent = match self.sent.remove(name) {
            None | Some(Value::Null) => None,
            Some(sent) => match sent.as_f64() {
                Some(number) if (least..=most).contains(&number) => Some(number),
                _ => return Err(wrong(name, &format!("must be a number from {least} to {most}"))),
            },
        };
        if let Some(number) = fixed.or(sent) {
            self.built.insert(name.to_owned(), json!(number));
        }
        Ok(())
    }

    fn flag(&mut self, name: &str) -> Result<bool, RequestError> {
        match self.sent.remove(name) {
            None | Some(Value::Null) => Ok(false),
            Some(Value::Bool(flag)) => Ok(flag),
            Some(_) => Err(wrong(name, "must be true or false")),
        }
    }

    fn limit(&mut self, dialect: Dialect) -> Result<Option<u64>, RequestError> {
        let mut limit = None;
        for name in ["max_tokens", "max_completion_tokens"] {
            if dialect == Dialect::Messages && name == "max_completion_tokens" {
                continue;
            }
            match self.sent.remove(name) {
                None | Some(Value::Null) => {}
                Some(sent) => match sent.as_u64() {
                    Some(tokens @ 1..) => {
                        limit = Some(limit.map_or(tokens, |other: u64| other.min(tokens)));
                    }
                    _ => return Err(wrong(name, "must be a whole number above 0")),
                },
            }
        }
        Ok(limit)
    }

    fn wants_usage(&mut self) -> Result<bool, RequestError> {
        match self.sent.remove("stream_options") {
            None | Some(Value::Null) => Ok(false),
            Some(Value::Object(options)) => match options.get("include_usage") {
                _ if options.keys().any(|name| name != "include_usage") => {
                    Err(wrong("stream_options", "may have include_usage alone"))
                }
                None => Ok(false),
                Some(Value::Bool(wanted)) => Ok(*wanted),
                Some(_) => Err(wrong("stream_options.include_usage", "must be true or false")),
            },
            Some(_) => Err(wrong("stream_options", "must be an object")),
        }
    }
}

/// A text, or a list of parts of the type text.
fn text_of(content: &Value, place: &str) -> Result<String, RequestError> {
    let part = |(index, part): (usize, &Value)| {
        let place = format!("{place}[{index}]");
        let Value::Object(fields) = part else { return Err(wrong(&place, "must be an object")) };
        if fields.get("type") != Some(&json!("text")) {
            return Err(wrong(&format!("{place}.type"), "must be text"));
        }
        if let Some(name) = fields.keys().find(|name| !["type", "text"].contains(&name.as_str())) {
            return Err(wrong(&format!("{place}.{}", name.escape_debug()), "is not supported"));
        }
        let text = fields.get("text").and_then(Value::as_str);
        text.map(str::to_owned).ok_or_else(|| wrong(&format!("{place}.text"), "must be a text"))
    };
    match content {
        Value::String(text) => Ok(text.clone()),
        Value::Array(parts) => parts.iter().enumerate().map(part).collect(),
        _ => Err(wrong(place, "must be a text")),
    }
}

fn wrong(field: &str, what: &str) -> RequestError {
    RequestError(format!("'{field}' {what}"))
}

#[cfg(test)]
mod tests;
