//! `arena verify`: recomputes a report.

use std::path::PathBuf;

use clap::Args;
use harness::scoring::verify::{RoundReport, verify};

use crate::console::print;
use crate::exit::{CommandError, Result};

/// Arguments of `verify`.
#[derive(Args)]
pub struct VerifyArgs {
    /// File with the output of 'evaluate --json'
    #[arg(value_name = "REPORT")]
    report: PathBuf,
}

/// Prints what in the report does not follow from the rest; the status is 1 if anything does not.
pub fn run(args: &VerifyArgs) -> Result {
    let shown = args.report.display();
    let text = std::fs::read(&args.report)
        .map_err(|error| CommandError::Input(format!("cannot read {shown}: {error}")))?;
    let report = RoundReport::parse(&text).map_err(|error| {
        CommandError::Input(format!(
            "{shown} is not a report: {error}; name a file with the output of 'arena evaluate --json'"
        ))
    })?;
    let problems = verify(&report);
    for problem in &problems {
        print(&format!("{problem}\n"))?;
    }
    if !problems.is_empty() {
        return Err(CommandError::Reported);
    }
    print(&format!(
        "{shown} holds: round {}, its commitment, {} trials, scores, ranks and rewards\n",
        report.round.id,
        report.trials.len()
    ))
}
