//! Every error of the API, as an RFC 9457 problem document whose `detail` says what to change.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::http::StatusCode;
use axum::http::header::{self, HeaderName, HeaderValue};
use axum::http::response::Parts;
use axum::response::{AppendHeaders, IntoResponse, Response};
use utoipa::IntoResponses;
use utoipa::openapi::response::Response as Described;
use utoipa::openapi::{ContentBuilder, Ref, RefOr, ResponseBuilder};

use crate::api::Problem;
use crate::store::StoreError;
use crate::validation::Finding;

/// An answer that is not the one that was asked for.
#[derive(Debug)]
pub(super) struct Refusal {
    problem: Box<Problem>,
    headers: Vec<(HeaderName, HeaderValue)>,
    for_operator: Option<String>,
}

/// What the operator should know and the reader should not: paths, causes. Travels with the answer to
/// where it is printed.
#[derive(Clone, Debug)]
pub(super) struct ForOperator(pub(super) String);

impl Refusal {
    pub(super) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        let problem = Problem {
            kind: "about:blank".into(),
            title: status.canonical_reason().unwrap_or("Unknown").into(),
            status: status.as_u16(),
            detail: detail.into(),
            findings: Vec::new(),
        };
        Self { problem: Box::new(problem), headers: Vec::new(), for_operator: None }
    }

    /// The submitted file cannot be taken.
    pub(super) fn findings(findings: Vec<Finding>) -> Self {
        let detail = match findings.as_slice() {
            [only] => only.to_string(),
            [first, rest @ ..] => format!("{first} (and {} more findings)", rest.len()),
            [] => "the file cannot be taken".to_owned(),
        };
        let mut refusal = Self::new(StatusCode::UNPROCESSABLE_ENTITY, detail);
        refusal.problem.findings = findings;
        refusal
    }

    /// A token is wanted.
    pub(super) fn unauthorized(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, detail)
            .with(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
    }

    pub(super) fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    fn telling_operator(mut self, message: String) -> Self {
        self.for_operator = Some(message);
        self
    }
}

/// What an error calls itself, after RFC 9457.
const PROBLEM_JSON: &str = "application/problem+json";

/// How long to wait before asking a store in trouble again.
const RETRY_AFTER_S: u64 = 30;

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        match &error {
            StoreError::TokenMissing(_) | StoreError::TokenWrong(_) => Self::unauthorized(format!(
                "{error}; the token goes into the header `Authorization: Bearer TOKEN`"
            )),
            StoreError::Unknown(_) => Self::new(StatusCode::NOT_FOUND, error.to_string()),
            StoreError::Io { .. } | StoreError::Damaged { .. } => {
                let refusal = if error.is_full() {
                    let detail =
                        "the platform's disk is full and nothing was stored: try again later";
                    Self::new(StatusCode::INSUFFICIENT_STORAGE, detail)
                } else {
                    let detail = "the platform's store is in trouble, its operator has been told, and \
                                  nothing was changed: try again later";
                    Self::new(StatusCode::SERVICE_UNAVAILABLE, detail)
                };
                refusal
                    .with(header::RETRY_AFTER, RETRY_AFTER_S.into())
                    .telling_operator(error.to_string())
            }
        }
    }
}

/// Any operation may be refused, so each describes this among its answers.
impl IntoResponses for Refusal {
    fn responses() -> BTreeMap<String, RefOr<Described>> {
        let described = |status: &str, description: &str| {
            let problem = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem")));
            let response = ResponseBuilder::new()
                .description(description)
                .content(PROBLEM_JSON, problem.build());
            (status.to_owned(), response.build().into())
        };
        BTreeMap::from([
            described("4XX", "What to change"),
            described("5XX", "The platform's own fault: try again later"),
        ])
    }
}

impl Refusal {
    /// The answer, with its whole body.
    pub(super) fn into_parts(self) -> (Parts, Vec<u8>) {
        let status =
            StatusCode::from_u16(self.problem.status).expect("it was made from a status code");
        let body = serde_json::to_vec(&*self.problem).expect("a problem is plain data");
        let kind = HeaderValue::from_static(PROBLEM_JSON);
        let headers = AppendHeaders(self.headers);
        let mut response = (status, headers, [(header::CONTENT_TYPE, kind)]).into_response();
        if let Some(message) = self.for_operator {
            response.extensions_mut().insert(ForOperator(message));
        }
        (response.into_parts().0, body)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (parts, body) = self.into_parts();
        Response::from_parts(parts, Body::from(body))
    }
}
