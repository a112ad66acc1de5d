//! Requests to the provider, and what its refusals mean.

use std::time::Duration;

use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};

use super::base_url::BaseUrl;
use super::model::ModelSettings;
use super::outage::CanaryOutcome;
use super::provider::ProviderKind;
use super::request::Dialect;
use crate::Fault;

/// Most bytes of an error response that are read.
const MAX_ERROR_BYTES: usize = 64 << 10;
/// Longest wait for a connection.
const CONNECT: Duration = Duration::from_secs(10);
/// Tokens of the response to the host's own request. Models that reason need some before they say anything.
const CANARY_TOKENS: u64 = 16;
/// Wait after a refusal for a busy provider that states none.
const BUSY_WAIT: Duration = Duration::from_secs(2);
/// Longest wait that a provider is believed.
const LONGEST_BUSY_WAIT: Duration = Duration::from_mins(5);

/// The provider of a round's model.
#[derive(Clone, Debug)]
pub struct Upstream {
    settings: ModelSettings,
    http: reqwest::Client,
}

/// Why there is no response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UpstreamFailure {
    /// The provider is busy, and asks to wait this long.
    Busy(Duration),
    /// The provider failed: it refused the connection, broke it off, was silent, or reported a failure of its own.
    Ill(String),
    /// The provider refused the request, with this status and message. Whether the request is to blame is for the
    /// host's own request to show.
    Refused(u16, String),
    /// The account's credit is gone.
    NoCredit(String),
    /// The response has more bytes than any agent gets.
    TooLong,
}

impl Upstream {
    /// The provider that these settings name. Nothing is sent.
    pub fn new(settings: &ModelSettings) -> Result<Self, Fault> {
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT)
            .read_timeout(settings.silence)
            // A redirect would carry key headers to another host.
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| Fault::Model { model: settings.name(), why: error.to_string() })?;
        Ok(Self { settings: settings.clone(), http })
    }

    /// Sends a request. Returns a response of which nothing but the head has been read.
    pub async fn send(&self, dialect: Dialect, body: &Value) -> Result<Response, UpstreamFailure> {
        let url = self.base_url().join(&self.path(dialect), None);
        let mut request = self.http.post(url).json(body);
        if let Some(key) = &self.settings.key {
            request = match dialect {
                Dialect::Chat => request.bearer_auth(key.reveal()),
                Dialect::Messages => request.header("x-api-key", key.reveal()),
            };
        }
        if dialect == Dialect::Messages {
            request = request.header("anthropic-version", "2023-06-01");
        }
        let response =
            request.send().await.map_err(|error| UpstreamFailure::Ill(self.shown(&error)))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let headers = response.headers().clone();
        let body = error_body(response).await;
        Err(self.failure(status, &headers, &body))
    }

    /// Asks for a word, to see whether the provider works at all.
    pub async fn canary(&self) -> CanaryOutcome {
        let parameters = &self.settings.parameters;
        let mut body = json!({
            "model": parameters.model,
            "messages": [{"role": "user", "content": "Reply with the word OK."}],
        });
        body[parameters.limit_field] = json!(CANARY_TOKENS);
        match self.send(Dialect::Chat, &body).await {
            Ok(response) => match response.bytes().await {
                Ok(bytes) if serde_json::from_slice::<Value>(&bytes).is_ok() => CanaryOutcome::Well,
                Ok(_) => CanaryOutcome::Ill("its response is not JSON".to_owned()),
                Err(error) => CanaryOutcome::Ill(self.shown(&error)),
            },
            Err(UpstreamFailure::Busy(_)) => CanaryOutcome::Ill("it is busy".to_owned()),
            Err(UpstreamFailure::Ill(why)) => CanaryOutcome::Ill(why),
            Err(UpstreamFailure::TooLong) => {
                CanaryOutcome::Ill("its response is too long".to_owned())
            }
            Err(UpstreamFailure::Refused(status, why)) => CanaryOutcome::Unusable(format!(
                "the provider refuses every request (status {status}: {why}); check the key, the model's name and \
                 --base-url"
            )),
            Err(UpstreamFailure::NoCredit(why)) => {
                CanaryOutcome::Unusable(format!("the provider's credit is gone: {why}"))
            }
        }
    }

    /// A text of the provider without the key.
    pub fn without_key(&self, text: &str) -> String {
        self.settings.key.as_ref().map_or_else(|| text.to_owned(), |key| key.remove_from(text))
    }

    /// An error of the connection, without the address, which may hold secrets.
    pub fn shown(&self, error: &reqwest::Error) -> String {
        let mut cause: &dyn std::error::Error = error;
        while let Some(next) = cause.source() {
            cause = next;
        }
        if error.is_timeout() {
            return format!("it was silent for {} s", self.settings.silence.as_secs());
        }
        self.without_key(&cause.to_string())
    }

    fn base_url(&self) -> &BaseUrl {
        &self.settings.base_url
    }

    fn path(&self, dialect: Dialect) -> String {
        // The endpoint that Gemini has for the chat dialect.
        if self.settings.provider == ProviderKind::Gemini {
            return format!("v1beta/openai/{}", dialect.path());
        }
        if self.base_url().has_version() {
            dialect.path().to_owned()
        } else {
            format!("v1/{}", dialect.path())
        }
    }

    fn failure(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> UpstreamFailure {
        let error = serde_json::from_slice::<Value>(body).unwrap_or_default()["error"].take();
        let message = error["message"].as_str().map_or_else(
            || String::from_utf8_lossy(body).chars().take(200).collect(),
            |message| message.chars().take(500).collect::<String>(),
        );
        let message = self.without_key(&message);
        let code = |name: &str| error[name].as_str().unwrap_or_default();
        let no_credit = status == StatusCode::PAYMENT_REQUIRED
            || [code("code"), code("type")].iter().any(|code| {
                ["insufficient_quota", "billing_not_active", "billing_error"].contains(code)
            })
            || message.starts_with("Your credit balance is too low");
        match status.as_u16() {
            _ if no_credit => UpstreamFailure::NoCredit(message),
            429 => UpstreamFailure::Busy(wait_of(headers, &error)),
            408 | 409 | 425 | 500.. => UpstreamFailure::Ill(format!("status {status}: {message}")),
            status => UpstreamFailure::Refused(status, message),
        }
    }
}

/// The wait that a busy provider asks for: in seconds in the header, or in the body as Google states it.
fn wait_of(headers: &HeaderMap, error: &Value) -> Duration {
    let stated = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok());
    let in_body = || {
        let details = error["details"].as_array()?;
        details.iter().find_map(|detail| detail["retryDelay"].as_str()?.strip_suffix('s'))
    };
    let seconds = stated.or_else(in_body).and_then(|text| text.trim().parse::<f64>().ok());
    let wait = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    wait.map_or(BUSY_WAIT, |wait| wait.min(LONGEST_BUSY_WAIT))
}

async fn error_body(mut response: Response) -> Vec<u8> {
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        body.extend_from_slice(&chunk);
        if body.len() > MAX_ERROR_BYTES {
            break;
        }
    }
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_provider_is_asked_at_its_own_address() {
        let url = |provider: ProviderKind, base_url: &str, dialect| {
            let base_url = BaseUrl::parse(base_url).unwrap();
            let upstream = Upstream::new(&ModelSettings::new(provider, "m", base_url)).unwrap();
            upstream.base_url().join(&upstream.path(dialect), None).to_string()
        };
        for (provider, chat) in [
            (ProviderKind::OpenAi, "https://api.openai.com/v1/chat/completions"),
            (ProviderKind::OpenRouter, "https://openrouter.ai/api/v1/chat/completions"),
            (ProviderKind::Anthropic, "https://api.anthropic.com/v1/chat/completions"),
            (
                ProviderKind::Gemini,
                "https://generativelanguage.googleapis.com/v1beta/openai/chat/completions",
            ),
            (ProviderKind::Ollama, "http://127.0.0.1:11434/v1/chat/completions"),
        ] {
            assert_eq!(url(provider, provider.base_url(), Dialect::Chat), chat);
        }
        let anthropic = ProviderKind::Anthropic;
        let messages = url(anthropic, anthropic.base_url(), Dialect::Messages);
        assert_eq!(messages, "https://api.anthropic.com/v1/messages");
        let own = url(ProviderKind::Vllm, "http://host:1/proxy/", Dialect::Chat);
        assert_eq!(own, "http://host:1/proxy/v1/chat/completions");
    }
}
