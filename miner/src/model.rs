//! What `--model` names: a provider and one of its models, a recording, or a sample.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::secret::Secret;
use crate::source::provider::{Patience, Provider, ProviderKind};
use crate::source::replay::Replay;
use crate::source::sample::Sample;
use crate::source::{Source, SourceError};

/// Who writes the answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ModelSpec {
    /// Answers that need no model.
    Sample(Sample),
    /// Answers that were recorded into this folder.
    Replay(PathBuf),
    /// A model behind HTTP.
    Provider(ProviderKind, String),
}

impl ModelSpec {
    /// Makes the source ready. What it needs and is not there is said here, before anything is asked. The key
    /// comes from `key_file`, or else from the provider's environment variable.
    pub fn open(
        &self,
        base_url: Option<&str>,
        key_file: Option<&Path>,
        patience: Patience,
    ) -> Result<Box<dyn Source>, SourceError> {
        Ok(match self {
            Self::Sample(sample) => Box::new(*sample),
            Self::Replay(folder) => Box::new(Replay::open(folder)?),
            Self::Provider(kind, model) => {
                let key = match key_file {
                    Some(file) => Some(Secret::from_file(file).map_err(SourceError::Unusable)?),
                    None => Secret::from_environment(kind.key_variables()),
                };
                Box::new(Provider::new(*kind, model, base_url, key, patience)?)
            }
        })
    }
}

impl fmt::Display for ModelSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sample(sample) => write!(f, "sample:{sample}"),
            Self::Replay(folder) => write!(f, "replay:{}", folder.display()),
            Self::Provider(kind, model) => write!(f, "{kind}:{model}"),
        }
    }
}

/// The text names no model.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ParseModelError(String);

impl FromStr for ModelSpec {
    type Err = ParseModelError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (provider, name) = text.split_once(':').unwrap_or((text, ""));
        match provider {
            "sample" => {
                name.parse().map(Self::Sample).map_err(|error| ParseModelError(error.to_string()))
            }
            "replay" if name.is_empty() => {
                Err(ParseModelError("replay: wants a folder, as in replay:DIR".to_owned()))
            }
            "replay" => Ok(Self::Replay(name.into())),
            _ => match provider.parse() {
                Ok(kind) => Ok(Self::Provider(kind, name.to_owned())),
                Err(error) => {
                    let known = ProviderKind::ALL.map(ProviderKind::as_str).join(", ");
                    Err(ParseModelError(format!(
                        "{error}: write PROVIDER:NAME with one of {known}, or replay:DIR, or \
                         sample:good, sample:partial, sample:bad"
                    )))
                }
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_named_as_it_is_written() {
        for text in ["sample:good", "replay:a/b", "openai:gpt-5", "ollama:qwen3:8b", "gemini:x"] {
            assert_eq!(text.parse::<ModelSpec>().unwrap().to_string(), text);
        }
        let check = |text: &str, part: &str| {
            let error = text.parse::<ModelSpec>().unwrap_err().to_string();
            assert!(error.contains(part), "{text}: {error}");
        };
        check("sample:perfect", "sample:good");
        check("gpt-5", "openai");
        check("", "anthropic");
        check("replay:", "replay:DIR");
    }

    #[test]
    fn what_is_missing_is_said_in_one_sentence() {
        let model = |kind| Provider::new(kind, "", None, None, Patience::STANDARD);
        let error = model(ProviderKind::Ollama).err().unwrap().to_string();
        assert!(error.contains("ollama:qwen3"), "{error}");
        for kind in ProviderKind::ALL.into_iter().filter(|kind| kind.needs_key()) {
            let opened = Provider::new(kind, "m", None, None, Patience::STANDARD);
            let error = opened.err().unwrap().to_string();
            assert!(error.contains(kind.key_variables()[0]), "{error}");
            assert!(error.contains("--model sample:good works without one"), "{error}");
        }
        let file = Path::new("/nowhere/key");
        let spec = ModelSpec::Provider(ProviderKind::OpenAi, "m".into());
        let error = spec.open(None, Some(file), Patience::STANDARD).err().unwrap().to_string();
        assert!(error.contains("/nowhere/key"), "{error}");
    }
}
