//! The beginning of a provider's response: all of it, or the first of its events.

use bytes::Bytes;
use reqwest::Response;
use reqwest::header::CONTENT_TYPE;

use super::journal::RecordedResponse;
use super::request::ModelQuery;
use super::response::{EventReader, StatedTokens};
use super::upstream::{Upstream, UpstreamFailure};

/// Most bytes of a whole response, and of all events of a stream.
pub const MAX_RESPONSE_BYTES: usize = 16 << 20;

/// A response of which something has come.
pub(super) enum BegunResponse {
    Whole(RecordedResponse, StatedTokens),
    Events(StartedEvents),
}

/// A stream whose first events have come.
pub(super) struct StartedEvents {
    pub response: Response,
    pub reader: EventReader,
    pub passed_on: Vec<u8>,
    pub content_type: String,
}

/// Reads a response as far as a request can be sent again: to its end, or until there is something for the agent.
pub(super) async fn begin(
    response: Response,
    query: &ModelQuery,
    upstream: &Upstream,
) -> Result<BegunResponse, UpstreamFailure> {
    let value = response.headers().get(CONTENT_TYPE);
    let content_type =
        value.and_then(|value| value.to_str().ok()).unwrap_or("application/json").to_owned();
    let reading = Reading { response, query, upstream, content_type };
    let is_stream = reading.content_type.to_ascii_lowercase().starts_with("text/event-stream");
    if is_stream { reading.first_events().await } else { reading.whole().await }
}

struct Reading<'a> {
    response: Response,
    query: &'a ModelQuery,
    upstream: &'a Upstream,
    content_type: String,
}

impl Reading<'_> {
    async fn chunk(&mut self) -> Result<Option<Bytes>, UpstreamFailure> {
        self.response
            .chunk()
            .await
            .map_err(|error| UpstreamFailure::Ill(self.upstream.shown(&error)))
    }

    async fn first_events(mut self) -> Result<BegunResponse, UpstreamFailure> {
        let mut reader = EventReader::new(self.query);
        let mut passed_on = Vec::new();
        while passed_on.is_empty() && !reader.ended {
            let chunk = self.chunk().await?;
            let chunk = chunk.ok_or_else(|| ill("a response has no end"))?;
            passed_on
                .extend_from_slice(&reader.feed(&chunk).map_err(|error| ill(&error.to_string()))?);
        }
        let Self { response, content_type, .. } = self;
        Ok(BegunResponse::Events(StartedEvents { response, reader, passed_on, content_type }))
    }

    async fn whole(mut self) -> Result<BegunResponse, UpstreamFailure> {
        let status = self.response.status().as_u16();
        let mut body = Vec::new();
        while let Some(chunk) = self.chunk().await? {
            if body.len() + chunk.len() > MAX_RESPONSE_BYTES {
                return Err(UpstreamFailure::TooLong);
            }
            body.extend_from_slice(&chunk);
        }
        let document = serde_json::from_slice(&body).map_err(|_| ill("a response is not JSON"))?;
        let stated = StatedTokens::of_document(self.query.dialect, &document);
        let body = self.upstream.without_key(&String::from_utf8_lossy(&body));
        let content_type = self.content_type;
        Ok(BegunResponse::Whole(RecordedResponse { status, content_type, body }, stated))
    }
}

fn ill(why: &str) -> UpstreamFailure {
    UpstreamFailure::Ill(why.to_owned())
}
