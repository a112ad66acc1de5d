//! The forms of a response: a page for browsers, JSON for programs, a table for spreadsheets.

use axum::http::HeaderMap;
use axum::http::header;

/// A form of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ResponseFormat {
    Json,
    Html,
    Csv,
}

impl ResponseFormat {
    /// In the order of preference where a client accepts several equally.
    const ALL: [(Self, &'static str, &'static str); 3] = [
        (Self::Json, "json", "application/json"),
        (Self::Html, "html", "text/html"),
        (Self::Csv, "csv", "text/csv"),
    ];

    /// The form that a client prefers by its `Accept`. JSON without one, and for a client that accepts none of them.
    pub(super) fn accepted(headers: &HeaderMap) -> Self {
        let lists = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
        let ranges: Vec<_> =
            lists.flat_map(|list| list.split(',')).map(MediaRange::parse).collect();
        let mut best = (Self::Json, 0.0);
        for (format, _, kind) in Self::ALL {
            let weight = weight(&ranges, kind);
            if weight > best.1 {
                best = (format, weight);
            }
        }
        best.0
    }

    /// The form in a URL.
    pub(super) fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, name, _)| *name == text).map(|(format, ..)| *format)
    }
}

/// One entry of `Accept`.
struct MediaRange<'a> {
    kind: &'a str,
    weight: f64,
}

impl<'a> MediaRange<'a> {
    pub(super) fn parse(text: &'a str) -> Self {
        let mut parts = text.split(';').map(str::trim);
        let kind = parts.next().unwrap_or_default();
        let weight =
            parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
        Self { kind, weight: weight.map_or(Some(1.0), |weight| weight.parse().ok()).unwrap_or(0.0) }
    }
}

/// The weight of the most specific range that a media type is in.
fn weight(ranges: &[MediaRange<'_>], kind: &str) -> f64 {
    let group = kind.split_once('/').map_or(kind, |(group, _)| group);
    let all = format!("{group}/*");
    let of = |wanted: &str| ranges.iter().find(|range| range.kind.eq_ignore_ascii_case(wanted));
    of(kind).or_else(|| of(&all)).or_else(|| of("*/*")).map_or(0.0, |range| range.weight)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chooses_what_the_client_prefers() {
        let check = |accept: Option<&str>, expected| {
            let mut headers = HeaderMap::new();
            if let Some(accept) = accept {
                headers.insert(header::ACCEPT, accept.parse().unwrap());
            }
            assert_eq!(ResponseFormat::accepted(&headers), expected, "{accept:?}");
        };
        check(None, ResponseFormat::Json);
        check(Some("*/*"), ResponseFormat::Json);
        check(Some("application/json, text/html"), ResponseFormat::Json);
        check(Some("image/png"), ResponseFormat::Json);
        check(Some("text/*"), ResponseFormat::Html);
        check(Some("text/csv"), ResponseFormat::Csv);
        check(Some("text/csv;q=0.5, application/json;q=0.1"), ResponseFormat::Csv);
        check(Some("TEXT/HTML;charset=utf-8;q=0.2,application/json;q=0"), ResponseFormat::Html);
        let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
        check(Some(browser), ResponseFormat::Html);
    }
}
