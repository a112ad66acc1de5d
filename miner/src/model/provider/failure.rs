//! Failures of a provider, and whether a retry can help.

use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use serde_json::Value;

use crate::model::source::AnswerSourceError;

/// Longest part of a provider's error message that is shown, in characters.
const MAX_MESSAGE_CHARS: usize = 300;
/// Longest wait that a provider may ask for.
const MAX_RETRY_AFTER: Duration = Duration::from_mins(2);

/// The server that was asked, for messages.
pub(super) struct AskedServer<'a> {
    /// The URL, without user, password and query.
    pub url: &'a str,
    /// The variables that may hold the key.
    pub key_names: &'a str,
    /// Longest reply, in tokens.
    pub max_output_tokens: u64,
    /// Whether it has answered before.
    pub was_reached: bool,
}

/// One failed request.
#[derive(Debug)]
pub(super) struct ProviderFailure {
    pub error: AnswerSourceError,
    /// Whether the same request may succeed later.
    pub is_retryable: bool,
    /// The wait that the provider asks for.
    pub retry_after: Option<Duration>,
}

impl ProviderFailure {
    /// A failure that a retry does not change.
    pub(super) fn permanent(error: AnswerSourceError) -> Self {
        Self { error, is_retryable: false, retry_after: None }
    }

    /// A failure that a retry may change.
    pub(super) fn transient(reason: String) -> Self {
        Self { error: AnswerSourceError::Failed(reason), is_retryable: true, retry_after: None }
    }

    /// The connection failed, before or during the reply. A server that was never reached is probably not running,
    /// or its address is wrong, and a retry does not help.
    pub(super) fn of_transport(error: &reqwest::Error, asked: &AskedServer<'_>) -> Self {
        let mut cause: &dyn std::error::Error = error;
        while let Some(deeper) = cause.source() {
            cause = deeper;
        }
        // reqwest's message contains the whole URL, which may contain a password.
        let cause = if error.is_timeout() { "timed out".to_owned() } else { cause.to_string() };
        let reason = format!("cannot reach the provider at {}: {cause}", asked.url);
        if error.is_connect() && !error.is_timeout() && !asked.was_reached {
            let reason = format!("{reason}; check that it is running and that --base-url is right");
            return Self::permanent(AnswerSourceError::Unusable(reason));
        }
        Self::transient(reason)
    }

    /// The provider reported an error within a reply.
    pub(super) fn within_reply(message: &str, is_retryable: bool) -> Self {
        let reason = format!("the provider aborted its reply: {}", shortened(message));
        Self { error: AnswerSourceError::Failed(reason), is_retryable, retry_after: None }
    }

    /// The provider answered with an error status.
    pub(super) fn of_status(
        status: StatusCode,
        headers: &HeaderMap,
        body: &[u8],
        asked: &AskedServer<'_>,
    ) -> Self {
        use AnswerSourceError::{Failed, Unusable};
        let reason = format!("the provider answered {status}{}", error_message(body));
        let is_retryable = match status.as_u16() {
            // A quota comes back with a payment and not with time.
            429 => !["insufficient_quota", "credit"].iter().any(|word| contains(body, word)),
            408 | 425 | 500.. => true,
            _ => false,
        };
        let error = match status.as_u16() {
            401 | 403 => Unusable(format!("{reason}; check the key in {}", asked.key_names)),
            404 | 405 => {
                Unusable(format!("{reason}, asked at {}; check --model and --base-url", asked.url))
            }
            300..=399 => Unusable(format!(
                "{reason}: it redirects elsewhere, and keys are not sent to another host; set --base-url"
            )),
            402 => Unusable(reason),
            400 | 413 | 422 if exceeds_context(&String::from_utf8_lossy(body)) => Failed(format!(
                "{reason}; lower --max-output-tokens, which is {}, or give the model a larger context",
                asked.max_output_tokens
            )),
            429 if !is_retryable => Unusable(reason),
            _ => Failed(reason),
        };
        Self {
            error,
            is_retryable,
            retry_after: retry_after(headers).or_else(|| retry_delay(body)),
        }
    }

    /// Returns whether the request is sent again.
    pub(super) fn may_be_retried(&self) -> bool {
        self.is_retryable && self.retry_after.is_none_or(|wait| wait <= MAX_RETRY_AFTER)
    }

    /// The error for the caller, when no further retry follows.
    pub(super) fn into_error(self) -> AnswerSourceError {
        match self.retry_after {
            Some(wait) if wait > MAX_RETRY_AFTER => {
                let reason = format!("{}; it asks to wait {} s", self.error, wait.as_secs());
                AnswerSourceError::Failed(reason)
            }
            _ => self.error,
        }
    }
}

/// Returns whether an error response says that question and reply exceed the model's context.
pub(super) fn exceeds_context(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    let words = [
        "context length",
        "context_length",
        "context size",
        "context window",
        "prompt is too long",
    ];
    words.iter().any(|word| text.contains(word))
}

fn contains(body: &[u8], word: &str) -> bool {
    String::from_utf8_lossy(body).contains(word)
}

/// `: MESSAGE`, or nothing if the provider gave no reason.
fn error_message(body: &[u8]) -> String {
    let value: Value = serde_json::from_slice(body).unwrap_or_default();
    let value = if value.is_array() { &value[0] } else { &value };
    let messages = [
        &value["error"]["message"],
        &value["error"],
        &value["message"],
        &value["message"]["detail"],
        &value["detail"],
    ];
    let message = messages.into_iter().find_map(|message| match message {
        Value::String(message) => Some(message.clone()),
        Value::Array(details) => Some(details.iter().map(detail).collect::<Vec<_>>().join("; ")),
        _ => None,
    });
    message.map(|message| format!(": {}", shortened(&message))).unwrap_or_default()
}

/// `body.field: MESSAGE` for one entry of a list of validation errors.
fn detail(entry: &Value) -> String {
    let message = entry["msg"].as_str().or(entry.as_str()).unwrap_or("invalid");
    let part = |part: &Value| part.as_str().map_or_else(|| part.to_string(), str::to_owned);
    let place: Vec<_> = entry["loc"].as_array().into_iter().flatten().map(part).collect();
    if place.is_empty() { message.to_owned() } else { format!("{}: {message}", place.join(".")) }
}

fn shortened(text: &str) -> String {
    let plain = |c: char| if c.is_control() { ' ' } else { c };
    let mut short: String = text.trim().chars().take(MAX_MESSAGE_CHARS).map(plain).collect();
    if text.chars().nth(MAX_MESSAGE_CHARS).is_some() {
        short.push('…');
    }
    short
}

/// The value of `Retry-After`, a number of seconds or a date, or of `OpenAI`'s header in milliseconds.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: &str| headers.get(name)?.to_str().ok();
    if let Some(ms) = text("retry-after-ms").and_then(|ms| ms.trim().parse::<f64>().ok()) {
        return Duration::try_from_secs_f64(ms / 1000.0).ok();
    }
    let value = text(RETRY_AFTER.as_str())?.trim();
    if let Ok(seconds) = value.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let date = jiff::fmt::rfc2822::parse(value).ok()?.timestamp();
    let wait = date.duration_since(jiff::Timestamp::now());
    Some(Duration::try_from(wait).unwrap_or_default())
}

/// The `retryDelay` in the details of Gemini's errors, such as `37s`.
fn retry_delay(body: &[u8]) -> Option<Duration> {
    let value: Value = serde_json::from_slice(body).ok()?;
    let value = if value.is_array() { &value[0] } else { &value };
    let details = value["error"]["details"].as_array()?;
    let delay = details.iter().find_map(|detail| detail["retryDelay"].as_str())?;
    Duration::try_from_secs_f64(delay.strip_suffix('s')?.parse().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(status: u16, headers: &[(&'static str, &str)], body: &str) -> ProviderFailure {
        let headers = headers.iter().map(|(name, value)| {
            (reqwest::header::HeaderName::from_static(name), value.parse().unwrap())
        });
        let status = StatusCode::from_u16(status).unwrap();
        let asked = AskedServer {
            url: "http://server/v1",
            key_names: "A_KEY",
            max_output_tokens: 16_384,
            was_reached: true,
        };
        ProviderFailure::of_status(status, &headers.collect(), body.as_bytes(), &asked)
    }

    #[test]
    fn retries_transient_statuses_only() {
        for status in [408, 425, 429, 500, 502, 503, 504, 529] {
            assert!(of(status, &[], "").is_retryable, "{status}");
        }
        for status in [301, 400, 401, 402, 403, 404, 413, 422] {
            assert!(!of(status, &[], "").is_retryable, "{status}");
        }
        assert!(!of(429, &[], r#"{"error":{"code":"insufficient_quota"}}"#).is_retryable);
    }

    #[test]
    fn parses_every_form_of_retry_after() {
        let wait = |name, value: &str| of(429, &[(name, value)], "").retry_after;
        assert_eq!(wait("retry-after", "7"), Some(Duration::from_secs(7)));
        assert_eq!(wait("retry-after", "1.5"), Some(Duration::from_millis(1500)));
        assert_eq!(wait("retry-after-ms", "250"), Some(Duration::from_millis(250)));
        assert_eq!(wait("retry-after", "Wed, 21 Oct 2015 07:28:00 GMT"), Some(Duration::ZERO));
        let delay = |delay| {
            let info = "type.googleapis.com/google.rpc.RetryInfo";
            let error = serde_json::json!({ "details": [{ "@type": info, "retryDelay": delay }] });
            of(429, &[], &serde_json::json!([{ "error": error }]).to_string()).retry_after
        };
        assert_eq!(delay("37s"), Some(Duration::from_secs(37)));
        assert_eq!(delay("0.5s"), Some(Duration::from_millis(500)));
        assert_eq!(delay("soon"), None);
        let later = wait("retry-after", "Wed, 21 Oct 2099 07:28:00 GMT").unwrap();
        assert!(later > Duration::from_hours(24), "{later:?}");
        for nonsense in ["soon", "-1", "nan", "inf"] {
            assert_eq!(wait("retry-after", nonsense), None, "{nonsense}");
        }
    }

    #[test]
    fn quotes_error_messages_shortened() {
        for body in [
            r#"{"error":{"message":"no such thing"}}"#,
            r#"{"error":"no such thing"}"#,
            r#"[{"error":{"message":"no such thing"}}]"#,
            r#"{"detail":"no such thing"}"#,
            r#"{"detail":["no such thing"]}"#,
        ] {
            let text = of(400, &[], body).error.to_string();
            assert!(text.ends_with(": no such thing"), "{text}");
        }
        let detail = r#"{"message":{"detail":[{"loc":["body","x",0],"msg":"not permitted"},{"msg":"bad"}]}}"#;
        let text = of(422, &[], detail).error.to_string();
        assert!(text.ends_with(": body.x.0: not permitted; bad"), "{text}");
        let long = of(400, &[], &format!(r#"{{"error":"{}"}}"#, "x".repeat(5000)));
        assert!(long.error.to_string().len() < 500);
        assert!(of(502, &[], "<html>").error.to_string().contains("502"));
    }
}
