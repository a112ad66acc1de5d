//! The URLs of requests, below the base URL of an API.

use reqwest::Url;

/// The base URL of an API, with or without a version, a trailing slash and a query.
#[derive(Clone, Debug)]
pub struct BaseUrl(Url);

/// The text is not the address of an API.
#[derive(Debug, thiserror::Error)]
#[error("--base-url is not a URL: {0}")]
pub struct BaseUrlError(String);

impl BaseUrl {
    /// Parses an address of the scheme http or https.
    pub fn parse(address: &str) -> Result<Self, BaseUrlError> {
        let url = Url::parse(address).map_err(|error| BaseUrlError(error.to_string()))?;
        match url.scheme() {
            "http" | "https" => Ok(Self(url)),
            scheme => Err(BaseUrlError(format!("'{scheme}' is not http or https"))),
        }
    }

    /// Returns whether the path names a version of the API, such as `v1`.
    pub fn has_version(&self) -> bool {
        self.0.path().split('/').any(|segment| {
            segment
                .strip_prefix('v')
                .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
        })
    }

    /// The URL of a request. Parts of the request's path that the base URL ends with are not repeated, and the query
    /// of the base URL is kept: Azure has the API version there.
    pub fn join(&self, request_path: &str, request_query: Option<&str>) -> Url {
        let mut url = self.0.clone();
        let base = self.0.path().trim_end_matches('/');
        let first = request_path.split('/').next().unwrap_or_default();
        let path = if base.ends_with(&format!("/{request_path}")) {
            base.to_owned()
        } else if base.ends_with(&format!("/{first}")) {
            format!("{base}{}", &request_path[first.len()..])
        } else {
            format!("{base}/{request_path}")
        };
        url.set_path(&path);
        if let Some(query) = request_query {
            let query = url.query().map_or(query.to_owned(), |base| format!("{base}&{query}"));
            url.set_query(Some(&query));
        }
        url
    }
}

/// A URL without the parts that may hold secrets: user, password and query.
pub fn shown(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    // An http URL can have a user, so removing it does not fail.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.to_string()
}
