//! The HTTP that agents speak to the model, one connection at a time. The connection is the trial's identity: an
//! agent sends no token.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::{FutureExt as _, stream};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full, Limited, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::json;
use tokio::io::DuplexStream;

use super::ask::AskError;
use super::journal::RecordedResponse;
use super::open_request::{BrokenStream, ModelResponse};
use super::request::{Dialect, MAX_REQUEST_BYTES, ModelQuery};
use super::response::error_body;
use super::session::ModelSession;
use crate::sandbox::ModelLine;

/// Longest time for the head of a request, and for its body.
const REQUEST_SECONDS: u64 = 30;
/// Headers of a request, and bytes of its head.
const MAX_HEADERS: usize = 64;
const MAX_HEAD_BYTES: usize = 32 << 10;
/// The paths, for the error of an unknown one.
const PATHS: &str =
    "POST /v1/chat/completions, POST /v1/messages, GET /v1/models and GET /v1/usage";

type AgentBody = BoxBody<Bytes, BrokenStream>;

impl ModelSession {
    /// What the connections of this attempt's agent lead to.
    pub fn line(self: &Arc<Self>) -> ModelLine {
        let (session, clock_stopped) = (Arc::clone(self), self.clock_stopped());
        ModelLine {
            serve: Arc::new(move |stream| serve(Arc::clone(&session), stream)),
            clock_stopped,
        }
    }
}

/// Serves one connection until it ends.
fn serve(session: Arc<ModelSession>, stream: DuplexStream) -> BoxFuture<'static, ()> {
    async move {
        let service = service_fn(|request| {
            let session = Arc::clone(&session);
            async move { Ok::<_, Infallible>(respond(&session, request).await) }
        });
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(Duration::from_secs(REQUEST_SECONDS))
            .max_headers(MAX_HEADERS)
            .max_buf_size(MAX_HEAD_BYTES);
        // An error ends the connection, which is all that the agent is to know of it.
        let _ = http.serve_connection(TokioIo::new(stream), service).await;
    }
    .boxed()
}

async fn respond(session: &Arc<ModelSession>, request: Request<Incoming>) -> Response<AgentBody> {
    let get = |body: serde_json::Value| whole(StatusCode::OK, body.to_string());
    match (request.method(), request.uri().path()) {
        (&Method::POST, "/v1/chat/completions") => ask(session, Dialect::Chat, request).await,
        (&Method::POST, "/v1/messages") => ask(session, Dialect::Messages, request).await,
        (&Method::GET, "/v1/models") => {
            let settings = session.settings();
            let (id, owner) = (&settings.parameters.model, settings.provider.as_str());
            let model = json!({
                "id": id, "object": "model", "type": "model", "display_name": id, "created": 0, "owned_by": owner
            });
            get(json!({"object": "list", "data": [model], "has_more": false}))
        }
        (&Method::GET, "/v1/usage") => {
            let (used, left) = session.usage();
            get(json!({"used": used, "left": left}))
        }
        (_, "/v1/chat/completions" | "/v1/messages") => method_not_allowed("POST"),
        (_, "/v1/models" | "/v1/usage") => method_not_allowed("GET"),
        _ => {
            let what = format!("the path is unknown; there are {PATHS}");
            error(Dialect::Chat, StatusCode::NOT_FOUND, "not_found_error", &what)
        }
    }
}

async fn ask(
    session: &Arc<ModelSession>,
    dialect: Dialect,
    request: Request<Incoming>,
) -> Response<AgentBody> {
    let refused = |status, what: &str| error(dialect, status, "invalid_request_error", what);
    if !session.settings().speaks(dialect) {
        let what = format!("{} is asked at /v1/chat/completions", session.settings().name());
        return refused(StatusCode::BAD_REQUEST, &what);
    }
    let is_json = request.headers().get(CONTENT_TYPE).is_none_or(|value| {
        value.to_str().is_ok_and(|value| value.to_ascii_lowercase().starts_with("application/json"))
    });
    if !is_json {
        return refused(StatusCode::UNSUPPORTED_MEDIA_TYPE, "the body must be application/json");
    }
    let repeats = request.headers().get("x-stainless-retry-count");
    let is_repeat = repeats.is_some_and(|count| count.as_bytes() != b"0");
    let body = Limited::new(request.into_body(), MAX_REQUEST_BYTES).collect();
    let body = match tokio::time::timeout(Duration::from_secs(REQUEST_SECONDS), body).await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(cause)) if cause.is::<http_body_util::LengthLimitError>() => {
            let what = format!("the body has more than {MAX_REQUEST_BYTES} bytes");
            return refused(StatusCode::PAYLOAD_TOO_LARGE, &what);
        }
        Ok(Err(_)) => return refused(StatusCode::BAD_REQUEST, "the body is not whole"),
        Err(_) => return refused(StatusCode::REQUEST_TIMEOUT, "the body took too long"),
    };
    let query = match ModelQuery::build(dialect, &body, &session.settings().parameters) {
        Ok(query) => query,
        Err(wrong) => return refused(StatusCode::BAD_REQUEST, &wrong.to_string()),
    };
    match session.ask(query, is_repeat).await {
        Ok(ModelResponse::Whole(RecordedResponse { status, content_type, body })) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
            let mut response = whole(status, body);
            if let Ok(content_type) = HeaderValue::from_str(&content_type) {
                response.headers_mut().insert(CONTENT_TYPE, content_type);
            }
            response
        }
        Ok(ModelResponse::Events(events, guard)) => {
            let frames = stream::unfold((events, guard), |(mut events, guard)| async move {
                let events_or_end = events.recv().await?;
                Some((events_or_end.map(Frame::data), (events, guard)))
            });
            let mut response = Response::new(StreamBody::new(frames).boxed());
            response
                .headers_mut()
                .insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
            response
        }
        Err(AskError::Exhausted(limit)) => {
            error(dialect, StatusCode::PAYMENT_REQUIRED, "budget_exhausted", &limit.to_string())
        }
        Err(AskError::Void) => {
            error(dialect, StatusCode::BAD_GATEWAY, "upstream_error", "the model does not answer")
        }
    }
}

fn method_not_allowed(allowed: &'static str) -> Response<AgentBody> {
    let what = format!("the path takes {allowed}");
    let status = StatusCode::METHOD_NOT_ALLOWED;
    let mut response = error(Dialect::Chat, status, "invalid_request_error", &what);
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
    response
}

fn error(dialect: Dialect, status: StatusCode, kind: &str, message: &str) -> Response<AgentBody> {
    whole(status, error_body(dialect, kind, message))
}

fn whole(status: StatusCode, body: String) -> Response<AgentBody> {
    let body = Full::new(Bytes::from(body)).map_err(|never| match never {}).boxed();
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if !status.is_success() {
        // The host has retried what can be retried.
        headers.insert("x-should-retry", HeaderValue::from_static("false"));
    }
    response
}
