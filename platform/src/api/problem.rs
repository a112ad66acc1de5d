//! The body of every error of the API.

use std::fmt;

use serde::{Deserialize, Serialize};

/// An error of the API as a problem document (RFC 9457, `application/problem+json`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "server", schema(as = Problem, examples(json!({
    "type": "about:blank", "title": "Unprocessable Content", "status": 422,
    "detail": "line 1, column 8: requests is not in the standard library; use urllib.request",
    "violations": [{
        "line": 1, "column": 8,
        "reason": "requests is not in the standard library; use urllib.request"
    }]
}))))]
pub struct ProblemDocument {
    /// Always `about:blank`: the status code states the kind of problem.
    #[serde(rename = "type")]
    pub kind: String,
    /// The reason phrase of the status code.
    pub title: String,
    /// The status code.
    pub status: u16,
    /// What is wrong, and what to change.
    pub detail: String,
    /// Every violation in a submitted file.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub violations: Vec<Violation>,
}

/// One rule that a submitted file breaks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct Violation {
    /// One-based line.
    pub line: usize,
    /// One-based character within the line.
    pub column: usize,
    /// What is wrong, and what to do.
    pub reason: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {}", self.line, self.column, self.reason)
    }
}
