//! What can go wrong with a provider, and whether to try again.

use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::{HeaderMap, RETRY_AFTER};

use crate::source::SourceError;

/// Longest part of a provider's complaint that is passed on, in characters.
const MAX_COMPLAINT: usize = 300;

/// One failed attempt to get an answer.
#[derive(Debug)]
pub(super) struct Failure {
    pub error: SourceError,
    /// It may pass if it is tried again.
    pub passes: bool,
    /// How long the provider asks to wait until then.
    pub retry_after: Option<Duration>,
}

impl Failure {
    /// It will not do better the next time.
    pub(super) fn lasting(error: SourceError) -> Self {
        Self { error, passes: false, retry_after: None }
    }

    /// It may do better the next time.
    pub(super) fn passing(reason: String) -> Self {
        Self { error: SourceError::Failed(reason), passes: true, retry_after: None }
    }

    /// Nothing came, or not all.
    pub(super) fn of_transport(error: &reqwest::Error) -> Self {
        let mut cause: &dyn std::error::Error = error;
        while let Some(deeper) = cause.source() {
            cause = deeper;
        }
        // reqwest's own words have the address in them, which may hold a password.
        let cause = if error.is_timeout() { "time is up".to_owned() } else { cause.to_string() };
        Self::passing(format!("the provider cannot be reached: {cause}"))
    }

    /// The provider broke an answer off with a complaint.
    pub(super) fn within_answer(message: &str, passes: bool) -> Self {
        let reason = format!("the provider broke off: {}", shortened(message));
        Self { error: SourceError::Failed(reason), passes, retry_after: None }
    }

    /// The provider answered with something else than an answer.
    pub(super) fn of_status(
        status: StatusCode,
        headers: &HeaderMap,
        body: &[u8],
        key_names: &str,
    ) -> Self {
        let complaint = complaint(body);
        let said = format!("the provider answered {status}{complaint}");
        let passes = match status.as_u16() {
            // What has been used up comes back with a payment and not with time.
            429 => !["insufficient_quota", "credit"].iter().any(|word| contains(body, word)),
            408 | 425 | 500.. => true,
            _ => false,
        };
        let error = match status.as_u16() {
            401 | 403 => SourceError::Unusable(format!("{said}; is the key in {key_names} right?")),
            404 => SourceError::Unusable(format!("{said}; are --model and --base-url right?")),
            300..=399 => SourceError::Unusable(format!(
                "{said}: it wants to be asked elsewhere, and keys are not sent on; set --base-url"
            )),
            402 => SourceError::Unusable(said),
            429 if !passes => SourceError::Unusable(said),
            _ => SourceError::Failed(said),
        };
        Self { error, passes, retry_after: retry_after(headers) }
    }
}

fn contains(body: &[u8], word: &str) -> bool {
    String::from_utf8_lossy(body).contains(word)
}

/// `: ...`, or nothing if the provider gave no reason.
fn complaint(body: &[u8]) -> String {
    let value: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    let value = if value.is_array() { &value[0] } else { &value };
    let messages =
        [&value["error"]["message"], &value["error"], &value["message"], &value["detail"]];
    let message = messages.iter().find_map(|message| message.as_str());
    message.map(|message| format!(": {}", shortened(message))).unwrap_or_default()
}

fn shortened(text: &str) -> String {
    let plain = |c: char| if c.is_control() { ' ' } else { c };
    let mut short: String = text.trim().chars().take(MAX_COMPLAINT).map(plain).collect();
    if text.chars().nth(MAX_COMPLAINT).is_some() {
        short.push('…');
    }
    short
}

/// The header is a number of seconds or a date; `OpenAI` has one in milliseconds as well.
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

#[cfg(test)]
mod tests {
    use super::*;

    fn of(status: u16, headers: &[(&'static str, &str)], body: &str) -> Failure {
        let headers = headers.iter().map(|(name, value)| {
            (reqwest::header::HeaderName::from_static(name), value.parse().unwrap())
        });
        let status = StatusCode::from_u16(status).unwrap();
        Failure::of_status(status, &headers.collect(), body.as_bytes(), "A_KEY")
    }

    #[test]
    fn what_passes_is_tried_again_and_nothing_else() {
        for status in [408, 425, 429, 500, 502, 503, 504, 529] {
            assert!(of(status, &[], "").passes, "{status}");
        }
        for status in [301, 400, 401, 402, 403, 404, 413, 422] {
            assert!(!of(status, &[], "").passes, "{status}");
        }
        assert!(!of(429, &[], r#"{"error":{"code":"insufficient_quota"}}"#).passes);
    }

    #[test]
    fn the_wait_that_is_asked_for_is_understood_in_every_form() {
        let wait = |name, value: &str| of(429, &[(name, value)], "").retry_after;
        assert_eq!(wait("retry-after", "7"), Some(Duration::from_secs(7)));
        assert_eq!(wait("retry-after", "1.5"), Some(Duration::from_millis(1500)));
        assert_eq!(wait("retry-after-ms", "250"), Some(Duration::from_millis(250)));
        assert_eq!(wait("retry-after", "Wed, 21 Oct 2015 07:28:00 GMT"), Some(Duration::ZERO));
        let later = wait("retry-after", "Wed, 21 Oct 2099 07:28:00 GMT").unwrap();
        assert!(later > Duration::from_hours(24), "{later:?}");
        for nonsense in ["soon", "-1", "nan", "inf"] {
            assert_eq!(wait("retry-after", nonsense), None, "{nonsense}");
        }
    }

    #[test]
    fn complaints_are_passed_on_in_short() {
        for body in [
            r#"{"error":{"message":"no such thing"}}"#,
            r#"{"error":"no such thing"}"#,
            r#"[{"error":{"message":"no such thing"}}]"#,
            r#"{"detail":"no such thing"}"#,
        ] {
            let text = of(400, &[], body).error.to_string();
            assert!(text.ends_with(": no such thing"), "{text}");
        }
        let long = of(400, &[], &format!(r#"{{"error":"{}"}}"#, "x".repeat(5000)));
        assert!(long.error.to_string().len() < 500);
        assert!(of(502, &[], "<html>").error.to_string().contains("502"));
    }
}
