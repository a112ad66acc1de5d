//! The address of a client, for the quotas and the log. Behind a proxy it is the one that the proxy names.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::http::{Extensions, HeaderMap};

/// The remote address of a connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct PeerAddress(pub(super) IpAddr);

/// Returns the address of the client of a request with these headers and extensions.
pub(super) fn client_address(
    headers: &HeaderMap,
    extensions: &Extensions,
    behind_proxy: bool,
) -> IpAddr {
    // Of the entries that a chain of proxies has written, only the last comes from the trusted proxy.
    let forwarded = || {
        let last = headers.get_all("x-forwarded-for").iter().next_back()?;
        address_in(last.to_str().ok()?.rsplit(',').next()?.trim())
    };
    let forwarded = if behind_proxy { forwarded() } else { None };
    let peer = || extensions.get::<PeerAddress>().map(|PeerAddress(address)| *address);
    forwarded.or_else(peer).unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
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
