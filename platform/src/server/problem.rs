//! The error responses of the API: RFC 9457 problem documents whose `detail` says what to change.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use axum::http::header::{self, HeaderName, HeaderValue};
use axum::response::{AppendHeaders, IntoResponse, Response};
use utoipa::IntoResponses;
use utoipa::openapi::response::Response as ResponseDescription;
use utoipa::openapi::{ContentBuilder, Ref, RefOr, ResponseBuilder};

use crate::api::{ProblemDocument, Violation};
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
    pub(super) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        let problem = ProblemDocument {
            kind: "about:blank".into(),
            title: status.canonical_reason().unwrap_or("Unknown").into(),
            status: status.as_u16(),
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
        let mut response = Self::new(StatusCode::UNPROCESSABLE_ENTITY, detail);
        response.problem.violations = violations;
        response
    }

    /// The request requires a token.
    pub(super) fn unauthorized(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, detail)
            .with(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
    }

    /// The server failed; its log has the cause.
    pub(super) fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal server error")
    }

    pub(super) fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }
}

impl From<StoreError> for ProblemResponse {
    fn from(error: StoreError) -> Self {
        match &error {
            StoreError::TokenMissing(_) | StoreError::TokenWrong(_) => Self::unauthorized(format!(
                "{error}; the token goes into the header `Authorization: Bearer TOKEN`"
            )),
            StoreError::Round(_) => Self::new(StatusCode::CONFLICT, error.to_string()),
            StoreError::Unknown(_) => Self::new(StatusCode::NOT_FOUND, error.to_string()),
            StoreError::Io { .. } | StoreError::Damaged { .. } => {
                let response = if error.is_full() {
                    let detail =
                        "the platform's disk is full; nothing was changed; try again later";
                    Self::new(StatusCode::INSUFFICIENT_STORAGE, detail)
                } else {
                    let detail = "storage unavailable; the operator has been notified; nothing was \
                                  changed; try again later";
                    Self::new(StatusCode::SERVICE_UNAVAILABLE, detail)
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

impl IntoResponse for ProblemResponse {
    fn into_response(self) -> Response {
        let status =
            StatusCode::from_u16(self.problem.status).expect("it was made from a status code");
        let body = serde_json::to_vec(&*self.problem).expect("a problem is plain data");
        let kind = HeaderValue::from_static(PROBLEM_JSON);
        let headers = AppendHeaders(self.headers);
        let mut response = (status, headers, [(header::CONTENT_TYPE, kind)], body).into_response();
        if let Some(message) = self.operator_message {
            response.extensions_mut().insert(OperatorMessage(message));
        }
        response
    }
}
