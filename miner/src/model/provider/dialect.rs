//! The parts of a wire format that a server may not support. Its error responses reveal them.

use reqwest::StatusCode;

use super::failure;

/// What a server supports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct WireDialect {
    /// The name of the token limit in `OpenAI`'s format.
    pub limit: LimitField,
    /// Whether a stream may be asked to end with token counts.
    pub stream_options: bool,
    /// Whether a conversation may have system messages.
    pub system_role: bool,
    /// Whether the base URL lacks the API version `v1`.
    pub adds_version: bool,
}

/// The names of the token limit: `OpenAI` rejects the older one, and others know only that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LimitField {
    MaxCompletionTokens,
    MaxTokens,
}

impl LimitField {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::MaxCompletionTokens => "max_completion_tokens",
            Self::MaxTokens => "max_tokens",
        }
    }

    const fn other(self) -> Self {
        match self {
            Self::MaxCompletionTokens => Self::MaxTokens,
            Self::MaxTokens => Self::MaxCompletionTokens,
        }
    }
}

impl WireDialect {
    /// Everything is supported.
    pub(super) const fn complete(limit: LimitField) -> Self {
        Self { limit, stream_options: true, system_role: true, adds_version: false }
    }

    /// Adapts to an error response. Returns whether anything changed, so that the request is worth repeating.
    pub(super) fn adapt(&mut self, status: StatusCode, body: &[u8]) -> bool {
        let before = self.clone();
        let text = String::from_utf8_lossy(body).to_ascii_lowercase();
        let mentions = |words: &[&str]| words.iter().any(|word| text.contains(word));
        match status.as_u16() {
            // An unknown path, unless the server knows the path and not the model.
            404 | 405 if !mentions(&["model"]) => self.adds_version = true,
            400 | 422 if failure::exceeds_context(&text) => {}
            400 | 422 | 500 => {
                if mentions(&["stream_options"]) {
                    self.stream_options = false;
                } else if mentions(&["max_completion_tokens"]) {
                    self.limit = self.limit.other();
                } else if mentions(&[
                    "system role",
                    "roles must alternate",
                    "developer instruction",
                ]) || mentions(&["system"]) && mentions(&["role"])
                {
                    self.system_role = false;
                }
            }
            _ => {}
        }
        *self != before
    }
}
