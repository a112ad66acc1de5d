//! What `--model` names: a provider and one of its models, or a sample.

use std::fmt;
use std::str::FromStr;

use crate::source::sample::Sample;
use crate::source::{Source, SourceError};

/// Who writes the answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ModelSpec {
    /// Answers that need no model.
    Sample(Sample),
}

impl ModelSpec {
    /// Makes the source ready. What it needs and is not there is said here, before anything is asked.
    pub fn open(&self, _base_url: Option<&str>) -> Result<Box<dyn Source>, SourceError> {
        match self {
            Self::Sample(sample) => Ok(Box::new(*sample)),
        }
    }
}

impl fmt::Display for ModelSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sample(sample) => write!(f, "sample:{sample}"),
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
            _ => {
                Err(ParseModelError(format!("there is no provider '{}'", provider.escape_debug())))
            }
        }
    }
}
