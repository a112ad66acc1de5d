//! The value of `--model`: a provider and one of its models, a recording, or a sample.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use harness::gateway::api_key::ApiKey;
use harness::gateway::provider::ProviderKind;

use super::provider::{Provider, ProviderOptions, RequestPolicy};
use super::replay::ReplaySource;
use super::sample::SampleModel;
use super::source::{AnswerSource, AnswerSourceError};

/// What writes the answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ModelSpec {
    /// Built-in answers, without a model.
    Sample(SampleModel),
    /// The recording in this directory.
    Replay(PathBuf),
    /// A model behind HTTP: its provider and its name.
    Provider(ProviderKind, String),
}

/// How a model is reached.
#[derive(Clone, Debug, Default)]
pub struct ModelAccess {
    /// Address of the API, instead of the provider's own.
    pub base_url: Option<String>,
    /// File with the key, instead of the provider's environment variable.
    pub key_file: Option<PathBuf>,
    /// Timeouts and retries.
    pub policy: RequestPolicy,
}

/// Number of tasks that a remote provider works on at the same time by default. Its rate limits allow that many.
const REMOTE_JOBS: usize = 8;

impl ModelSpec {
    /// The number of tasks to work on at the same time, unless the miner states one. A server on the miner's machine
    /// may serve one request at a time, and a recording or a sample answers at once.
    pub const fn default_jobs(&self) -> usize {
        match self {
            Self::Provider(kind, _) if kind.needs_key() => REMOTE_JOBS,
            _ => 1,
        }
    }

    /// Opens the source. Missing keys and invalid settings are reported here, before anything is asked.
    pub fn open(&self, access: &ModelAccess) -> Result<Box<dyn AnswerSource>, AnswerSourceError> {
        Ok(match self {
            Self::Sample(sample) => Box::new(*sample),
            Self::Replay(directory) => Box::new(ReplaySource::open(directory)?),
            Self::Provider(kind, model) => {
                let unusable =
                    |error: &dyn fmt::Display| AnswerSourceError::Unusable(error.to_string());
                let key = match &access.key_file {
                    Some(file) => Some(ApiKey::from_file(file).map_err(|error| unusable(&error))?),
                    None => ApiKey::from_environment(kind.key_variables()),
                };
                let base_url = access.base_url.clone();
                let policy = access.policy.clone();
                let options = ProviderOptions { base_url, key, policy };
                Box::new(Provider::new(*kind, model, options)?)
            }
        })
    }
}

impl fmt::Display for ModelSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sample(sample) => write!(f, "sample:{sample}"),
            Self::Replay(directory) => write!(f, "replay:{}", directory.display()),
            Self::Provider(kind, model) => write!(f, "{kind}:{model}"),
        }
    }
}

/// The text does not name a model.
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
                Err(ParseModelError("`replay:` needs a directory: write replay:DIR".to_owned()))
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
    fn parses_and_displays_model_names() {
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
    fn asks_remote_providers_about_several_tasks_at_once() {
        for (model, jobs) in [
            ("openai:m", 8),
            ("gemini:m", 8),
            ("ollama:m", 1),
            ("vllm:m", 1),
            ("replay:a", 1),
            ("sample:good", 1),
        ] {
            assert_eq!(model.parse::<ModelSpec>().unwrap().default_jobs(), jobs, "{model}");
        }
    }

    #[test]
    fn reports_missing_settings() {
        let error = |kind, model: &str| {
            let opened = Provider::new(kind, model, ProviderOptions::default());
            opened.err().unwrap().to_string()
        };
        assert!(error(ProviderKind::Ollama, "").contains("ollama:qwen3"));
        for kind in ProviderKind::ALL.into_iter().filter(|kind| kind.needs_key()) {
            let error = error(kind, "m");
            assert!(error.contains(kind.key_variables()[0]), "{error}");
            assert!(error.contains("--model sample:good works without one"), "{error}");
        }
        let access =
            ModelAccess { key_file: Some("/nowhere/key".into()), ..ModelAccess::default() };
        let spec = ModelSpec::Provider(ProviderKind::OpenAi, "m".into());
        let error = spec.open(&access).err().unwrap().to_string();
        assert!(error.contains("/nowhere/key"), "{error}");
    }
}
