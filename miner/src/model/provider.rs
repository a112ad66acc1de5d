//! Language models behind HTTP.
//!
//! Three wire formats cover nearly everything: `OpenAI`'s, which all local servers speak too, Anthropic's and
//! Gemini's. Each is a small file here rather than a client library (ARCHITECTURE.md says what one lacks),
//! because the important parts lie between the format and the socket: an endless reply is cut off, a wait that
//! the server asks for is kept, the key never appears anywhere, and a refusal is distinguished from a failure.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use backon::{ExponentialBuilder, Retryable as _};
use futures_util::future::BoxFuture;
use futures_util::{FutureExt as _, StreamExt as _, TryFutureExt as _};
use harness::gateway::api_key::ApiKey;
use harness::gateway::base_url::{self, BaseUrl};
use harness::gateway::provider::ProviderKind;
use reqwest::header::HeaderValue;
use reqwest::{Response, StatusCode, Url};

use super::source::{
    AnswerSource, AnswerSourceError, MAX_REPLY_BYTES, ModelProgress, ModelReply, ModelRequest,
    ReplyFlaw, TokenUsage,
};
use body::{BodyDecoder, BodyTooLong};
use dialect::WireDialect;
use failure::{AskedServer, ProviderFailure};
use wire::{PartialReply, WireFormat, WireInput, WireRequest};

mod anthropic;
mod body;
mod dialect;
mod failure;
mod gemini;
mod kind;
mod openai;
mod sse;
mod wire;

/// Most bytes of a stream: providers wrap hundreds of bytes around every few characters of a reply.
const MAX_STREAM_BYTES: usize = 64 << 20;
/// Most bytes of an error response that are read.
const MAX_ERROR_BYTES: usize = 64 << 10;
/// How often one request is repeated because the server does not support a part of it.
const MAX_ADAPTATIONS: u32 = 4;
/// Longest wait between two requests that the policy chooses itself.
const MAX_BACKOFF: Duration = Duration::from_mins(1);

/// Timeouts and retries of requests to a provider.
#[derive(Clone, Debug)]
pub struct RequestPolicy {
    /// Longest wait for a connection.
    pub connect: Duration,
    /// Longest wait for the next bytes of a reply. Models that reason can be silent for long.
    pub silence: Duration,
    /// Longest time for a whole reply.
    pub reply: Duration,
    /// How often a retryable failure is retried.
    pub retries: usize,
    /// Wait before the first retry. It doubles with each further one and has random jitter.
    pub backoff: Duration,
    /// The function that waits. Tests replace it.
    pub sleep: fn(Duration) -> BoxFuture<'static, ()>,
}

impl RequestPolicy {
    /// For providers under load and models that reason.
    pub const STANDARD: Self = Self {
        connect: Duration::from_secs(10),
        silence: Duration::from_mins(3),
        reply: Duration::from_mins(15),
        retries: 5,
        backoff: Duration::from_secs(1),
        sleep: |time| tokio::time::sleep(time).boxed(),
    };

    fn waits(&self) -> ExponentialBuilder {
        ExponentialBuilder::default()
            .with_min_delay(self.backoff)
            .with_max_delay(MAX_BACKOFF)
            .with_max_times(self.retries)
            .with_jitter()
    }
}

impl Default for RequestPolicy {
    fn default() -> Self {
        Self::STANDARD
    }
}

/// Settings of a provider.
#[derive(Clone, Debug, Default)]
pub struct ProviderOptions {
    /// Address of the API, instead of the provider's own.
    pub base_url: Option<String>,
    /// The key, if there is one.
    pub key: Option<ApiKey>,
    /// Timeouts and retries.
    pub policy: RequestPolicy,
}

/// A model of a provider.
pub struct Provider {
    kind: ProviderKind,
    model: String,
    base_url: BaseUrl,
    key: Option<ApiKey>,
    policy: RequestPolicy,
    format: Box<dyn WireFormat>,
    /// What the server supports, as far as its error responses have shown.
    dialect: Mutex<WireDialect>,
    /// Whether the server has answered before.
    was_reached: AtomicBool,
    /// Until when the server has asked to wait. All requests obey, not only the one that was answered so.
    paused_until: Mutex<Option<Instant>>,
    http: reqwest::Client,
}

impl Provider {
    /// A model of a provider. The settings are checked; nothing is sent.
    pub fn new(
        kind: ProviderKind,
        model: &str,
        options: ProviderOptions,
    ) -> Result<Self, AnswerSourceError> {
        let ProviderOptions { base_url, key, policy } = options;
        if model.is_empty() {
            let example = kind.example_model();
            return Err(AnswerSourceError::Unusable(format!(
                "--model {kind} does not name a model: write --model {kind}:NAME, such as \
                 {kind}:{example}"
            )));
        }
        if key.is_none() && kind.needs_key() && base_url.is_none() {
            return Err(AnswerSourceError::Unusable(format!(
                "no key for {kind}: set {}, or name a file with --key-file; --model sample:good works \
                 without one",
                kind.key_variables().join(" or ")
            )));
        }
        if key.as_ref().is_some_and(|key| HeaderValue::from_str(key.reveal()).is_err()) {
            return Err(AnswerSourceError::Unusable(format!(
                "the key for {kind} contains a line break or another character that HTTP headers cannot \
                 hold"
            )));
        }
        let base_url = BaseUrl::parse(base_url.as_deref().unwrap_or(kind.base_url()))
            .map_err(|error| AnswerSourceError::Unusable(error.to_string()))?;
        let http = reqwest::Client::builder()
            .connect_timeout(policy.connect)
            .read_timeout(policy.silence)
            .timeout(policy.reply)
            // A redirect would carry key headers to another host.
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| {
                AnswerSourceError::Unusable(format!("cannot create an HTTP client: {error}"))
            })?;
        Ok(Self {
            kind,
            model: model.to_owned(),
            base_url,
            key,
            policy,
            format: kind::wire_format(kind),
            dialect: Mutex::new(kind::dialect(kind)),
            was_reached: AtomicBool::new(false),
            paused_until: Mutex::new(None),
            http,
        })
    }

    async fn attempt(&self, request: &ModelRequest<'_>) -> Result<ModelReply, ProviderFailure> {
        let key_names = self.kind.key_variables().join(" or ");
        let mut adaptations = 0;
        self.wait_while_paused().await;
        loop {
            let dialect = self.dialect();
            let key = self.key.as_ref();
            let input = WireInput { model: &self.model, request, key, dialect: &dialect };
            let wire = self.format.request(&input);
            let url = self.base_url.join(&wire.path, wire.query);
            let asked = AskedServer {
                url: &base_url::shown(&url),
                key_names: &key_names,
                max_output_tokens: request.max_output_tokens,
                was_reached: self.was_reached.load(Ordering::Relaxed),
            };
            let response = self.send(url, wire).await;
            let response =
                response.map_err(|error| ProviderFailure::of_transport(&error, &asked))?;
            self.was_reached.store(true, Ordering::Relaxed);
            let status = response.status();
            if status.is_success() {
                let reply = self.read(response, &asked, request).await?;
                return Ok(self.finish(reply, request));
            }
            let headers = response.headers().clone();
            let body = read_error_body(response).await;
            if adaptations == MAX_ADAPTATIONS || !self.adapt(dialect, status, &body) {
                return Err(ProviderFailure::of_status(status, &headers, &body, &asked));
            }
            adaptations += 1;
        }
    }

    async fn send(&self, url: Url, wire: WireRequest) -> reqwest::Result<Response> {
        let sending = self.http.post(url).json(&wire.body);
        let headers = wire.headers.into_iter();
        headers.fold(sending, |sending, (name, value)| sending.header(name, value)).send().await
    }

    fn pause(&self, wait: Duration) {
        let until = Instant::now() + wait;
        let mut paused = self.paused_until.lock().unwrap_or_else(PoisonError::into_inner);
        *paused = Some(paused.map_or(until, |paused| paused.max(until)));
    }

    /// Waits until the pause is over. Another request may extend it meanwhile.
    async fn wait_while_paused(&self) {
        let mut waited_until = None;
        loop {
            let paused = *self.paused_until.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(until) = paused.filter(|_| paused != waited_until) else { return };
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            (self.policy.sleep)(left).await;
            waited_until = paused;
        }
    }

    fn dialect(&self) -> WireDialect {
        self.dialect.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Adapts the dialect to an error response. Returns whether the request is worth repeating.
    fn adapt(&self, mut dialect: WireDialect, status: StatusCode, body: &[u8]) -> bool {
        let is_unknown_path = matches!(status.as_u16(), 404 | 405);
        if is_unknown_path && self.base_url.has_version() || !dialect.adapt(status, body) {
            return false;
        }
        *self.dialect.lock().unwrap_or_else(PoisonError::into_inner) = dialect;
        true
    }

    /// Reads a reply, as a stream of events or in one piece: some servers support only the latter.
    async fn read(
        &self,
        response: Response,
        asked: &AskedServer<'_>,
        request: &ModelRequest<'_>,
    ) -> Result<PartialReply, ProviderFailure> {
        let mut reply = PartialReply::default();
        let mut body = BodyDecoder::new();
        let mut received = 0;
        let mut chunks = response.bytes_stream();
        while let Some(chunk) = chunks.next().await {
            let asked = AskedServer { was_reached: true, ..*asked };
            let chunk = chunk.map_err(|error| ProviderFailure::of_transport(&error, &asked))?;
            received += chunk.len();
            let mut is_too_long = received > MAX_STREAM_BYTES;
            match body.feed(&chunk) {
                Ok(complete) => self.add_all(complete, &mut reply)?,
                Err(BodyTooLong) => is_too_long = true,
            }
            if is_too_long || reply.text.len() > MAX_REPLY_BYTES {
                reply.flaw = Some(ReplyFlaw::TooLong);
                reply.text.truncate(reply.text.floor_char_boundary(MAX_REPLY_BYTES));
                return Ok(reply);
            }
            let bytes = reply.text.len() + reply.reasoning_bytes + body.document_bytes();
            (request.on_progress)(ModelProgress::Received { bytes });
            if reply.last {
                return Ok(reply);
            }
        }
        self.add_all(body.finish(), &mut reply)?;
        if reply.ended { Ok(reply) } else { Err(malformed("it ends in the middle")) }
    }

    fn add_all(
        &self,
        pieces: impl IntoIterator<Item = String>,
        reply: &mut PartialReply,
    ) -> Result<(), ProviderFailure> {
        for data in pieces {
            if data.trim() == "[DONE]" {
                (reply.ended, reply.last) = (true, true);
                continue;
            }
            let piece = serde_json::from_str(&data)
                .map_err(|error| malformed(&format!("it is not JSON: {error}")))?;
            self.format.add(&piece, reply)?;
        }
        Ok(())
    }

    fn finish(&self, reply: PartialReply, request: &ModelRequest<'_>) -> ModelReply {
        let PartialReply { mut text, reasoning, reasoning_bytes, usage, mut flaw, .. } = reply;
        let usage = usage.unwrap_or_else(|| {
            TokenUsage::estimated(request.bytes(), text.len() + reasoning_bytes)
        });
        if text.trim().is_empty() && reasoning_bytes > 0 {
            match flaw {
                Some(ReplyFlaw::Truncated) => flaw = Some(ReplyFlaw::OnlyReasoning),
                // Some servers mistake the whole reply for reasoning.
                None => text = reasoning,
                Some(_) => {}
            }
        }
        ModelReply { text: self.without_key(&text), usage, flaw }
    }

    fn error_without_key(&self, error: AnswerSourceError) -> AnswerSourceError {
        use AnswerSourceError::{Failed, NoAnswer, Unusable};
        match error {
            NoAnswer(reason) => NoAnswer(self.without_key(&reason)),
            Unusable(reason) => Unusable(self.without_key(&reason)),
            Failed(reason) => Failed(self.without_key(&reason)),
        }
    }

    /// A text from the provider without the key.
    fn without_key(&self, text: &str) -> String {
        match &self.key {
            Some(key) => key.remove_from(text),
            None => text.to_owned(),
        }
    }
}

impl AnswerSource for Provider {
    fn name(&self) -> String {
        format!("{}:{}", self.kind, self.model)
    }

    fn learns(&self) -> bool {
        true
    }

    fn answer<'a>(
        &'a self,
        request: &'a ModelRequest<'a>,
    ) -> BoxFuture<'a, Result<ModelReply, AnswerSourceError>> {
        let attempt = move || self.attempt(request).boxed();
        let replied = attempt
            .retry(self.policy.waits())
            .sleep(self.policy.sleep)
            .when(ProviderFailure::may_be_retried)
            .adjust(|failure, wait| Some(wait?.max(failure.retry_after.unwrap_or_default())))
            .notify(|failure, wait| {
                let wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
                let reason = self.without_key(&failure.error.to_string());
                if failure.retry_after.is_some() {
                    self.pause(wait);
                }
                (request.on_progress)(ModelProgress::Retrying { reason, wait_ms });
            });
        replied.map_err(|failure| self.error_without_key(failure.into_error())).boxed()
    }
}

fn malformed(reason: &str) -> ProviderFailure {
    ProviderFailure::transient(format!("the provider's answer is malformed: {reason}"))
}

async fn read_error_body(response: Response) -> Vec<u8> {
    let mut body = Vec::new();
    let mut chunks = response.bytes_stream();
    while let Some(Ok(chunk)) = chunks.next().await {
        body.extend_from_slice(&chunk);
        if body.len() > MAX_ERROR_BYTES {
            break;
        }
    }
    body
}
