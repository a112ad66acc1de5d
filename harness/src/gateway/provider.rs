//! The providers by name: their addresses and keys. Whatever asks a model takes them from here.

use std::fmt;
use std::str::FromStr;

/// A provider of models.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProviderKind {
    /// `OpenAI`, or with `--base-url` any compatible API.
    OpenAi,
    /// `OpenRouter`
    OpenRouter,
    /// Anthropic
    Anthropic,
    /// Google's Gemini
    Gemini,
    /// Ollama on this machine
    Ollama,
    /// `llama.cpp`'s server on this machine
    LlamaCpp,
    /// vLLM on this machine
    Vllm,
    /// LM Studio on this machine
    LmStudio,
}

/// The properties of a provider.
struct ProviderFacts {
    name: &'static str,
    base_url: &'static str,
    key_variables: &'static [&'static str],
    needs_key: bool,
    example_model: &'static str,
}

impl ProviderKind {
    /// Every provider.
    pub const ALL: [Self; 8] = [
        Self::OpenAi,
        Self::OpenRouter,
        Self::Anthropic,
        Self::Gemini,
        Self::Ollama,
        Self::LlamaCpp,
        Self::Vllm,
        Self::LmStudio,
    ];

    const fn facts(self) -> ProviderFacts {
        match self {
            Self::OpenAi => ProviderFacts {
                name: "openai",
                base_url: "https://api.openai.com/v1",
                key_variables: &["OPENAI_API_KEY"],
                needs_key: true,
                example_model: "gpt-4.1-mini",
            },
            Self::OpenRouter => ProviderFacts {
                name: "openrouter",
                base_url: "https://openrouter.ai/api/v1",
                key_variables: &["OPENROUTER_API_KEY"],
                needs_key: true,
                example_model: "qwen/qwen3-coder",
            },
            Self::Anthropic => ProviderFacts {
                name: "anthropic",
                base_url: "https://api.anthropic.com",
                key_variables: &["ANTHROPIC_API_KEY"],
                needs_key: true,
                example_model: "claude-sonnet-4-5",
            },
            Self::Gemini => ProviderFacts {
                name: "gemini",
                base_url: "https://generativelanguage.googleapis.com",
                key_variables: &["GEMINI_API_KEY", "GOOGLE_API_KEY"],
                needs_key: true,
                example_model: "gemini-2.5-flash",
            },
            Self::Ollama => local("ollama", "http://127.0.0.1:11434/v1"),
            Self::LlamaCpp => local("llamacpp", "http://127.0.0.1:8080/v1"),
            Self::Vllm => local("vllm", "http://127.0.0.1:8000/v1"),
            Self::LmStudio => local("lmstudio", "http://127.0.0.1:1234/v1"),
        }
    }

    /// The word before the colon in `--model`.
    pub const fn as_str(self) -> &'static str {
        self.facts().name
    }

    /// Address of its API, without `--base-url`.
    pub const fn base_url(self) -> &'static str {
        self.facts().base_url
    }

    /// The environment variables that may hold its key.
    pub const fn key_variables(self) -> &'static [&'static str] {
        self.facts().key_variables
    }

    /// Returns whether it requires a key.
    pub const fn needs_key(self) -> bool {
        self.facts().needs_key
    }

    /// The name of one of its models, for messages.
    pub const fn example_model(self) -> &'static str {
        self.facts().example_model
    }
}

/// A server on this machine. Few require a key; it has a variable of its own, so that the key of a remote
/// provider is never sent to a local port.
const fn local(name: &'static str, base_url: &'static str) -> ProviderFacts {
    let key_variables = &["LOCAL_API_KEY"];
    ProviderFacts { name, base_url, key_variables, needs_key: false, example_model: "qwen3" }
}

impl fmt::Display for ProviderKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The text does not name a provider.
#[derive(Debug, thiserror::Error)]
#[error("unknown provider '{}'", .0.escape_debug())]
pub struct ParseProviderError(String);

impl FromStr for ProviderKind {
    type Err = ParseProviderError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|kind| kind.as_str() == text);
        found.ok_or_else(|| ParseProviderError(text.to_owned()))
    }
}
