//! What is noted about each request: the log line, the figures, and the events that its handler reports.

use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};
use std::time::Instant;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{FromRequestParts, MatchedPath, Request};
use axum::http::Method;
use axum::http::request::Parts;
use axum::response::Response;
use hyper::body::{Frame, SizeHint};

use super::client_address::client_address;
use super::log::{AccessRecord, AuditEvent, AuditRecord, LogEntry, RequestOrigin, ServerLog};
use super::metrics::{Metrics, RequestLabels, RouteName};
use super::problem::{ProblemResponse, ReportedProblem};
use super::settings::Settings;
use crate::api::{MinerId, ProblemKind};

/// Where the notes of a server go.
#[derive(Debug)]
pub(super) struct Observer {
    log: ServerLog,
    pub(super) metrics: Arc<Metrics>,
    behind_proxy: bool,
}

impl Observer {
    pub(super) fn new(settings: &Settings) -> Self {
        let metrics = Arc::new(Metrics::new(&settings.log));
        Self { log: settings.log.clone(), metrics, behind_proxy: settings.behind_proxy }
    }
}

/// The notes of one request. As an argument of a handler it takes what only the handler knows.
#[derive(Clone, Debug)]
pub(super) struct RequestNotes(Arc<Notes>);

#[derive(Debug)]
struct Notes {
    observer: Arc<Observer>,
    started: Instant,
    origin: RequestOrigin,
    method: Method,
    /// The template of the route; none where no route matches.
    route: Option<MatchedPath>,
    path: String,
    miner_id: OnceLock<MinerId>,
}

impl RequestNotes {
    /// Notes a request that has arrived.
    pub(super) fn begin(observer: &Arc<Observer>, request: &Request) -> Self {
        let (headers, extensions) = (request.headers(), request.extensions());
        let address = client_address(headers, extensions, observer.behind_proxy);
        let notes = Self(Arc::new(Notes {
            observer: observer.clone(),
            started: Instant::now(),
            origin: RequestOrigin { id: rand::random(), address },
            method: request.method().clone(),
            route: extensions.get::<MatchedPath>().cloned(),
            path: request.uri().path().to_owned(),
            miner_id: OnceLock::new(),
        }));
        if let Some(miner_id) = id_in(notes.route(), &notes.0.path) {
            notes.about(&miner_id);
        }
        notes
    }

    /// Notes the head of the response. Its body notes what is sent of it.
    pub(super) fn end(self, response: Response) -> Response {
        let Notes { observer, started, method, route, miner_id, .. } = &*self.0;
        let problem =
            response.extensions().get::<ReportedProblem>().and_then(|problem| problem.0.kind());
        let status = response.status().as_u16();
        if let Some(problem) = problem {
            observer.metrics.reported(problem);
            if matches!(problem, ProblemKind::TokenWrong | ProblemKind::AuthorizationMalformed) {
                self.audit(AuditEvent::TokenRefused { miner_id: miner_id.get().cloned(), problem });
            }
        }
        let labels = RequestLabels {
            method: method_label(method),
            route: RouteName(route.clone()),
            status: status_label(status),
        };
        observer.metrics.answered(&labels, started.elapsed());
        let end = RequestEnd { notes: self, status, problem, bytes: 0 };
        response.map(|body| Body::new(CountedBody { body, end }))
    }

    /// The request's name in the log and in the header `X-Request-Id`.
    pub(super) fn id(&self) -> u64 {
        self.0.origin.id
    }

    /// The address of the client.
    pub(super) fn address(&self) -> IpAddr {
        self.0.origin.address
    }

    /// The method of the request.
    pub(super) fn method(&self) -> &Method {
        &self.0.method
    }

    /// The template of the route; empty where no route matches.
    pub(super) fn route(&self) -> &str {
        self.0.route.as_ref().map_or("", MatchedPath::as_str)
    }

    /// Whose agent the request is about, as far as it is known.
    pub(super) fn miner_id(&self) -> Option<&MinerId> {
        self.0.miner_id.get()
    }

    /// Notes whose agent the request is about.
    pub(super) fn about(&self, miner_id: &MinerId) {
        let _ = self.0.miner_id.set(miner_id.clone());
    }

    /// Logs and counts what happened.
    pub(super) fn audit(&self, event: AuditEvent) {
        let Observer { log, metrics, .. } = &*self.0.observer;
        match &event {
            AuditEvent::Upload { .. } => drop(metrics.uploads.inc()),
            AuditEvent::RankingPublished { .. } => drop(metrics.rankings_published.inc()),
            AuditEvent::TokenRefused { problem, .. } => metrics.refused(*problem),
            AuditEvent::TokenExchanged { .. }
            | AuditEvent::ResultsPublished { .. }
            | AuditEvent::AgentWithdrawn { .. } => {}
        }
        log.put(|| LogEntry::Audit(AuditRecord { origin: self.0.origin, event }));
    }
}

impl<S: Sync> FromRequestParts<S> for RequestNotes {
    type Rejection = ProblemResponse;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ProblemResponse> {
        parts.extensions.get().cloned().ok_or_else(ProblemResponse::internal)
    }
}

/// Returns the id in the place of `{miner_id}` in the route's template.
fn id_in(route: &str, path: &str) -> Option<MinerId> {
    let mut segments = route.split('/').zip(path.split('/'));
    segments.find(|(name, _)| *name == "{miner_id}").and_then(|(_, id)| id.parse().ok())
}

fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

fn status_label(status: u16) -> &'static str {
    match status / 100 {
        1 => "1xx",
        2 => "2xx",
        3 => "3xx",
        4 => "4xx",
        _ => "5xx",
    }
}

/// A body whose bytes are counted.
struct CountedBody {
    body: Body,
    end: RequestEnd,
}

impl HttpBody for CountedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        if let Some(Ok(frame)) = &frame {
            self.end.bytes += frame.data_ref().map_or(0, |data| data.len() as u64);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// What the log says about an answered request. It is logged when its body ends, whether the client has read all of it or
/// is gone.
struct RequestEnd {
    notes: RequestNotes,
    status: u16,
    problem: Option<ProblemKind>,
    bytes: u64,
}

impl Drop for RequestEnd {
    fn drop(&mut self) {
        let Notes { observer, started, origin, method, route, path, miner_id } = &*self.notes.0;
        observer.metrics.sent_bytes.inc_by(self.bytes);
        observer.log.put(|| {
            LogEntry::Request(AccessRecord {
                origin: *origin,
                method: method.clone(),
                route: route.clone(),
                path: path.clone(),
                status: self.status,
                bytes: self.bytes,
                duration: started.elapsed(),
                miner_id: miner_id.get().cloned(),
                problem: self.problem,
            })
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn id_is_found_where_the_template_has_it() {
        let id = |route, path| id_in(route, path).map(|id| id.to_string());
        assert_eq!(id("/agents/{miner_id}/token", "/agents/me/token"), Some("me".into()));
        assert_eq!(id("/agents/{miner_id}", "/agents/ME"), None);
        assert_eq!(id("/tasks/{id}", "/tasks/me"), None);
    }
}
