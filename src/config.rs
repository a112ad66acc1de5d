//! `arena.toml`: values for options of `mine`, `upload`, `status` and `withdraw`, found in the current directory or above it.
//! An option and its environment variable take precedence.

use std::fmt::Display;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::parser::ValueSource;
use clap::{ArgMatches, Command};
use harness::gateway::price::Price;
use miner::model::spec::ModelSpec;
use platform::MinerId;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use crate::console::print_line;
use crate::exit::{CommandError, Result};

/// The name of the file.
const FILE_NAME: &str = "arena.toml";

/// The commands that read the file.
const COMMANDS: [&str; 4] = ["mine", "upload", "status", "withdraw"];

/// A file with settings.
#[derive(Debug)]
pub struct ConfigFile {
    path: PathBuf,
    settings: ConfigSettings,
}

/// The content of the file. It has no key for a secret.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct ConfigSettings {
    platform: Option<String>,
    #[serde(deserialize_with = "parsed::<MinerId, _>")]
    miner: Option<String>,
    #[serde(deserialize_with = "parsed::<ModelSpec, _>")]
    model: Option<String>,
    base_url: Option<String>,
    #[serde(deserialize_with = "parsed::<Price, _>")]
    price: Option<String>,
    #[serde(deserialize_with = "number_of_jobs")]
    jobs: Option<u16>,
}

/// Parses the command line, with the values of the file as defaults.
pub fn matches(cli: &Command) -> Result<ArgMatches> {
    let word = std::env::args().nth(1);
    let name = COMMANDS.into_iter().find(|name| word.as_deref() == Some(name));
    let config = if name.is_some() { find()? } else { None };
    let (Some(name), Some(mut config)) = (name, config) else {
        return Ok(cli.clone().get_matches());
    };
    let mut matches = config.with_defaults(cli, name).get_matches();
    if name == "mine" {
        if !uses_model_of_file(&matches) {
            // The key of one provider must not be sent to the address of another.
            config.settings.base_url = None;
            config.settings.price = None;
            matches = config.with_defaults(cli, name).get_matches();
        }
        print_line(&format!("settings from {}", config.path.display()));
    }
    Ok(matches)
}

/// Finds and reads the file in the current directory, or else in the nearest directory above it.
pub fn find() -> Result<Option<ConfigFile>> {
    let Ok(directory) = std::env::current_dir() else { return Ok(None) };
    for directory in directory.ancestors() {
        let path = directory.join(FILE_NAME);
        match std::fs::read_to_string(&path) {
            Ok(text) => return ConfigFile::parse(path, &text).map(Some),
            Err(error)
                if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {}
            Err(error) => {
                return Err(CommandError::Input(format!(
                    "cannot read {}: {error}",
                    path.display()
                )));
            }
        }
    }
    Ok(None)
}

impl ConfigFile {
    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn parse(path: PathBuf, text: &str) -> Result<Self> {
        let settings: ConfigSettings = toml::from_str(text).map_err(|error| {
            let start = error.span().map_or(0, |span| span.start);
            let line = text.bytes().take(start).filter(|byte| *byte == b'\n').count() + 1;
            let reason = error.message().replace('\n', ", ");
            CommandError::Input(format!("{}:{line}: {reason}", path.display()))
        })?;
        let ConfigSettings { model, base_url, price, .. } = &settings;
        if model.is_none() && (base_url.is_some() || price.is_some()) {
            return Err(CommandError::Input(format!(
                "{}: base_url and price belong to a model: add model = \"PROVIDER:NAME\"",
                path.display()
            )));
        }
        Ok(Self { path, settings })
    }

    /// The command line with the values of the file as defaults of a command's options.
    fn with_defaults(&self, cli: &Command, name: &str) -> Command {
        let ConfigSettings { platform, miner, model, base_url, price, jobs } = &self.settings;
        let jobs = jobs.map(|jobs| jobs.to_string());
        let values = [
            ("url", platform),
            ("id", miner),
            ("model", model),
            ("base_url", base_url),
            ("price", price),
            ("jobs", &jobs),
        ];
        cli.clone().mut_subcommand(name, |mut command| {
            for (id, value) in values {
                let has_option = command.get_arguments().any(|arg| arg.get_id() == id);
                if let Some(value) = value.clone().filter(|_| has_option) {
                    // Defaults live as long as the process.
                    let value: &str = value.leak();
                    command = command.mut_arg(id, |arg| arg.default_value(value).required(false));
                }
            }
            command
        })
    }
}

fn uses_model_of_file(matches: &ArgMatches) -> bool {
    let mine = matches.subcommand_matches("mine");
    mine.is_some_and(|mine| mine.value_source("model") == Some(ValueSource::DefaultValue))
}

/// Reads a string that can be parsed as a `T`.
fn parsed<'de, T, D>(deserializer: D) -> std::result::Result<Option<String>, D::Error>
where
    T: FromStr,
    T::Err: Display,
    D: Deserializer<'de>,
{
    let text = String::deserialize(deserializer)?;
    text.parse::<T>().map_err(D::Error::custom)?;
    Ok(Some(text))
}

fn number_of_jobs<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> std::result::Result<Option<u16>, D::Error> {
    let jobs = u16::deserialize(deserializer)?;
    if (1..=1024).contains(&jobs) {
        Ok(Some(jobs))
    } else {
        Err(D::Error::custom("jobs must be 1 to 1024"))
    }
}
