//! What handlers take from a request, with refusals that are problem documents.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::extract::{FromRequestParts, Path};
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use super::App;
use super::accept::Peer;
use super::problem::Refusal;

/// The one part of the path that varies.
pub(super) struct Name(pub(super) String);

impl FromRequestParts<App> for Name {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Refusal> {
        let path = Path::<String>::from_request_parts(parts, app).await;
        // Bytes that are no text name nothing here.
        path.map(|Path(name)| Self(name)).map_err(|_| {
            Refusal::new(StatusCode::NOT_FOUND, "there is nothing here: the address is not UTF-8")
        })
    }
}

/// The part of the address after `?`.
pub(super) struct Query<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequestParts<App> for Query<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Refusal> {
        let query = axum::extract::Query::<T>::from_request_parts(parts, app).await;
        query
            .map(|axum::extract::Query(query)| Self(query))
            .map_err(|rejection| Refusal::new(StatusCode::BAD_REQUEST, rejection.body_text()))
    }
}

/// Who is asking, for the quotas.
pub(super) struct Client(pub(super) IpAddr);

impl FromRequestParts<App> for Client {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Refusal> {
        // Of what a chain of proxies has written, only the last entry is our own proxy's word.
        let forwarded = || {
            let last = parts.headers.get_all("x-forwarded-for").iter().next_back()?;
            address_in(last.to_str().ok()?.rsplit(',').next()?.trim())
        };
        let told = if app.settings.behind_proxy { forwarded() } else { None };
        let peer = || parts.extensions.get::<Peer>().map(|Peer(address)| *address);
        Ok(Self(told.or_else(peer).unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED))))
    }
}

/// The address in an entry of `X-Forwarded-For`. Some proxies add the port, and some write an IPv4 address
/// as an IPv6 one: all of those are in one network, and would share one ration.
fn address_in(entry: &str) -> Option<IpAddr> {
    let bare = entry.strip_prefix('[').and_then(|entry| entry.strip_suffix(']')).unwrap_or(entry);
    let address = bare.parse().or_else(|_| entry.parse().map(|address: SocketAddr| address.ip()));
    address.ok().map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_found_however_a_proxy_writes_it() {
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
