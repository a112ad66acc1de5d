//! The model of a round: which one, with which parameters, and what it may cost.

use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;
use tasks::Sha256;

use super::api_key::ApiKey;
use super::base_url::{self, BaseUrl};
use super::budget::{ModelBudget, TokenPrices};
use super::provider::ProviderKind;
use super::request::{Dialect, ModelParameters};
use crate::choice::choices;

/// Version of what agents get: the fields that cross, the limits, the headers. It is part of the key of every trial
/// record with a model.
const GATEWAY_VERSION: u32 = 1;

/// Where responses come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ModelMode {
    /// From the provider.
    #[default]
    Live,
    /// From the provider, and each one is kept as a recording.
    Record,
    /// From recordings alone, without a key and without a network.
    Replay,
}

choices!(ModelMode, "a mode", Live: "live", Record: "record", Replay: "replay");

/// The model that agents of a round may ask.
#[derive(Clone, Debug)]
pub struct ModelSettings {
    /// Its provider
    pub provider: ProviderKind,
    /// What the host decides about every request
    pub parameters: ModelParameters,
    /// Address of the API
    pub base_url: BaseUrl,
    /// The key, if there is one
    pub key: Option<ApiKey>,
    /// Prices of tokens; 0 if none is stated
    pub prices: TokenPrices,
    /// What a trial may spend
    pub trial_budget: ModelBudget,
    /// What all trials of the round together may spend
    pub round_budget: ModelBudget,
    /// Wall-clock time of an agent, in place of its usual limit
    pub agent_time: Duration,
    /// Requests of the round that the provider works on at the same time
    pub jobs: usize,
    /// How long the provider may fail before the round gives up
    pub patience: Duration,
    /// How long the provider may be silent before a request counts as failed
    pub silence: Duration,
    /// Where responses come from
    pub mode: ModelMode,
    /// Directory of recordings, for `record` and `replay`
    pub recordings: Option<PathBuf>,
}

impl ModelSettings {
    /// A model without a key and prices, with the limits that hold unless a validator states others.
    pub fn new(provider: ProviderKind, model: &str, base_url: BaseUrl) -> Self {
        let limit_field = match provider {
            ProviderKind::OpenAi => "max_completion_tokens",
            _ => "max_tokens",
        };
        Self {
            provider,
            parameters: ModelParameters {
                model: model.to_owned(),
                max_output_tokens: 8192,
                temperature: None,
                seed: None,
                limit_field,
            },
            base_url,
            key: None,
            prices: TokenPrices::default(),
            trial_budget: ModelBudget::TRIAL,
            round_budget: ModelBudget::default(),
            agent_time: Duration::from_mins(5),
            jobs: 16,
            patience: Duration::from_mins(10),
            silence: Duration::from_mins(3),
            mode: ModelMode::Live,
            recordings: None,
        }
    }

    /// The dialects that the provider speaks. Every one has an endpoint for the chat dialect.
    pub const fn speaks(&self, dialect: Dialect) -> bool {
        match dialect {
            Dialect::Chat => true,
            Dialect::Messages => matches!(
                self.provider,
                ProviderKind::Anthropic | ProviderKind::Ollama | ProviderKind::LlamaCpp
            ),
        }
    }

    /// The model's name, as in `--model`.
    pub fn name(&self) -> String {
        format!("{}:{}", self.provider, self.parameters.model)
    }

    /// The name with the digest of everything that decides what an agent gets from it, as `NAME@DIGEST`. It is part of
    /// the round and of the keys of its trial records. Where responses come from decides nothing.
    pub fn pinned(&self) -> String {
        #[derive(Serialize)]
        struct Decisive<'a> {
            version: u32,
            name: String,
            address: String,
            parameters: &'a ModelParameters,
            prices: TokenPrices,
            budget: ModelBudget,
            agent_ms: u128,
        }
        let decisive = Decisive {
            version: GATEWAY_VERSION,
            name: self.name(),
            address: base_url::shown(&self.base_url.join("", None)),
            parameters: &self.parameters,
            prices: self.prices,
            budget: self.trial_budget,
            agent_ms: self.agent_time.as_millis(),
        };
        let text = serde_json::to_vec(&decisive).expect("settings are plain data");
        format!("{}@{}", self.name(), Sha256::of(&text))
    }
}
