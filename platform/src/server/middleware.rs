//! What applies to every request and response: the request id, the security headers, the `ETag`, the
//! deadline, and the checks before any handler.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::body::{Body, to_bytes};
use axum::extract::{FromRequestParts, Request, State};
use axum::http::header::{self, HeaderName, HeaderValue};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use super::body::ReadyBody;
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

/// The largest body that is hashed and compressed where it was made, in bytes: it takes about a millisecond.
const SMALL_BODY: usize = 32 << 10;

/// Chooses the form of the body that the client accepts, adds its `ETag`, and responds 304 to a client that has it.
pub(super) async fn finish_body(request: Request, next: Next) -> Response {
    let asked = BodyChoice::of(&request);
    let mut response = next.run(request).await;
    if let Some(body) = response.extensions_mut().remove::<ReadyBody>() {
        return asked.answer(response, &body);
    }
    let streams = response.extensions().get::<StreamedBody>().is_some();
    if streams || !asked.reads || response.status() != StatusCode::OK {
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
    asked.answer(Response::from_parts(parts, Body::empty()), &body)
}

/// Marks a response whose body never ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct StreamedBody;

/// Which form of a body a request asks for.
struct BodyChoice {
    reads: bool,
    head: bool,
    gzip: bool,
    known: Option<HeaderValue>,
}

impl BodyChoice {
    fn of(request: &Request) -> Self {
        let headers = request.headers();
        Self {
            reads: matches!(*request.method(), Method::GET | Method::HEAD),
            head: request.method() == Method::HEAD,
            gzip: accepts_gzip(headers),
            known: headers.get(header::IF_NONE_MATCH).cloned(),
        }
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
