//! Authentication: the owner of an id by the token of its first upload, the validator by the token that the
//! operator has set.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use subtle::ConstantTimeEq as _;
use tasks::Sha256;

use super::app::App;
use super::problem::ProblemResponse;
use crate::api::ProblemKind;

/// Returns the request's bearer token, if it has one.
pub(super) fn bearer(headers: &HeaderMap) -> Result<Option<String>, ProblemResponse> {
    let Some(value) = headers.get(header::AUTHORIZATION) else { return Ok(None) };
    let text = value.to_str().unwrap_or_default();
    match text.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => {
            Ok(Some(token.trim().to_owned()))
        }
        _ => Err(ProblemResponse::unauthorized(
            ProblemKind::AuthorizationMalformed,
            "malformed Authorization header: expected `Authorization: Bearer TOKEN`",
        )),
    }
}

/// Proof that the request carries the validator token. As a handler's argument before the body it keeps the
/// body of an unauthorized request, which may be large, from being read.
pub(super) struct ValidatorAuth;

impl FromRequestParts<App> for ValidatorAuth {
    type Rejection = ProblemResponse;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ProblemResponse> {
        let Some(expected) = &app.settings.validator_token else {
            return Err(ProblemResponse::new(
                ProblemKind::ValidatorTokenUnset,
                "this platform has no validator token: its operator sets one with \
                 ARENA_VALIDATOR_TOKEN or --validator-token-file",
            ));
        };
        let Some(token) = bearer(&parts.headers)? else {
            return Err(ProblemResponse::unauthorized(
                ProblemKind::TokenMissing,
                "requires the validator token: send `Authorization: Bearer TOKEN`",
            ));
        };
        // Digests have equal lengths, so that not even the token's length can be measured.
        let (given, expected) = (Sha256::of(token.as_bytes()), Sha256::of(expected.as_bytes()));
        if given.as_str().as_bytes().ct_eq(expected.as_str().as_bytes()).into() {
            Ok(Self)
        } else {
            Err(ProblemResponse::unauthorized(
                ProblemKind::TokenWrong,
                "this is not the validator token",
            ))
        }
    }
}
