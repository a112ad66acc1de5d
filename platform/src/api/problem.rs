//! The body of every error of the API.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The anchor of a kind's description on the page of the API, before its name.
const ANCHOR: &str = "problem-";

/// An error of the API as a problem document (RFC 9457, `application/problem+json`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "server", schema(as = Problem, examples(json!({
    "type": "/reference#problem-source-refused", "title": "The file is not accepted", "status": 422,
    "detail": "line 1, column 8: requests is not in the standard library; use urllib.request",
    "violations": [{
        "line": 1, "column": 8,
        "reason": "requests is not in the standard library; use urllib.request"
    }]
}))))]
pub struct ProblemDocument {
    /// The kind of problem: the URL of its description.
    #[serde(rename = "type")]
    pub type_url: String,
    /// The kind of problem in a few words.
    pub title: String,
    /// The status code.
    pub status: u16,
    /// What is wrong, and what to change.
    pub detail: String,
    /// Every violation in a submitted file.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub violations: Vec<Violation>,
}

impl ProblemDocument {
    /// Returns the kind of problem, unless a newer version of the platform has sent one that this version does not know.
    pub fn kind(&self) -> Option<ProblemKind> {
        let (_, anchor) = self.type_url.split_once('#')?;
        let name = anchor.strip_prefix(ANCHOR)?;
        ProblemKind::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// Every kind of problem that the API reports. Programs decide by it what to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ProblemKind {
    /// A parameter of the URL is not one of its values.
    ParameterInvalid,
    /// The body is not what its media type says.
    BodyMalformed,
    /// The `Authorization` header is malformed.
    AuthorizationMalformed,
    /// The request requires a token.
    TokenMissing,
    /// The token does not grant this.
    TokenWrong,
    /// The platform has no validator token.
    ValidatorTokenUnset,
    /// A page of another site sent the request.
    CrossSite,
    /// There is nothing at this URL.
    NotFound,
    /// No agent is stored under this id.
    AgentUnknown,
    /// The agent has no such version.
    VersionUnknown,
    /// There is no such task.
    TaskUnknown,
    /// There is no such round.
    RoundUnknown,
    /// No results of the agent are published.
    ResultsUnknown,
    /// There has been no round yet.
    NoRoundYet,
    /// The URL has other methods.
    MethodNotAllowed,
    /// The server has no form of the document that the client accepts.
    NotAcceptable,
    /// The request took too long.
    RequestTimeout,
    /// The state of the platform excludes the change.
    Conflict,
    /// The body is too large.
    BodyTooLarge,
    /// The body has another media type than the operation takes.
    MediaTypeUnsupported,
    /// The body is compressed.
    CompressedBody,
    /// The parts of an upload are not those that it needs.
    FormInvalid,
    /// The text is not a miner id.
    MinerIdInvalid,
    /// The submitted file breaks rules.
    SourceRefused,
    /// The published document contradicts itself or the platform.
    ContentRefused,
    /// A quota is used up.
    QuotaExceeded,
    /// The server failed.
    Internal,
    /// The store cannot be used.
    StorageUnavailable,
    /// The server has no capacity for the request.
    Overloaded,
    /// The store's disk is full.
    StorageFull,
}

impl ProblemKind {
    /// All kinds, in the order of their status codes.
    pub const ALL: [Self; 30] = [
        Self::ParameterInvalid,
        Self::BodyMalformed,
        Self::AuthorizationMalformed,
        Self::TokenMissing,
        Self::TokenWrong,
        Self::ValidatorTokenUnset,
        Self::CrossSite,
        Self::NotFound,
        Self::AgentUnknown,
        Self::VersionUnknown,
        Self::TaskUnknown,
        Self::RoundUnknown,
        Self::ResultsUnknown,
        Self::NoRoundYet,
        Self::MethodNotAllowed,
        Self::NotAcceptable,
        Self::RequestTimeout,
        Self::Conflict,
        Self::BodyTooLarge,
        Self::MediaTypeUnsupported,
        Self::CompressedBody,
        Self::FormInvalid,
        Self::MinerIdInvalid,
        Self::SourceRefused,
        Self::ContentRefused,
        Self::QuotaExceeded,
        Self::Internal,
        Self::StorageUnavailable,
        Self::Overloaded,
        Self::StorageFull,
    ];

    /// The name of the kind, such as `token-wrong`, in URLs, logs and metrics.
    pub const fn name(self) -> &'static str {
        self.facts().name
    }

    /// The status code of a response with a problem of this kind.
    pub const fn status(self) -> u16 {
        self.facts().status
    }

    /// The kind in a few words.
    pub const fn title(self) -> &'static str {
        self.facts().title
    }

    /// What the client can do about it.
    pub const fn remedy(self) -> &'static str {
        self.facts().remedy
    }

    /// The anchor of its description on the page of the API, such as `problem-token-wrong`.
    pub fn anchor(self) -> String {
        format!("{ANCHOR}{}", self.name())
    }

    /// The path of its description on the platform.
    pub fn path(self) -> String {
        format!("/reference#{}", self.anchor())
    }

    #[rustfmt::skip]
    const fn facts(self) -> ProblemFacts {
        let (status, name, title, remedy) = match self {
            Self::ParameterInvalid => (400, "parameter-invalid", "A parameter is not valid", "`detail` names the parameter and the values that it takes."),
            Self::BodyMalformed => (400, "body-malformed", "The body is malformed", "`detail` says where. Send it again if it was cut on the way."),
            Self::AuthorizationMalformed => (401, "authorization-malformed", "The Authorization header is malformed", "Send `Authorization: Bearer TOKEN`."),
            Self::TokenMissing => (401, "token-missing", "A token is required", "Send the token of the first upload, or the validator's, as `detail` says."),
            Self::TokenWrong => (401, "token-wrong", "The token is wrong", "Send the token that belongs to the id. If it is lost, the operator can issue a new one."),
            Self::ValidatorTokenUnset => (403, "validator-token-unset", "The platform has no validator token", "Its operator has to set one."),
            Self::CrossSite => (403, "cross-site", "A page of another site sent the request", "Send it from the platform's own page or from a program."),
            Self::NotFound => (404, "not-found", "There is nothing at this URL", "See the list of operations."),
            Self::AgentUnknown => (404, "agent-unknown", "There is no such agent", "List the agents with `GET /agents`."),
            Self::VersionUnknown => (404, "version-unknown", "There is no such version of the agent", "List its versions with `GET /agents/{miner_id}`."),
            Self::TaskUnknown => (404, "task-unknown", "There is no such task", "List the tasks with `GET /tasks`."),
            Self::RoundUnknown => (404, "round-unknown", "There is no such round", "List the rounds with `GET /rounds`."),
            Self::ResultsUnknown => (404, "results-unknown", "No results of the agent are published", "Wait until it is judged. The results of the latest rounds alone are kept."),
            Self::NoRoundYet => (404, "no-round-yet", "There has been no round yet", "Try again after the first round."),
            Self::MethodNotAllowed => (405, "method-not-allowed", "The URL has other methods", "The `Allow` header lists them."),
            Self::NotAcceptable => (406, "not-acceptable", "There is no form of the document that the client accepts", "Change the `Accept` header."),
            Self::RequestTimeout => (408, "request-timeout", "The request took too long", "Nothing was changed. Send it again."),
            Self::Conflict => (409, "conflict", "The state of the platform excludes the change", "`detail` says what is in the way."),
            Self::BodyTooLarge => (413, "body-too-large", "The body is too large", "`detail` states the maximum."),
            Self::MediaTypeUnsupported => (415, "media-type-unsupported", "The media type of the body is another one", "`detail` names the expected one."),
            Self::CompressedBody => (415, "compressed-body", "The body is compressed", "Send it without `Content-Encoding`."),
            Self::FormInvalid => (422, "form-invalid", "The parts of the upload are not the expected ones", "`detail` names the part."),
            Self::MinerIdInvalid => (422, "miner-id-invalid", "The text is not a miner id", "Choose 1 to 64 of a-z, 0-9, _ and -, starting with a letter or a digit."),
            Self::SourceRefused => (422, "source-refused", "The file is not accepted", "`violations` lists every line and reason."),
            Self::ContentRefused => (422, "content-refused", "The published document is not accepted", "`detail` lists the first contradictions in it."),
            Self::QuotaExceeded => (429, "quota-exceeded", "A quota is used up", "Wait as many seconds as `Retry-After` says."),
            Self::Internal => (500, "internal", "Internal server error", "Report the `X-Request-Id` of the response to the operator."),
            Self::StorageUnavailable => (503, "storage-unavailable", "The store cannot be used", "Nothing was changed. Try again after `Retry-After` seconds."),
            Self::Overloaded => (503, "overloaded", "The server has no capacity for the request", "Try again after `Retry-After` seconds."),
            Self::StorageFull => (507, "storage-full", "The platform's disk is full", "Nothing was changed. Try again later."),
        };
        ProblemFacts { status, name, title, remedy }
    }
}

/// What is fixed about a kind of problem.
struct ProblemFacts {
    status: u16,
    name: &'static str,
    title: &'static str,
    remedy: &'static str,
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn kinds_are_complete_unique_and_found_by_their_url() {
        let names: BTreeSet<_> = ProblemKind::ALL.map(ProblemKind::name).into();
        assert_eq!(names.len(), ProblemKind::ALL.len());
        // The last one in the declaration has the index of the last one in the list.
        assert_eq!(ProblemKind::StorageFull as usize + 1, ProblemKind::ALL.len());
        assert!(ProblemKind::ALL.is_sorted_by_key(|kind| kind.status()));
        for kind in ProblemKind::ALL {
            let document = |type_url: String| ProblemDocument {
                type_url,
                title: kind.title().into(),
                status: kind.status(),
                detail: String::new(),
                violations: Vec::new(),
            };
            assert_eq!(document(kind.path()).kind(), Some(kind));
            let absolute = format!("https://arena.example/a{}", kind.path());
            assert_eq!(document(absolute).kind(), Some(kind));
            assert_eq!(document(format!("{}-er", kind.path())).kind(), None);
            assert!(kind.remedy().ends_with('.'), "{kind:?}");
        }
    }
}
