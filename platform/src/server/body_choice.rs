//! Which form of a body a client gets: compressed or not, or none if it has it already.

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::header::{self, HeaderValue};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse as _, Response};

use super::body::ReadyBody;
use super::problem::ProblemResponse;

/// The largest body that is hashed and compressed where it was made, in bytes: it takes about a millisecond.
const SMALL_BODY: usize = 32 << 10;

/// Marks a response whose body never ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct StreamedBody;

/// Which form of a body a request asks for.
pub(super) struct BodyChoice {
    reads: bool,
    head: bool,
    gzip: bool,
    known: Option<HeaderValue>,
}

impl BodyChoice {
    pub(super) fn of(request: &Request) -> Self {
        let headers = request.headers();
        Self {
            reads: matches!(*request.method(), Method::GET | Method::HEAD),
            head: request.method() == Method::HEAD,
            gzip: accepts_gzip(headers),
            known: headers.get(header::IF_NONE_MATCH).cloned(),
        }
    }

    /// Chooses the form of the body that the client accepts, adds its `ETag`, and responds 304 to a client that has it.
    pub(super) async fn finish(&self, mut response: Response) -> Response {
        if let Some(body) = response.extensions_mut().remove::<ReadyBody>() {
            return self.answer(response, &body);
        }
        let streams = response.extensions().get::<StreamedBody>().is_some();
        if streams || !self.reads || response.status() != StatusCode::OK {
            return response;
        }
        let (parts, body) = response.into_parts();
        // Every body is in memory already, so this copies nothing and cannot fail.
        let bytes = to_bytes(body, usize::MAX).await.unwrap_or_default();
        let octets = HeaderValue::from_static("application/octet-stream");
        let kind = parts.headers.get(header::CONTENT_TYPE).cloned().unwrap_or(octets);
        let body = if bytes.len() <= SMALL_BODY {
            ReadyBody::new(kind, bytes)
        } else {
            match tokio::task::spawn_blocking(move || ReadyBody::new(kind, bytes)).await {
                Ok(body) => body,
                Err(_) => return ProblemResponse::internal().into_response(),
            }
        };
        self.answer(Response::from_parts(parts, Body::empty()), &body)
    }

    fn answer(&self, response: Response, body: &ReadyBody) -> Response {
        let (mut parts, _) = response.into_parts();
        let headers = &mut parts.headers;
        headers.insert(header::ETAG, body.tag().clone());
        let varies = headers.contains_key(header::VARY);
        let vary = if varies { "accept, accept-encoding" } else { "accept-encoding" };
        headers.insert(header::VARY, HeaderValue::from_static(vary));
        // A response may be for one client only, so a proxy has to revalidate each time.
        headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-cache"));
        headers.remove(header::CONTENT_LENGTH);
        if self.known.as_ref().is_some_and(|known| matches(known, body.tag())) {
            parts.status = StatusCode::NOT_MODIFIED;
            headers.remove(header::CONTENT_TYPE);
            return Response::from_parts(parts, Body::empty());
        }
        headers.insert(header::CONTENT_TYPE, body.kind().clone());
        let bytes = match body.gzip() {
            Some(gzip) if self.gzip => {
                headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
                gzip.clone()
            }
            _ => body.plain().clone(),
        };
        if self.head {
            headers.insert(header::CONTENT_LENGTH, bytes.len().into());
            return Response::from_parts(parts, Body::empty());
        }
        Response::from_parts(parts, Body::from(bytes))
    }
}

/// Returns whether the client accepts gzip. What it refuses is served without compression anyway: a refusal of the
/// response would come after the work is done, and lose the token of an upload.
fn accepts_gzip(headers: &HeaderMap) -> bool {
    let codings = headers.get_all(header::ACCEPT_ENCODING).iter();
    let mut codings =
        codings.filter_map(|value| value.to_str().ok()).flat_map(|list| list.split(','));
    codings.any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        let weight = weight.trim().to_ascii_lowercase();
        let refused = weight.strip_prefix("q=").is_some_and(|q| q.trim().parse() == Ok(0.0));
        matches!(name.trim().to_ascii_lowercase().as_str(), "gzip" | "x-gzip") && !refused
    })
}

/// Returns whether a list of tags contains this one, compared weakly.
fn matches(known: &HeaderValue, tag: &HeaderValue) -> bool {
    let (Ok(known), Ok(tag)) = (known.to_str(), tag.to_str()) else { return false };
    let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    known.trim() == "*" || known.split(',').any(|known| opaque(known) == opaque(tag))
}
