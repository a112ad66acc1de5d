//! What every answer gets, whichever handler made it: a request id, the security headers, an `ETag` for
//! what was read; and the two refusals that come before any handler.

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

use super::App;
use super::problem::{ForOperator, Refusal};
use crate::tell;

pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The headers by which a browser keeps strangers' content harmless. Nothing is loaded from another
/// host, nothing runs but the page's own script, and no other site can frame the page.
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

/// Gives the answer its id and headers, and tells the operator what only the operator should know.
pub(super) async fn dress(request: Request, next: Next) -> Response {
    let id = new_id();
    let writes = writes(&request);
    let mut response = next.run(request).await;
    if let Some(ForOperator(message)) = response.extensions().get() {
        tell(format_args!("request {id}: {message}"));
    }
    let headers = response.headers_mut();
    put_on(headers, &id);
    // Other sites may read what anybody may read, but not the answer to an upload: it holds a token.
    if writes {
        headers.remove(header::ACCESS_CONTROL_ALLOW_ORIGIN);
    }
    response
}

pub(super) fn new_id() -> String {
    format!("{:016x}", rand::random::<u64>())
}

/// The headers that every answer has.
pub(super) fn put_on(headers: &mut HeaderMap, id: &str) {
    headers.insert(REQUEST_ID, HeaderValue::from_str(id).expect("hex digits are a header's value"));
    for (name, value) in SECURITY {
        headers.entry(name).or_insert(value);
    }
}

/// Forgets that a reader would rather have no answer than one as it is: it would be told so after the work
/// was done, and an upload's token would be lost.
pub(super) async fn answer_as_it_is(mut request: Request, next: Next) -> Response {
    let forbids = |coding: &str| {
        let coding = coding.to_ascii_lowercase();
        let (name, weight) = coding.split_once(';').unwrap_or((&coding, ""));
        let is_none = weight.trim().strip_prefix("q=").is_some_and(|q| q.parse() == Ok(0.0));
        is_none && matches!(name.trim(), "identity" | "*")
    };
    let codings = request.headers().get_all(header::ACCEPT_ENCODING).iter();
    let codings: Vec<_> = codings.filter_map(|value| value.to_str().ok()).collect();
    let codings = codings.join(",");
    if codings.split(',').any(forbids) {
        let kept: Vec<_> = codings.split(',').filter(|coding| !forbids(coding)).collect();
        let kept =
            HeaderValue::from_str(&kept.join(",")).expect("it is a part of a header's value");
        request.headers_mut().insert(header::ACCEPT_ENCODING, kept);
    }
    next.run(request).await
}

/// Refuses what a browser was made to send by a page of another site: its owner has not meant to upload
/// anything, and may be in a network where the page's owner is not. Only browsers send this header.
pub(super) async fn refuse_other_sites(request: Request, next: Next) -> Response {
    let from_elsewhere = |value: &HeaderValue| value != "same-origin" && value != "none";
    if writes(&request) && request.headers().get("sec-fetch-site").is_some_and(from_elsewhere) {
        let detail = "another site's page may not do this: use curl, or a page of this platform";
        return Refusal::new(StatusCode::FORBIDDEN, detail).into_response();
    }
    next.run(request).await
}

fn writes(request: &Request) -> bool {
    !matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS)
}

/// Refuses compressed bodies: a few bytes could become many gigabytes.
pub(super) async fn refuse_compressed(request: Request, next: Next) -> Response {
    match request.headers().get(header::CONTENT_ENCODING) {
        Some(encoding) if encoding != "identity" => Refusal::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "compressed bodies are not taken: send it without Content-Encoding",
        )
        .into_response(),
        _ => next.run(request).await,
    }
}

/// Up to when a request may be given up.
#[derive(Clone, Debug, Default)]
pub(super) struct Deadline(Arc<AtomicBool>);

impl Deadline {
    /// Says that the request is about to change something, and is given up no more: whoever is told that it
    /// took too long must be able to rely on that. Fails when that was told already.
    pub(super) fn meet(&self) -> Result<(), Refusal> {
        let is_over = self.0.swap(true, Ordering::SeqCst);
        if is_over {
            Err(Refusal::new(StatusCode::REQUEST_TIMEOUT, "it came too late"))
        } else {
            Ok(())
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Deadline {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get::<Self>().cloned().unwrap_or_default())
    }
}

/// Answers in time or says that it was the body that did not come.
pub(super) async fn in_time(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let (time, deadline) = (app.settings.limits.request_time, Deadline::default());
    request.extensions_mut().insert(deadline.clone());
    let mut answer = pin!(next.run(request));
    if let Ok(answer) = tokio::time::timeout(time, &mut answer).await {
        return answer;
    }
    if deadline.meet().is_err() {
        return answer.await;
    }
    let detail = format!("the request took more than {} s: send it again", time.as_secs());
    Refusal::new(StatusCode::REQUEST_TIMEOUT, detail)
        .with(header::CONNECTION, HeaderValue::from_static("close"))
        .into_response()
}

/// Spares a reader what it has already.
pub(super) async fn etag(request: Request, next: Next) -> Response {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    let known = request.headers().get(header::IF_NONE_MATCH).cloned();
    let response = next.run(request).await;
    if !reads || response.status() != StatusCode::OK {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    // Every body is in memory already, so that this copies nothing and cannot fail.
    let bytes = to_bytes(body, usize::MAX).await.unwrap_or_default();
    let tag = parts.headers.entry(header::ETAG).or_insert_with(|| tag_of(&bytes)).clone();
    // Whoever may see one answer may not see another's, and a proxy must ask each time.
    parts.headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-cache"));
    if known.is_some_and(|known| matches(&known, &tag)) {
        parts.status = StatusCode::NOT_MODIFIED;
        parts.headers.remove(header::CONTENT_TYPE);
        parts.headers.remove(header::CONTENT_LENGTH);
        return Response::from_parts(parts, Body::empty());
    }
    Response::from_parts(parts, Body::from(bytes))
}

/// A weak tag, for compression changes the bytes and not what they say.
pub(super) fn tag_of(bytes: &Bytes) -> HeaderValue {
    let tag = format!("W/\"{}\"", &Sha256::of(bytes).as_str()[..32]);
    HeaderValue::from_str(&tag).expect("hex digits are a header's value")
}

/// Whether a list of tags has this one, compared weakly.
fn matches(known: &HeaderValue, tag: &HeaderValue) -> bool {
    let (Ok(known), Ok(tag)) = (known.to_str(), tag.to_str()) else { return false };
    let strong = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    known.trim() == "*" || known.split(',').any(|known| strong(known) == strong(tag))
}

/// The headers of a document that never changes while the server runs.
pub(super) fn fixed(kind: &'static str, bytes: &Bytes) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::ETAG, tag_of(bytes));
    headers
}
