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
use crate::store::AgentMeta;

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
        if is_validator(expected, &token) {
            Ok(Self)
        } else {
            Err(ProblemResponse::unauthorized(
                ProblemKind::TokenWrong,
                "this is not the validator token",
            ))
        }
    }
}

/// Refuses a request that carries neither the token of the agent's owner nor the validator token.
pub(super) fn check_owner_or_validator(
    app: &App,
    agent: &AgentMeta,
    token: Option<&str>,
) -> Result<(), ProblemResponse> {
    let Some(token) = token else {
        return Err(ProblemResponse::unauthorized(
            ProblemKind::TokenMissing,
            format!(
                "requires the token of '{}' or the validator token: send `Authorization: Bearer TOKEN`",
                agent.miner_id
            ),
        ));
    };
    let validator = app.settings.validator_token.as_ref();
    if agent.is_owned_by(token) || validator.is_some_and(|expected| is_validator(expected, token)) {
        return Ok(());
    }
    Err(ProblemResponse::unauthorized(
        ProblemKind::TokenWrong,
        format!("this is neither the token of '{}' nor the validator token", agent.miner_id),
    ))
}

/// Returns whether a token is the validator's.
fn is_validator(expected: &str, given: &str) -> bool {
    // Digests have equal lengths, so that not even the token's length can be measured.
    let (given, expected) = (Sha256::of(given.as_bytes()), Sha256::of(expected.as_bytes()));
    given.as_str().as_bytes().ct_eq(expected.as_str().as_bytes()).into()
}
