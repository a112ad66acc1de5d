//! What the wire formats of the providers have in common: a request goes out as JSON, an answer comes back in
//! pieces of JSON, and all of them add up to the same few things.

use serde_json::Value;

use super::failure::Failure;
use crate::secret::Secret;
use crate::source::{Ask, Flaw, Usage};

/// One provider's way to ask and to answer.
pub(super) trait Wire: Send + Sync {
    /// The path below the base address, the headers with the key, and the body.
    fn request(&self, model: &str, ask: &Ask<'_>, key: Option<&Secret>) -> Request;

    /// Takes in one event of a stream, or all of an answer that came in one piece.
    fn take(&self, event: &Value, so_far: &mut SoFar) -> Result<(), Failure>;
}

/// A request, but for the address that the path is joined to.
pub(super) struct Request {
    pub path: String,
    pub headers: Vec<(&'static str, String)>,
    pub body: Value,
}

/// What of an answer has come in.
#[derive(Debug, Default)]
pub(super) struct SoFar {
    pub text: String,
    /// Bytes of thoughts that are not part of the answer.
    pub thought_bytes: usize,
    pub usage: Option<Usage>,
    pub flaw: Option<Flaw>,
    /// The provider said that this is all.
    pub ended: bool,
    /// Nothing comes after this, not even a count of tokens. Some servers leave the connection open all the same.
    pub last: bool,
}

impl SoFar {
    /// What the provider calls a failure within an answer.
    pub(super) fn fail(error: &Value) -> Failure {
        let text = |name: &str| error[name].as_str().unwrap_or_default().to_owned();
        let kinds = [text("type"), text("status"), text("code")].join(" ");
        let passing = ["overload", "rate", "server", "unavailable", "timeout", "internal"];
        let message = match error.as_str() {
            Some(message) => message.to_owned(),
            None => text("message"),
        };
        let lower = kinds.to_ascii_lowercase();
        let code = error["code"].as_u64().unwrap_or(0);
        let passes = passing.iter().any(|word| lower.contains(word)) || code == 429 || code >= 500;
        Failure::within_answer(&message, passes)
    }

    /// Sets the counts that this part of an answer tells.
    pub(super) fn count(&mut self, input: Option<u64>, output: Option<u64>) {
        if input.is_some() || output.is_some() {
            let usage = self.usage.get_or_insert_default();
            usage.input_tokens = input.unwrap_or(usage.input_tokens);
            usage.output_tokens = output.unwrap_or(usage.output_tokens);
        }
    }
}
