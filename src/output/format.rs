//! The argument that chooses the form of a result.

use clap::{Args, ValueEnum};

/// The form of a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OutputFormat {
    /// For people
    Text,
    /// One JSON document
    Json,
    /// JUnit XML, for CI: a test suite per agent, a test case per task
    Junit,
    /// Comma-separated values, for spreadsheets
    Csv,
    /// A Markdown table, for issues and chats
    Markdown,
}

/// The form of the output.
#[derive(Args)]
pub struct FormatArgs {
    /// Form of the output on stdout
    #[arg(long = "format", value_name = "FORM", default_value = "text")]
    form: OutputFormat,
    /// Short for '--format json': print one JSON document to stdout and nothing else
    #[arg(long, conflicts_with = "form")]
    json: bool,
}

impl FormatArgs {
    /// The form that was chosen.
    pub fn format(&self) -> OutputFormat {
        if self.json { OutputFormat::Json } else { self.form }
    }
}
