//! What applies to every request and response: the request id, the security headers, the `ETag`, the
//! deadline, and the checks before any handler.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{FromRequestParts, Request, State};
use axum::http::header::{self, HeaderName, HeaderValue};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use tasks::Sha256;

use super::observe::RequestNotes;
use super::problem::{OperatorMessage, ProblemResponse};
use super::settings::Settings;
use crate::api::ProblemKind;
use crate::log::log_line;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The headers that keep untrusted content harmless in a browser: nothing is loaded from another host, only
/// the page's own script runs, and no other site can frame the page.
const SECURITY: [(HeaderName, HeaderValue); 5] = [
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; \
             connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
        ),
    ),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (
        HeaderName::from_static("permissions-policy"),
        HeaderValue::from_static("camera=(), geolocation=(), microphone=()"),
    ),
];

/// Adds the request id and the common headers to the response, and logs its message to the operator.
pub(super) async fn add_common_headers(request: Request, next: Next) -> Response {
    let notes = request.extensions().get::<RequestNotes>();
    let id = format!("{:016x}", notes.map_or_else(rand::random, RequestNotes::id));
    let writes = writes(&request);
    let mut response = next.run(request).await;
    if let Some(OperatorMessage(message)) = response.extensions().get() {
        log_line(format_args!("request {id}: {message}"));
    }
    let headers = response.headers_mut();
    headers.insert(REQUEST_ID, HeaderValue::from_str(&id).expect("hex digits are a valid value"));
    for (name, value) in SECURITY {
        headers.entry(name).or_insert(value);
    }
    // Other sites may read public data, but not the response to an upload: it contains a token.
    if writes {
        headers.remove(header::ACCESS_CONTROL_ALLOW_ORIGIN);
    }
    response
}

/// Drops `identity;q=0` and `*;q=0` from `Accept-Encoding`. Honouring them would refuse a response after the
/// work is done, and lose the token of an upload.
pub(super) async fn ignore_identity_q0(mut request: Request, next: Next) -> Response {
    let forbids = |coding: &str| {
        let coding = coding.to_ascii_lowercase();
        let (name, weight) = coding.split_once(';').unwrap_or((&coding, ""));
        let is_zero = weight.trim().strip_prefix("q=").is_some_and(|q| q.parse() == Ok(0.0));
        is_zero && matches!(name.trim(), "identity" | "*")
    };
    let codings = request.headers().get_all(header::ACCEPT_ENCODING).iter();
    let codings: Vec<_> = codings.filter_map(|value| value.to_str().ok()).collect();
    let codings = codings.join(",");
    if codings.split(',').any(forbids) {
        let kept: Vec<_> = codings.split(',').filter(|coding| !forbids(coding)).collect();
        let kept =
            HeaderValue::from_str(&kept.join(",")).expect("a part of a valid value is valid");
        request.headers_mut().insert(header::ACCEPT_ENCODING, kept);
    }
    next.run(request).await
}

/// Refuses requests that a page of another site sends through a browser: its user did not intend them, and may
/// be in a network that the page's author cannot reach. Only browsers send this header.
pub(super) async fn refuse_cross_site(request: Request, next: Next) -> Response {
    let from_elsewhere = |value: &HeaderValue| value != "same-origin" && value != "none";
    if writes(&request) && request.headers().get("sec-fetch-site").is_some_and(from_elsewhere) {
        let detail =
            "cross-site requests may not change anything: use curl, or a page of this platform";
        return ProblemResponse::new(ProblemKind::CrossSite, detail).into_response();
    }
    next.run(request).await
}

fn writes(request: &Request) -> bool {
    !matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS)
}

/// Refuses compressed bodies: a few bytes could expand to gigabytes.
pub(super) async fn refuse_compressed(request: Request, next: Next) -> Response {
    match request.headers().get(header::CONTENT_ENCODING) {
        Some(encoding) if encoding != "identity" => ProblemResponse::new(
            ProblemKind::CompressedBody,
            "compressed bodies are not supported: send the body without Content-Encoding",
        )
        .into_response(),
        _ => next.run(request).await,
    }
}

/// Decides between a request that is about to change something and its time limit: the first of the two wins.
#[derive(Clone, Debug, Default)]
pub(super) struct RequestDeadline(Arc<AtomicBool>);

impl RequestDeadline {
    /// Marks the request as about to change something, after which it is never aborted: a client that gets 408
    /// must be able to rely on nothing having changed. Fails when the time limit has passed.
    pub(super) fn meet(&self) -> Result<(), ProblemResponse> {
        let is_over = self.0.swap(true, Ordering::SeqCst);
        if is_over {
            Err(ProblemResponse::new(ProblemKind::RequestTimeout, "the request took too long"))
        } else {
            Ok(())
        }
    }
}

impl<S: Sync> FromRequestParts<S> for RequestDeadline {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get::<Self>().cloned().unwrap_or_default())
    }
}

/// Responds within the time limit, or with 408.
pub(super) async fn limit_time(
    State(settings): State<Arc<Settings>>,
    mut request: Request,
    next: Next,
) -> Response {
    let (time, deadline) = (settings.limits.request_time, RequestDeadline::default());
    request.extensions_mut().insert(deadline.clone());
    let mut response = pin!(next.run(request));
    if let Ok(response) = tokio::time::timeout(time, &mut response).await {
        return response;
    }
    if deadline.meet().is_err() {
        return response.await;
    }
    let detail = format!("the request took more than {} s: send it again", time.as_secs());
    ProblemResponse::new(ProblemKind::RequestTimeout, detail)
        .with(header::CONNECTION, HeaderValue::from_static("close"))
        .into_response()
}

/// Adds an `ETag`, and responds 304 to a client that has the current one.
pub(super) async fn etag(request: Request, next: Next) -> Response {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    let known = request.headers().get(header::IF_NONE_MATCH).cloned();
    let response = next.run(request).await;
    if !reads || response.status() != StatusCode::OK {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    // Every body is in memory already, so this copies nothing and cannot fail.
    let bytes = to_bytes(body, usize::MAX).await.unwrap_or_default();
    let tag = parts.headers.entry(header::ETAG).or_insert_with(|| tag_of(&bytes)).clone();
    // A response may be for one client only, so a proxy has to revalidate each time.
    parts.headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-cache"));
    if known.is_some_and(|known| matches(&known, &tag)) {
        parts.status = StatusCode::NOT_MODIFIED;
        parts.headers.remove(header::CONTENT_TYPE);
        parts.headers.remove(header::CONTENT_LENGTH);
        return Response::from_parts(parts, Body::empty());
    }
    Response::from_parts(parts, Body::from(bytes))
}

/// A weak tag: compression changes the bytes but not the meaning.
fn tag_of(bytes: &Bytes) -> HeaderValue {
    let tag = format!("W/\"{}\"", &Sha256::of(bytes).as_str()[..32]);
    HeaderValue::from_str(&tag).expect("hex digits are a valid value")
}

/// Returns whether a list of tags contains this one, compared weakly.
fn matches(known: &HeaderValue, tag: &HeaderValue) -> bool {
    let (Ok(known), Ok(tag)) = (known.to_str(), tag.to_str()) else { return false };
    let strong = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    known.trim() == "*" || known.split(',').any(|known| strong(known) == strong(tag))
}

/// The headers of a document that does not change while the server runs.
pub(super) fn fixed_headers(kind: &'static str, bytes: &Bytes) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::ETAG, tag_of(bytes));
    headers
}
