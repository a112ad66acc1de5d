//! The options that give agents a model to ask, and what a run says about it.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::Args;
use harness::gateway::api_key::ApiKey;
use harness::gateway::base_url::BaseUrl;
use harness::gateway::budget::{ModelBudget, TokenPrices};
use harness::gateway::model::{ModelMode, ModelSettings};
use harness::gateway::price::Price;
use harness::gateway::provider::ProviderKind;
use harness::gateway::round::Gateway;

use platform::api::dollars;

use crate::args::choice;
use crate::exit::{CommandError, Result};

/// The model that agents may ask.
#[derive(Args)]
#[command(next_help_heading = "Agents with a model (docs/models.md)")]
pub struct ModelArgs {
    /// Let agents ask this model, and run every trial in a container of its own: PROVIDER:NAME, as for 'arena mine'
    #[arg(long, value_name = "PROVIDER:NAME")]
    model: Option<ModelName>,
    /// Address of the provider's API, for a server of your own
    #[arg(long, requires = "model", value_name = "URL")]
    base_url: Option<String>,
    /// File that holds the provider's key, in place of its environment variable
    #[arg(long, requires = "model", value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// US dollars per million input and output tokens; without it every request costs 0
    #[arg(long, requires = "model", value_name = "IN,OUT")]
    price: Option<Price>,
    /// Where responses come from: the provider, the provider and kept as recordings, or recordings alone
    #[arg(long, requires = "model", value_name = "MODE", default_value_t, value_parser = choice(ModelMode::ALL))]
    model_mode: ModelMode,
    /// Directory of recordings, for the modes record and replay
    #[arg(long, requires = "model", value_name = "DIR")]
    model_recordings: Option<PathBuf>,
    /// What one trial may use: any of calls=N,input=TOKENS,output=TOKENS,cost=USD,seconds=N
    /// [default: calls=64,input=400000,output=64000,seconds=240]
    #[arg(long, requires = "model", value_name = "LIMITS")]
    model_budget: Option<ModelBudget>,
    /// What all trials of the round may use together, runs before this one included [default: no limit]
    #[arg(long, requires = "model", value_name = "LIMITS")]
    model_round_budget: Option<ModelBudget>,
    /// Seconds that an agent with a model may take, in place of the usual 10
    #[arg(long, requires = "model", value_name = "SECONDS", default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    agent_time: u64,
    /// Requests that the provider works on at the same time
    #[arg(long, requires = "model", value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=1024))]
    model_jobs: u16,
    /// Seconds that the provider may fail before the round stops asking
    #[arg(long, requires = "model", value_name = "SECONDS", default_value_t = 600, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    provider_patience: u64,
    /// Seconds that the provider may be silent before a request counts as failed
    #[arg(long, requires = "model", value_name = "SECONDS", default_value_t = 180, value_parser = clap::value_parser!(u64).range(1..=3600))]
    provider_silence: u64,
    /// Longest response that an agent can ask for, in tokens
    #[arg(long, requires = "model", value_name = "N", default_value_t = 8192, value_parser = clap::value_parser!(u64).range(1..))]
    max_output_tokens: u64,
    /// Sampling temperature of every request, from 0 to 2, whatever the agent asks for
    #[arg(long, requires = "model", value_name = "T", value_parser = temperature)]
    temperature: Option<f64>,
    /// Sampling seed of every request, for providers that know one
    #[arg(long, requires = "model", value_name = "N")]
    model_seed: Option<u64>,
}

/// A model of a provider.
#[derive(Clone, Debug)]
struct ModelName {
    provider: ProviderKind,
    name: String,
}

impl FromStr for ModelName {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, Self::Err> {
        let known = ProviderKind::ALL.map(ProviderKind::as_str).join(", ");
        let (provider, name) = text.split_once(':').unwrap_or((text, ""));
        let provider: ProviderKind = provider
            .parse()
            .map_err(|error| format!("{error}: write PROVIDER:NAME with one of {known}"))?;
        if name.is_empty() {
            let example = provider.example_model();
            return Err(format!(
                "it does not name a model: write {provider}:NAME, such as {provider}:{example}"
            ));
        }
        Ok(Self { provider, name: name.to_owned() })
    }
}

fn temperature(text: &str) -> std::result::Result<f64, String> {
    let number = text.parse().ok().filter(|number| (0.0..=2.0).contains(number));
    number.ok_or_else(|| "it is not a number from 0 to 2".to_owned())
}

impl ModelArgs {
    /// The settings of the gateway; none if agents have no model. Nothing is sent.
    pub fn settings(&self) -> Result<Option<ModelSettings>> {
        let Some(ModelName { provider, name }) = self.model.clone() else { return Ok(None) };
        let recordings = self.model_recordings.clone();
        if recordings.is_some() == (self.model_mode == ModelMode::Live) {
            return Err(CommandError::Input(
                "--model-recordings belongs to --model-mode record or replay, and they need it"
                    .to_owned(),
            ));
        }
        let key = match &self.key_file {
            _ if self.model_mode == ModelMode::Replay => None,
            Some(file) => Some(ApiKey::from_file(file).map_err(CommandError::input)?),
            None => ApiKey::from_environment(provider.key_variables()),
        };
        if key.is_none()
            && provider.needs_key()
            && self.base_url.is_none()
            && self.model_mode != ModelMode::Replay
        {
            return Err(CommandError::Input(format!(
                "no key for {provider}: set {}, or name a file with --key-file",
                provider.key_variables().join(" or ")
            )));
        }
        let prices = self.price.map(TokenPrices::from);
        let limits = [self.model_budget, self.model_round_budget];
        if prices.is_none() && limits.iter().flatten().any(|budget| budget.micro_usd.is_some()) {
            return Err(CommandError::Input(
                "a budget of money needs the prices of tokens: add --price IN,OUT".to_owned(),
            ));
        }
        let base_url = self.base_url.as_deref().unwrap_or(provider.base_url());
        let base_url = BaseUrl::parse(base_url).map_err(CommandError::input)?;
        let mut settings = ModelSettings::new(provider, &name, base_url);
        settings.parameters.max_output_tokens = self.max_output_tokens;
        settings.parameters.temperature = self.temperature;
        settings.parameters.seed = self.model_seed;
        settings.key = key;
        settings.prices = prices.unwrap_or_default();
        settings.trial_budget = self.model_budget.unwrap_or(settings.trial_budget);
        settings.round_budget = self.model_round_budget.unwrap_or_default();
        settings.agent_time = Duration::from_secs(self.agent_time);
        settings.jobs = usize::from(self.model_jobs);
        settings.patience = Duration::from_secs(self.provider_patience);
        settings.silence = Duration::from_secs(self.provider_silence);
        settings.mode = self.model_mode;
        settings.recordings = recordings;
        Ok(Some(settings))
    }
}

/// What the trials' requests have used, as a line.
pub fn model_usage(gateway: &Gateway) -> String {
    let used = gateway.spent();
    format!(
        "{}: {} calls, {} input and {} output tokens, {} USD",
        gateway.settings().name(),
        used.calls,
        used.input_tokens,
        used.output_tokens,
        dollars(used.cost_micro_usd)
    )
}
