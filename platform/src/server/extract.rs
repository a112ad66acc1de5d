//! Extractors whose rejections are problem documents.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::extract::{FromRequestParts, Path};
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use super::accept::PeerAddress;
use super::app::App;
use super::problem::ProblemResponse;

/// The variable segment of the path.
pub(super) struct PathSegment(pub(super) String);

impl FromRequestParts<App> for PathSegment {
    type Rejection = ProblemResponse;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ProblemResponse> {
        let path = Path::<String>::from_request_parts(parts, app).await;
        // A path that is not UTF-8 names nothing.
        path.map(|Path(name)| Self(name)).map_err(|_| {
            ProblemResponse::new(StatusCode::NOT_FOUND, "not found: the path is not UTF-8")
        })
    }
}

/// The parameters after `?` in the URL.
pub(super) struct QueryParams<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequestParts<App> for QueryParams<T> {
    type Rejection = ProblemResponse;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ProblemResponse> {
        let query = axum::extract::Query::<T>::from_request_parts(parts, app).await;
        query.map(|axum::extract::Query(query)| Self(query)).map_err(|rejection| {
            ProblemResponse::new(StatusCode::BAD_REQUEST, rejection.body_text())
        })
    }
}

/// The address of the client, for the quotas.
pub(super) struct ClientAddress(pub(super) IpAddr);

impl FromRequestParts<App> for ClientAddress {
    type Rejection = ProblemResponse;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ProblemResponse> {
        // Of the entries that a chain of proxies has written, only the last comes from the trusted proxy.
        let forwarded = || {
            let last = parts.headers.get_all("x-forwarded-for").iter().next_back()?;
            address_in(last.to_str().ok()?.rsplit(',').next()?.trim())
        };
        let forwarded = if app.settings.behind_proxy { forwarded() } else { None };
        let peer = || parts.extensions.get::<PeerAddress>().map(|PeerAddress(address)| *address);
        Ok(Self(forwarded.or_else(peer).unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED))))
    }
}

/// The address in an entry of `X-Forwarded-For`. Some proxies add the port, and some map IPv4 addresses into
/// one IPv6 network, where all clients would share one quota.
fn address_in(entry: &str) -> Option<IpAddr> {
    let bare = entry.strip_prefix('[').and_then(|entry| entry.strip_suffix(']')).unwrap_or(entry);
    let address = bare.parse().or_else(|_| entry.parse().map(|address: SocketAddr| address.ip()));
    address.ok().map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_addresses_in_every_form_that_proxies_write() {
        let check = |entry: &str, expected: Option<&str>| {
            let expected = expected.map(|address| address.parse().unwrap());
            assert_eq!(address_in(entry), expected, "{entry}");
        };
        check("203.0.113.5", Some("203.0.113.5"));
        check("203.0.113.5:5678", Some("203.0.113.5"));
        check("2001:db8::1", Some("2001:db8::1"));
        check("[2001:db8::1]:80", Some("2001:db8::1"));
        check("[2001:db8::1]", Some("2001:db8::1"));
        check("::ffff:203.0.113.5", Some("203.0.113.5"));
        check("[::ffff:203.0.113.5]:80", Some("203.0.113.5"));
        check("unknown", None);
    }
}
