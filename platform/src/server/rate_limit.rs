//! The headers that state a client's quotas (`RateLimit-Policy` and `RateLimit` of draft-ietf-httpapi-ratelimit-headers),
//! so that a program can slow down before it is refused.

use axum::http::header::HeaderValue;
use axum::http::{HeaderName, Method, StatusCode};
use axum::response::Response;

use super::observe::RequestNotes;
use super::quota::{QuotaMeters, QuotaState};

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const LIMIT: HeaderName = HeaderName::from_static("ratelimit");

/// The operations that use quotas.
const METERED: [(Method, &str); 3] = [
    (Method::POST, "/upload/agent"),
    (Method::POST, "/agents/{miner_id}/token"),
    (Method::DELETE, "/agents/{miner_id}"),
];

/// States the quotas of the client in the responses of the routes that use them.
pub(super) fn announce(meters: &QuotaMeters, notes: &RequestNotes, response: &mut Response) {
    let is_metered =
        METERED.iter().any(|(method, route)| *route == notes.route() && method == notes.method());
    if !is_metered {
        return;
    }
    // Only its owner learns how often an agent was uploaded within the hour.
    let is_owner =
        response.status().is_success() || response.status() == StatusCode::TOO_MANY_REQUESTS;
    let miner_id = notes.miner_id().filter(|_| is_owner);
    let states = meters.states(notes.address(), miner_id);
    response.headers_mut().insert(POLICY, list(&states, policy_of));
    response.headers_mut().insert(LIMIT, list(&states, limit_of));
}

/// `"uploads";q=1200;w=3600`: the quota per window in seconds.
fn policy_of(state: &QuotaState) -> String {
    format!("\"{}\";q={};w={}", state.name, state.quota, state.window.as_secs())
}

/// `"uploads";r=1199;t=3`: what remains, and the seconds until all of it does.
fn limit_of(state: &QuotaState) -> String {
    let full_in_s = state.full_in.as_millis().div_ceil(1_000);
    format!("\"{}\";r={};t={full_in_s}", state.name, state.remaining)
}

fn list(states: &[QuotaState], item: impl Fn(&QuotaState) -> String) -> HeaderValue {
    let items: Vec<_> = states.iter().map(item).collect();
    HeaderValue::from_str(&items.join(", ")).expect("names and numbers are a valid value")
}
