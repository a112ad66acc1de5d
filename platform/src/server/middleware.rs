//! What applies to every request and response.
//!
//! There are few layers, each a plain sequence of steps: axum copies and boxes every layer, with all layers inside it, for
//! every request.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::extract::{FromRequestParts, Request, State};
use axum::http::Method;
use axum::http::header::{self, HeaderName, HeaderValue};
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use super::app::App;
use super::body_choice::BodyChoice;
use super::observe::RequestNotes;
use super::problem::{OperatorMessage, ProblemResponse, ProblemSite, write_problem};
use super::rate_limit;
use super::response_format::ResponseFormat;
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

/// Notes the request, and turns what the handler returns into the response that the client asked for.
pub(super) async fn finish(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let notes = RequestNotes::begin(&app.observer, &request);
    let (choice, format) = (BodyChoice::of(&request), ResponseFormat::accepted(request.headers()));
    request.extensions_mut().insert(notes.clone());
    let mut response = next.run(request).await;
    let site = ProblemSite { public_url: &app.settings.public_url, pages: &app.site };
    write_problem(site, format, &mut response);
    let mut response = choice.finish(response).await;
    if let Some(meters) = &app.meters {
        rate_limit::announce(meters, &notes, &mut response);
    }
    add_common_headers(&notes, &mut response);
    notes.end(response)
}

/// Adds the request id and the security headers, and logs the message to the operator.
fn add_common_headers(notes: &RequestNotes, response: &mut Response) {
    let id = format!("{:016x}", notes.id());
    if let Some(OperatorMessage(message)) = response.extensions().get() {
        log_line(format_args!("request {id}: {message}"));
    }
    let headers = response.headers_mut();
    headers.insert(REQUEST_ID, HeaderValue::from_str(&id).expect("hex digits are a valid value"));
    for (name, value) in SECURITY {
        headers.entry(name).or_insert(value);
    }
    // Other sites may read public data, but not the response to an upload: it contains a token.
    if writes(notes.method()) {
        headers.remove(header::ACCESS_CONTROL_ALLOW_ORIGIN);
    }
}

/// Calls the handler of a request that is acceptable, and responds within the time limit, or with 408.
pub(super) async fn guard(State(app): State<App>, mut request: Request, next: Next) -> Response {
    if let Err(problem) = refuse(&request) {
        return problem.into_response();
    }
    let (time, deadline) = (app.settings.limits.request_time, RequestDeadline::default());
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

/// Refuses what no handler takes.
fn refuse(request: &Request) -> Result<(), ProblemResponse> {
    // A page of another site may send this through a browser: its user did not intend it, and may be in a network that the
    // page's author cannot reach. Only browsers send this header.
    let from_elsewhere = |value: &HeaderValue| value != "same-origin" && value != "none";
    let headers = request.headers();
    if writes(request.method()) && headers.get("sec-fetch-site").is_some_and(from_elsewhere) {
        let detail =
            "cross-site requests may not change anything: use curl, or a page of this platform";
        return Err(ProblemResponse::new(ProblemKind::CrossSite, detail));
    }
    // A few compressed bytes could expand to gigabytes.
    if headers.get(header::CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity") {
        let detail = "compressed bodies are not supported: send the body without Content-Encoding";
        return Err(ProblemResponse::new(ProblemKind::CompressedBody, detail));
    }
    Ok(())
}

fn writes(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
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
