//! What the providers speak: their wire formats, and what their servers support.

use harness::gateway::provider::ProviderKind;

use super::anthropic::Anthropic;
use super::dialect::{LimitField, WireDialect};
use super::gemini::Gemini;
use super::openai::OpenAi;
use super::wire::WireFormat;

pub(super) fn wire_format(kind: ProviderKind) -> Box<dyn WireFormat> {
    match kind {
        ProviderKind::Anthropic => Box::new(Anthropic),
        ProviderKind::Gemini => Box::new(Gemini),
        _ => Box::new(OpenAi),
    }
}

/// What a provider's servers support, unless they report otherwise.
pub(super) const fn dialect(kind: ProviderKind) -> WireDialect {
    WireDialect::complete(match kind {
        ProviderKind::OpenAi => LimitField::MaxCompletionTokens,
        _ => LimitField::MaxTokens,
    })
}
