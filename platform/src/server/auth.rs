//! Who asks: the owner of an id, by the token of its first upload, or the validator, by the token that
//! the operator has set.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use subtle::ConstantTimeEq as _;
use tasks::Sha256;

use super::App;
use super::problem::Refusal;

/// The token that came with the request, if one did.
pub(super) fn bearer(headers: &HeaderMap) -> Result<Option<String>, Refusal> {
    let Some(value) = headers.get(header::AUTHORIZATION) else { return Ok(None) };
    let text = value.to_str().unwrap_or_default();
    match text.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => {
            Ok(Some(token.trim().to_owned()))
        }
        _ => Err(Refusal::unauthorized(
            "the Authorization header is not understood: `Authorization: Bearer TOKEN` is wanted",
        )),
    }
}

/// Who has brought the validator's token. As a handler's argument before the body it keeps strangers'
/// bodies, which may be large there, from being read at all.
pub(super) struct Validator;

impl FromRequestParts<App> for Validator {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Refusal> {
        let Some(expected) = &app.settings.validator_token else {
            return Err(Refusal::new(
                StatusCode::FORBIDDEN,
                "this platform has no validator token: its operator sets one with \
                 BITSEC_VALIDATOR_TOKEN or --validator-token-file",
            ));
        };
        let Some(token) = bearer(&parts.headers)? else {
            return Err(Refusal::unauthorized(
                "the validator's token is wanted in the header `Authorization: Bearer TOKEN`",
            ));
        };
        // Digests have one length, so that not even the token's length can be measured.
        let (given, expected) = (Sha256::of(token.as_bytes()), Sha256::of(expected.as_bytes()));
        if given.as_str().as_bytes().ct_eq(expected.as_str().as_bytes()).into() {
            Ok(Self)
        } else {
            Err(Refusal::unauthorized("this is not the validator's token"))
        }
    }
}
