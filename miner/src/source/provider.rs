//! Language models behind HTTP.
//!
//! Three wire formats cover nearly everything: `OpenAI`'s, which all local servers speak too, Anthropic's and
//! Gemini's. Each is a small file here rather than a client library (ARCHITECTURE.md says what one lacks),
//! because what matters to a miner lies between the formats and the socket: an answer that never ends must be
//! cut off, a wait that the server asks for must be kept, a key must appear nowhere, and a refusal must be told
//! from a failure.

use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBuilder};
use futures_util::future::BoxFuture;
use futures_util::{FutureExt as _, StreamExt as _};
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use reqwest::{Response, Url};

use super::{Ask, Flaw, MAX_ANSWER_BYTES, Progress, Reply, Source, SourceError, Usage};
use crate::secret::Secret;
use failure::Failure;
use wire::{SoFar, Wire};

mod anthropic;
mod failure;
mod gemini;
mod kind;
mod openai;
mod sse;
mod wire;

pub use kind::ProviderKind;

/// Most bytes of a stream: around every few characters of an answer a provider wraps hundreds.
const MAX_STREAM_BYTES: usize = 64 << 20;
/// Longest complaint that is read.
const MAX_COMPLAINT_BYTES: usize = 64 << 10;
/// Longest wait that a provider may ask for.
const MAX_RETRY_AFTER: Duration = Duration::from_mins(2);

/// How long to wait, and how often.
#[derive(Clone, Debug)]
pub struct Patience {
    /// For a connection.
    pub connect: Duration,
    /// For the next bytes of an answer. Models that think may be silent for long.
    pub silence: Duration,
    /// For a whole answer.
    pub answer: Duration,
    /// How often a failure that may pass is tried again.
    pub retries: usize,
    /// The wait before the first retry. It doubles with each further one, and is spread at random.
    pub backoff: Duration,
    /// What waits. Tests put something here that does not.
    pub sleep: fn(Duration) -> BoxFuture<'static, ()>,
}

impl Patience {
    /// What serves with providers that are loaded and models that think.
    pub const STANDARD: Self = Self {
        connect: Duration::from_secs(10),
        silence: Duration::from_mins(3),
        answer: Duration::from_mins(15),
        retries: 5,
        backoff: Duration::from_secs(1),
        sleep: |time| tokio::time::sleep(time).boxed(),
    };
}

/// A model of a provider.
pub struct Provider {
    kind: ProviderKind,
    model: String,
    base: Url,
    key: Option<Secret>,
    patience: Patience,
    wire: Box<dyn Wire>,
    http: reqwest::Client,
}

impl Provider {
    /// A model of a provider at its own address, or at `base_url`.
    pub fn new(
        kind: ProviderKind,
        model: &str,
        base_url: Option<&str>,
        key: Option<Secret>,
        patience: Patience,
    ) -> Result<Self, SourceError> {
        if model.is_empty() {
            let example = kind.example_model();
            return Err(SourceError::Unusable(format!(
                "--model {kind} names no model: write --model {kind}:NAME, such as {kind}:{example}"
            )));
        }
        let base = base(base_url.unwrap_or(kind.base_url()))?;
        if key.is_none() && kind.needs_key() && base_url.is_none() {
            return Err(SourceError::Unusable(format!(
                "no key for {kind}: set {}, or name a file with --key-file; --model sample:good works \
                 without one",
                kind.key_variables().join(" or ")
            )));
        }
        if key.as_ref().is_some_and(|key| HeaderValue::from_str(key.reveal()).is_err()) {
            return Err(SourceError::Unusable(format!(
                "the key for {kind} has a line break or something else in it that no key has"
            )));
        }
        let http = reqwest::Client::builder()
            .connect_timeout(patience.connect)
            .read_timeout(patience.silence)
            .timeout(patience.answer)
            // A key in a header of its own would be sent along to wherever the answer points.
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| SourceError::Unusable(format!("no HTTP client: {error}")))?;
        let model = model.to_owned();
        Ok(Self { kind, model, base, key, patience, wire: kind.wire(), http })
    }

    async fn ask(&self, ask: &Ask<'_>) -> Result<Reply, SourceError> {
        let mut waits = ExponentialBuilder::default()
            .with_min_delay(self.patience.backoff)
            .with_max_delay(Duration::from_mins(1))
            .with_max_times(self.patience.retries)
            .with_jitter()
            .build();
        loop {
            let Failure { error, passes, retry_after } = match self.attempt(ask).await {
                Ok(reply) => return Ok(reply),
                Err(failure) => failure,
            };
            let asked = retry_after.unwrap_or_default();
            if asked > MAX_RETRY_AFTER {
                let why = format!("{error}; it asks to wait {} s", asked.as_secs());
                return Err(SourceError::Failed(self.clean(&why)));
            }
            let Some(wait) = waits.next().filter(|_| passes) else {
                return Err(self.cleaned(error));
            };
            let wait = wait.max(asked);
            let wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
            let reason = self.clean(&error.to_string());
            (ask.on_progress)(Progress::Retrying { reason, wait_ms });
            (self.patience.sleep)(wait).await;
        }
    }

    async fn attempt(&self, ask: &Ask<'_>) -> Result<Reply, Failure> {
        let request = self.wire.request(&self.model, ask, self.key.as_ref());
        let url = self.base.join(&request.path);
        let url = url.map_err(|error| {
            let why = format!("'{}' makes no address of the API: {error}", self.model);
            Failure::lasting(SourceError::Unusable(why))
        })?;
        let mut sending = self.http.post(url).json(&request.body);
        for (name, value) in request.headers {
            sending = sending.header(name, value);
        }
        let response = sending.send().await.map_err(|error| Failure::of_transport(&error))?;
        let status = response.status();
        if !status.is_success() {
            let headers = response.headers().clone();
            let body = beginning(response).await;
            let names = self.kind.key_variables().join(" or ");
            return Err(Failure::of_status(status, &headers, &body, &names));
        }
        let mut so_far = SoFar::default();
        self.read(response, &mut so_far, ask).await?;
        Ok(self.reply(so_far, ask))
    }

    /// Reads an answer, as a stream of events or in one piece: some servers know only the latter.
    async fn read(
        &self,
        response: Response,
        so_far: &mut SoFar,
        ask: &Ask<'_>,
    ) -> Result<(), Failure> {
        let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let streamed = kind.is_some_and(|kind| kind.starts_with("text/event-stream"));
        let mut events = sse::Events::default();
        let mut whole = Vec::new();
        let mut received = 0;
        let mut chunks = response.bytes_stream();
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.map_err(|error| Failure::of_transport(&error))?;
            received += chunk.len();
            let mut cut_off = received > MAX_STREAM_BYTES;
            if streamed {
                match events.feed(&chunk) {
                    Ok(complete) => self.take(complete, so_far)?,
                    Err(sse::TooLong) => cut_off = true,
                }
                cut_off |= so_far.text.len() > MAX_ANSWER_BYTES;
            } else {
                whole.extend_from_slice(&chunk);
                // JSON writes some characters in six bytes.
                cut_off |= whole.len() > 6 * MAX_ANSWER_BYTES;
            }
            if cut_off {
                so_far.flaw = Some(Flaw::TooLong);
                so_far.text.truncate(so_far.text.floor_char_boundary(MAX_ANSWER_BYTES));
                return Ok(());
            }
            let bytes = so_far.text.len() + so_far.thought_bytes + whole.len();
            (ask.on_progress)(Progress::Received { bytes });
            if so_far.last {
                return Ok(());
            }
        }
        if streamed {
            self.take(events.finish(), so_far)?;
        } else {
            let answer = serde_json::from_slice(&whole);
            let answer = answer.map_err(|error| malformed(&format!("no JSON: {error}")))?;
            self.wire.take(&answer, so_far)?;
        }
        if so_far.ended { Ok(()) } else { Err(malformed("it ends in the middle")) }
    }

    fn take(
        &self,
        events: impl IntoIterator<Item = String>,
        so_far: &mut SoFar,
    ) -> Result<(), Failure> {
        for data in events {
            if data.trim() == "[DONE]" {
                (so_far.ended, so_far.last) = (true, true);
                continue;
            }
            let event = serde_json::from_str(&data);
            let event =
                event.map_err(|error| malformed(&format!("an event is no JSON: {error}")))?;
            self.wire.take(&event, so_far)?;
        }
        Ok(())
    }

    fn reply(&self, so_far: SoFar, ask: &Ask<'_>) -> Reply {
        let SoFar { text, thought_bytes, usage, flaw, .. } = so_far;
        let usage = usage.unwrap_or_else(|| {
            let asked = ask.messages.iter().map(|message| message.text.len()).sum();
            Usage::estimated(asked, text.len() + thought_bytes)
        });
        Reply { text: self.clean(&text), usage, flaw }
    }

    fn cleaned(&self, error: SourceError) -> SourceError {
        match error {
            SourceError::NothingToSay(why) => SourceError::NothingToSay(self.clean(&why)),
            SourceError::Unusable(why) => SourceError::Unusable(self.clean(&why)),
            SourceError::Failed(why) => SourceError::Failed(self.clean(&why)),
        }
    }

    /// A text that came from the provider, without the key.
    fn clean(&self, text: &str) -> String {
        match &self.key {
            Some(key) => key.remove_from(text),
            None => text.to_owned(),
        }
    }
}

impl Source for Provider {
    fn name(&self) -> String {
        format!("{}:{}", self.kind, self.model)
    }

    fn learns(&self) -> bool {
        true
    }

    fn answer<'a>(&'a self, ask: &'a Ask<'a>) -> BoxFuture<'a, Result<Reply, SourceError>> {
        self.ask(ask).boxed()
    }
}

/// An address to which paths can be joined.
fn base(address: &str) -> Result<Url, SourceError> {
    let wrong = |why: String| SourceError::Unusable(format!("--base-url is no address: {why}"));
    let mut base = Url::parse(address).map_err(|error| wrong(error.to_string()))?;
    if !matches!(base.scheme(), "http" | "https") {
        return Err(wrong(format!("'{}' is not http or https", base.scheme())));
    }
    if !base.path().ends_with('/') {
        base.set_path(&format!("{}/", base.path()));
    }
    Ok(base)
}

fn malformed(what: &str) -> Failure {
    Failure::passing(format!("the provider's answer is malformed: {what}"))
}

async fn beginning(response: Response) -> Vec<u8> {
    let mut body = Vec::new();
    let mut chunks = response.bytes_stream();
    while let Some(Ok(chunk)) = chunks.next().await {
        body.extend_from_slice(&chunk);
        if body.len() > MAX_COMPLAINT_BYTES {
            break;
        }
    }
    body
}
