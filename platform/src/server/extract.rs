//! Extractors whose rejections are problem documents.

use std::net::IpAddr;

use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::header;
use axum::http::request::Parts;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde::de::DeserializeOwned;
use utoipa::IntoParams;

use super::app::App;
use super::client_address::client_address;
use super::problem::ProblemResponse;
use crate::api::ProblemKind;

mod json;
mod parameters;

/// The variable segment of the path.
pub(super) struct PathSegment(pub(super) String);

impl FromRequestParts<App> for PathSegment {
    type Rejection = ProblemResponse;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ProblemResponse> {
        let path = Path::<String>::from_request_parts(parts, app).await;
        // A path that is not UTF-8 names nothing.
        path.map(|Path(name)| Self(name)).map_err(|_| {
            ProblemResponse::new(ProblemKind::NotFound, "not found: the path is not UTF-8")
        })
    }
}

/// The parameters after `?` in the URL.
pub(super) struct QueryParams<T>(pub(super) T);

impl<T: DeserializeOwned + IntoParams> FromRequestParts<App> for QueryParams<T> {
    type Rejection = ProblemResponse;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, ProblemResponse> {
        let query = Query::<T>::try_from_uri(&parts.uri);
        query.map(|Query(query)| Self(query)).map_err(|_| {
            let detail = parameters::refusal::<T>(parts.uri.query().unwrap_or_default());
            ProblemResponse::new(ProblemKind::ParameterInvalid, detail)
        })
    }
}

/// A body of JSON.
pub(super) struct JsonBody<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<App> for JsonBody<T> {
    type Rejection = ProblemResponse;

    async fn from_request(request: Request, app: &App) -> Result<Self, ProblemResponse> {
        let is_json = request.headers().get(header::CONTENT_TYPE).is_some_and(|kind| {
            let kind = kind.to_str().unwrap_or_default().split(';').next().unwrap_or_default();
            kind.trim().eq_ignore_ascii_case("application/json")
        });
        if !is_json {
            let detail = "expected a body of JSON: send it with Content-Type: application/json";
            return Err(ProblemResponse::new(ProblemKind::MediaTypeUnsupported, detail));
        }
        let most = app.settings.limits.document_bytes;
        let bytes = Limited::new(request.into_body(), most).collect().await.map_err(|error| {
            if error.is::<LengthLimitError>() {
                let detail = format!(
                    "the document is too large: the maximum is {most} bytes; the operator can raise it with \
                     --max-document-size"
                );
                return ProblemResponse::new(ProblemKind::BodyTooLarge, detail);
            }
            ProblemResponse::new(ProblemKind::BodyMalformed, "the body ends early: send it again")
        })?;
        json::parse(&bytes.to_bytes()).map(Self)
    }
}

/// The address of the client, for the quotas.
pub(super) struct ClientAddress(pub(super) IpAddr);

impl FromRequestParts<App> for ClientAddress {
    type Rejection = ProblemResponse;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ProblemResponse> {
        let behind_proxy = app.settings.behind_proxy;
        Ok(Self(client_address(&parts.headers, &parts.extensions, behind_proxy)))
    }
}
