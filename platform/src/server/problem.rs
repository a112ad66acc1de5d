//! The error responses of the API: RFC 9457 problem documents whose `detail` says what to change.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Body;
use axum::http::StatusCode;
use axum::http::header::{self, HeaderName, HeaderValue};
use axum::response::{AppendHeaders, IntoResponse, Response};
use utoipa::IntoResponses;
use utoipa::openapi::response::Response as ResponseDescription;
use utoipa::openapi::{ContentBuilder, Ref, RefOr, ResponseBuilder};

use super::page::{self, Frame};
use super::public_url::PublicUrl;
use super::response_format::ResponseFormat;
use crate::api::{ParseMinerIdError, ProblemDocument, ProblemKind, Violation};
use crate::store::StoreError;

/// The media type of a problem document.
const PROBLEM_JSON: &str = "application/problem+json";

/// How many seconds a client should wait before it asks a failing store again.
const RETRY_AFTER_S: u64 = 30;

/// A response that reports an error.
#[derive(Debug)]
pub(super) struct ProblemResponse {
    problem: Box<ProblemDocument>,
    headers: Vec<(HeaderName, HeaderValue)>,
    operator_message: Option<String>,
}

/// A message for the operator only, with paths and causes. It travels with the response to the place where it
/// is logged.
#[derive(Clone, Debug)]
pub(super) struct OperatorMessage(pub(super) String);

impl ProblemResponse {
    pub(super) fn new(kind: ProblemKind, detail: impl Into<String>) -> Self {
        let problem = ProblemDocument {
            type_url: kind.path(),
            title: kind.title().into(),
            status: kind.status(),
            detail: detail.into(),
            violations: Vec::new(),
        };
        Self { problem: Box::new(problem), headers: Vec::new(), operator_message: None }
    }

    /// The submitted file breaks rules.
    pub(super) fn violations(violations: Vec<Violation>) -> Self {
        let detail = match violations.as_slice() {
            [only] => only.to_string(),
            [first, rest @ ..] => format!("{first} (and {} more violations)", rest.len()),
            [] => "the file is not accepted".to_owned(),
        };
        let mut response = Self::new(ProblemKind::SourceRefused, detail);
        response.problem.violations = violations;
        response
    }

    /// The text is not the id of a miner, in a place where only an id can name something.
    pub(super) fn not_an_id(error: &ParseMinerIdError) -> Self {
        Self::new(ProblemKind::AgentUnknown, error.to_string())
    }

    /// The token is missing, malformed or wrong.
    pub(super) fn unauthorized(kind: ProblemKind, detail: impl Into<String>) -> Self {
        Self::new(kind, detail).with(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
    }

    /// The server failed; its log has the cause.
    pub(super) fn internal() -> Self {
        Self::new(ProblemKind::Internal, "internal server error")
    }

    /// The store cannot be written, whatever the cause.
    pub(super) fn unwritable(error: &StoreError) -> Self {
        let detail = "the store cannot be written; the operator has been notified";
        let mut response = Self::new(ProblemKind::StorageUnavailable, detail)
            .with(header::RETRY_AFTER, RETRY_AFTER_S.into());
        response.operator_message = Some(error.to_string());
        response
    }

    fn refused_token(kind: ProblemKind, error: &StoreError) -> Self {
        let detail =
            format!("{error}; the token goes into the header `Authorization: Bearer TOKEN`");
        Self::unauthorized(kind, detail)
    }

    #[cfg(test)]
    pub(super) fn kind(&self) -> Option<ProblemKind> {
        self.problem.kind()
    }

    #[cfg(test)]
    pub(super) fn detail(&self) -> &str {
        &self.problem.detail
    }

    pub(super) fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }
}

impl From<StoreError> for ProblemResponse {
    fn from(error: StoreError) -> Self {
        match &error {
            StoreError::TokenMissing(_) => Self::refused_token(ProblemKind::TokenMissing, &error),
            StoreError::TokenWrong(_) => Self::refused_token(ProblemKind::TokenWrong, &error),
            StoreError::Round(_) => Self::new(ProblemKind::Conflict, error.to_string()),
            StoreError::Unknown(_) => Self::new(ProblemKind::AgentUnknown, error.to_string()),
            StoreError::Io { .. } | StoreError::Damaged { .. } => {
                let response = if error.is_full() {
                    let detail =
                        "the platform's disk is full; nothing was changed; try again later";
                    Self::new(ProblemKind::StorageFull, detail)
                } else {
                    let detail = "storage unavailable; the operator has been notified; nothing was \
                                  changed; try again later";
                    Self::new(ProblemKind::StorageUnavailable, detail)
                };
                let mut response = response.with(header::RETRY_AFTER, RETRY_AFTER_S.into());
                response.operator_message = Some(error.to_string());
                response
            }
        }
    }
}

/// Every operation may fail, so each describes these responses.
impl IntoResponses for ProblemResponse {
    fn responses() -> BTreeMap<String, RefOr<ResponseDescription>> {
        let described = |status: &str, description: &str| {
            let problem = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem")));
            let response = ResponseBuilder::new()
                .description(description)
                .content(PROBLEM_JSON, problem.build());
            (status.to_owned(), response.build().into())
        };
        BTreeMap::from([
            described("4XX", "The request has to be changed; `detail` says how"),
            described("5XX", "The platform failed; try again later"),
        ])
    }
}

/// The response has no body yet: [`write_problem`] writes it, which knows where the kinds of problems are described.
impl IntoResponse for ProblemResponse {
    fn into_response(self) -> Response {
        let status =
            StatusCode::from_u16(self.problem.status).expect("it was made from a status code");
        let mut response = (status, AppendHeaders(self.headers)).into_response();
        let extensions = response.extensions_mut();
        extensions.insert(ReportedProblem(self.problem.into()));
        if let Some(message) = self.operator_message {
            extensions.insert(OperatorMessage(message));
        }
        response
    }
}

/// The problem that a response reports.
#[derive(Clone, Debug)]
pub(super) struct ReportedProblem(pub(super) Arc<ProblemDocument>);

/// Where problems are described and shown.
#[derive(Clone, Copy, Debug)]
pub(super) struct ProblemSite<'a> {
    /// Where the kinds of problems are described.
    pub(super) public_url: &'a PublicUrl,
    /// Where the pages are, with an address for commands.
    pub(super) pages: &'a PublicUrl,
}

/// Writes the body of a response that reports a problem: a document, or a page for browsers.
pub(super) fn write_problem(
    ProblemSite { public_url, pages }: ProblemSite<'_>,
    format: ResponseFormat,
    response: &mut Response,
) {
    let Some(ReportedProblem(problem)) = response.extensions().get().cloned() else { return };
    let mut problem = ProblemDocument::clone(&problem);
    problem.type_url = public_url.url_to(&problem.type_url);
    let (kind, body) = match format {
        ResponseFormat::Html => {
            let frame = Frame { site: pages, title: &problem.title, live: false };
            let page = page::layout(frame, &page::problem(pages, &problem)).into_string();
            ("text/html; charset=utf-8", page.into_bytes())
        }
        _ => (PROBLEM_JSON, serde_json::to_vec(&problem).expect("a problem is plain data")),
    };
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response.extensions_mut().insert(ReportedProblem(problem.into()));
    *response.body_mut() = Body::from(body);
}
