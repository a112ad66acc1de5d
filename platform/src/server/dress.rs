//! What every answer gets, whichever handler made it: a request id, the security headers, an `ETag` for
//! what was read; and the two refusals that come before any handler.

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::{self, HeaderName, HeaderValue};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use tasks::Sha256;

use super::App;
use super::problem::{ForOperator, Refusal};
use crate::tell;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

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
    let id = format!("{:016x}", rand::random::<u64>());
    let writes = writes(&request);
    let mut response = next.run(request).await;
    if let Some(ForOperator(message)) = response.extensions().get() {
        tell(format_args!("request {id}: {message}"));
    }
    let headers = response.headers_mut();
    headers
        .insert(REQUEST_ID, HeaderValue::from_str(&id).expect("hex digits are a header's value"));
    for (name, value) in SECURITY {
        headers.entry(name).or_insert(value);
    }
    // Other sites may read what anybody may read, but not the answer to an upload: it holds a token.
    if writes {
        headers.remove(header::ACCESS_CONTROL_ALLOW_ORIGIN);
    }
    response
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

/// Answers in time or says that it was the body that did not come.
pub(super) async fn in_time(State(app): State<App>, request: Request, next: Next) -> Response {
    let time = app.settings.limits.request_time;
    tokio::time::timeout(time, next.run(request)).await.unwrap_or_else(|_| {
        let detail = format!("the request took more than {} s: send it again", time.as_secs());
        Refusal::new(StatusCode::REQUEST_TIMEOUT, detail)
            .with(header::CONNECTION, HeaderValue::from_static("close"))
            .into_response()
    })
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
