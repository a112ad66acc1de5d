//! Where clients reach the server, which it cannot know itself: a proxy in front of it may have another name, TLS, and
//! serve it below a path.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use reqwest::Url;

/// The public address of a platform: `https://HOST[:PORT][/PATH]`, or only the path below which a proxy serves it. The
/// default is the root of an unknown host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PublicUrl {
    /// Scheme, host and port, such as `https://arena.example`.
    origin: Option<String>,
    /// Empty, or a path such as `/arena`, without a slash at its end.
    path: String,
}

impl PublicUrl {
    /// The prefix of every link in a page: empty, or a path such as `/arena`, without a slash at its end.
    pub fn base_path(&self) -> &str {
        &self.path
    }

    /// Returns the link to a path of the server, such as `/tasks`, for a document that is read on this server.
    pub fn path_to(&self, path: &str) -> String {
        format!("{}{path}", self.path)
    }

    /// Returns the URL of a path of the server, such as `/tasks`, for a document that may be read elsewhere. It has a host
    /// if that is known.
    pub fn url_to(&self, path: &str) -> String {
        format!("{}{}{path}", self.origin.as_deref().unwrap_or_default(), self.path)
    }

    /// The same address, with the one that the server listens on in place of an unknown host. It is for commands that are
    /// pasted where the page is read.
    #[must_use]
    pub(super) fn or_at(self, address: SocketAddr) -> Self {
        let host = match address.ip() {
            ip if ip.is_unspecified() => "127.0.0.1".to_owned(),
            IpAddr::V4(ip) => ip.to_string(),
            IpAddr::V6(ip) => format!("[{ip}]"),
        };
        let listening = || format!("http://{host}:{}", address.port());
        Self { origin: Some(self.origin.unwrap_or_else(listening)), ..self }
    }

    /// Scheme, host and port, such as `https://arena.example`, if they are known.
    pub fn origin(&self) -> Option<&str> {
        self.origin.as_deref()
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.url_to("/"))
    }
}

/// The text is not a public address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0}; expected https://HOST/PATH, or only the /PATH below which a proxy serves the platform"
)]
pub struct ParsePublicUrlError(String);

impl FromStr for PublicUrl {
    type Err = ParsePublicUrlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_path = text.starts_with('/') && !text.starts_with("//");
        let whole = if is_path { format!("http://host{text}") } else { text.to_owned() };
        let url = Url::parse(&whole).map_err(|error| ParsePublicUrlError(error.to_string()))?;
        let wrong = |reason: &str| Err(ParsePublicUrlError(reason.to_owned()));
        if !matches!(url.scheme(), "http" | "https") {
            return wrong(&format!("'{}' is not http or https", url.scheme()));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return wrong("a public address has no user name and no password");
        }
        if url.query().is_some() || url.fragment().is_some() {
            return wrong("a public address has no '?' and no '#'");
        }
        let origin = (!is_path).then(|| url.origin().ascii_serialization());
        Ok(Self { origin, path: url.path().trim_end_matches('/').to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_urls_and_paths() {
        let check = |text: &str, path: &str, url: &str| {
            let parsed: PublicUrl = text.parse().unwrap();
            assert_eq!(parsed.path_to("/tasks"), path, "{text}");
            assert_eq!(parsed.url_to("/tasks"), url, "{text}");
        };
        check("https://arena.example", "/tasks", "https://arena.example/tasks");
        check("HTTPS://Arena.example:443/", "/tasks", "https://arena.example/tasks");
        check("http://[::1]:8080/a/b//", "/a/b/tasks", "http://[::1]:8080/a/b/tasks");
        check("/", "/tasks", "/tasks");
        check("/arena/", "/arena/tasks", "/arena/tasks");
        check("/a\"b<c", "/a%22b%3Cc/tasks", "/a%22b%3Cc/tasks");
        check("/a/../..", "/tasks", "/tasks");
        assert_eq!(PublicUrl::default(), "/".parse().unwrap());
    }

    #[test]
    fn unknown_host_is_the_one_that_the_server_listens_on() {
        let check = |url: &str, address: &str, expected: &str| {
            let url: PublicUrl = url.parse().unwrap();
            assert_eq!(url.or_at(address.parse().unwrap()).url_to("/tasks"), expected);
        };
        check("/arena", "127.0.0.1:80", "http://127.0.0.1:80/arena/tasks");
        check("/", "0.0.0.0:7878", "http://127.0.0.1:7878/tasks");
        check("/", "[::1]:7878", "http://[::1]:7878/tasks");
        check("https://arena.example", "127.0.0.1:80", "https://arena.example/tasks");
    }

    #[test]
    fn refuses_what_is_not_an_address() {
        let check = |text: &str, part: &str| {
            let error = text.parse::<PublicUrl>().unwrap_err().to_string();
            assert!(error.contains(part) && error.contains("https://HOST/PATH"), "{text}: {error}");
        };
        check("", "relative URL");
        check("arena.example", "relative URL");
        check("//arena.example", "relative URL");
        check("ftp://arena.example", "'ftp'");
        check("https://me:secret@arena.example", "no user name");
        check("https://arena.example/?a", "no '?'");
        check("/arena#top", "no '#'");
    }
}
