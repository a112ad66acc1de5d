//! The form of a response that a request asks for, by `?format=` or by `Accept`.

use axum::extract::FromRequestParts;
use axum::http::header::{self, HeaderValue};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use utoipa::IntoParams;

use super::problem::ProblemResponse;
use super::response_format::ResponseFormat;
use crate::api::ProblemKind;

/// The form of a response, by `?format=` or else by `Accept`.
pub(super) struct Negotiated(pub(super) ResponseFormat);

impl<S: Sync> FromRequestParts<S> for Negotiated {
    type Rejection = ProblemResponse;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ProblemResponse> {
        let query = parts.uri.query().unwrap_or_default();
        let named = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "format");
        let Some((_, name)) = named else {
            return Ok(Self(ResponseFormat::accepted(&parts.headers)));
        };
        ResponseFormat::parse(&name).map(Self).ok_or_else(|| {
            let detail =
                format!("`format` is '{}': expected json, html or csv", name.escape_debug());
            ProblemResponse::new(ProblemKind::ParameterInvalid, detail)
        })
    }
}

/// The form of a response that is not a table, by name. It precedes `Accept`.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "only its description is used; `Negotiated` reads it")]
pub(super) struct FormatQuery {
    /// `json` or `html`; by the Accept header if it is left out
    #[param(pattern = "^(json|html)$")]
    format: Option<String>,
}

/// The form of a response, by name. It precedes `Accept`.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "only its description is used; `Negotiated` reads it")]
pub(super) struct TableFormatQuery {
    /// `json`, `html` or `csv`; by the Accept header if it is left out
    #[param(pattern = "^(json|html|csv)$")]
    format: Option<String>,
}

/// Marks a response as one of several that the URL has, for caches.
pub(super) fn varies(response: impl IntoResponse) -> Response {
    let mut response = response.into_response();
    response.headers_mut().append(header::VARY, HeaderValue::from_static("accept"));
    response
}

/// Refuses a form that a resource does not have.
pub(super) fn no_csv() -> ProblemResponse {
    ProblemResponse::new(ProblemKind::ParameterInvalid, "`format` is 'csv': expected json or html")
}
