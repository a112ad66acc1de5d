//! What is noted about each request: the log line, the figures, and the events that its handler reports.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr};
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};
use std::time::Instant;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{FromRequestParts, MatchedPath, Request, State};
use axum::http::Method;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::Response;
use hyper::body::{Frame, SizeHint};

use super::client_address::client_address;
use super::log::{AccessRecord, AuditEvent, AuditRecord, LogEntry, RequestOrigin, ServerLog};
use super::metrics::{LabelText, Metrics, RequestLabels};
use super::problem::ReportedProblem;
use super::settings::Settings;
use crate::api::{MinerId, ProblemKind};

/// Where the notes of a server go.
#[derive(Clone, Debug)]
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
    observer: Observer,
    origin: RequestOrigin,
    miner_id: OnceLock<MinerId>,
}

impl RequestNotes {
    /// The request's name in the log and in the header `X-Request-Id`.
    pub(super) fn id(&self) -> u64 {
        self.0.origin.id
    }

    /// The address of the client.
    pub(super) fn address(&self) -> IpAddr {
        self.0.origin.address
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
        let Observer { log, metrics, .. } = &self.0.observer;
        match &event {
            AuditEvent::Upload { .. } => drop(metrics.uploads.inc()),
            AuditEvent::RankingPublished { .. } => drop(metrics.rankings_published.inc()),
            AuditEvent::TokenRefused { problem, .. } => metrics.refused(*problem),
            AuditEvent::TokenExchanged { .. }
            | AuditEvent::ResultsPublished { .. }
            | AuditEvent::AgentWithdrawn { .. } => {}
        }
        log.put(LogEntry::Audit(AuditRecord { origin: self.0.origin, event }));
    }
}

impl<S: Sync> FromRequestParts<S> for RequestNotes {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        // Only a test calls a handler without the layer below.
        Ok(parts.extensions.get::<Self>().cloned().unwrap_or_else(|| {
            let observer = Observer::new(&Settings::default());
            let origin = RequestOrigin { id: 0, address: Ipv4Addr::UNSPECIFIED.into() };
            Self(Arc::new(Notes { observer, origin, miner_id: OnceLock::new() }))
        }))
    }
}

/// Notes the request and its response.
pub(super) async fn observe(
    State(observer): State<Observer>,
    mut request: Request,
    next: Next,
) -> Response {
    let started = Instant::now();
    let address: IpAddr =
        client_address(request.headers(), request.extensions(), observer.behind_proxy);
    let origin = RequestOrigin { id: rand::random(), address };
    let notes = RequestNotes(Arc::new(Notes { observer, origin, miner_id: OnceLock::new() }));
    let route = request.extensions().get::<MatchedPath>().cloned();
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    if let Some(miner_id) = route.as_ref().and_then(|route| id_in(route.as_str(), &path)) {
        notes.about(&miner_id);
    }
    request.extensions_mut().insert(notes.clone());
    let response = next.run(request).await;
    let problem =
        response.extensions().get::<ReportedProblem>().and_then(|problem| problem.0.kind());
    let status = response.status().as_u16();
    let Notes { observer, miner_id, .. } = &*notes.0;
    if let Some(problem) = problem {
        observer.metrics.reported(problem);
        if matches!(problem, ProblemKind::TokenWrong | ProblemKind::AuthorizationMalformed) {
            notes.audit(AuditEvent::TokenRefused { miner_id: miner_id.get().cloned(), problem });
        }
    }
    let route_label = route
        .as_ref()
        .map_or(LabelText::Fixed("none"), |route| LabelText::Route(route.as_str().into()));
    let labels = RequestLabels {
        method: LabelText::Fixed(method_label(&method)),
        route: route_label,
        status: LabelText::Fixed(status_label(status)),
    };
    observer.metrics.answered(&labels, started.elapsed());
    let record = AccessRecord {
        origin,
        method,
        route,
        path,
        status,
        bytes: 0,
        duration: started.elapsed(),
        miner_id: miner_id.get().cloned(),
        problem,
    };
    let observer = observer.clone();
    response.map(|body| Body::new(CountedBody { body, started, observer, record: Some(record) }))
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

/// A body whose bytes are counted. The request is logged when it ends, whether the client has read all of it or is gone.
struct CountedBody {
    body: Body,
    started: Instant,
    observer: Observer,
    record: Option<AccessRecord>,
}

impl HttpBody for CountedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        if let (Some(Ok(frame)), Some(record)) = (&frame, &mut self.record) {
            record.bytes += frame.data_ref().map_or(0, |data| data.len() as u64);
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

impl Drop for CountedBody {
    fn drop(&mut self) {
        if let Some(mut record) = self.record.take() {
            record.duration = self.started.elapsed();
            self.observer.metrics.sent_bytes.inc_by(record.bytes);
            self.observer.log.put(LogEntry::Request(record));
        }
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
