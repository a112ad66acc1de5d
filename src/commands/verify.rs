//! `arena verify`: recomputes a report, and on request runs some of its trials again.

use std::path::PathBuf;

use clap::Args;
use harness::round::rerun::{RerunPlan, rerun};
use harness::sandbox::Sandbox;
use harness::scoring::verify::{RoundReport, verify};

use crate::args::{JobsArgs, SandboxArgs, StoreArgs};
use crate::console::{Console, print};
use crate::exit::{CommandError, Result};
use crate::sandbox::with_sandbox;

/// Arguments of `verify`.
#[derive(Args)]
pub struct VerifyArgs {
    /// File with the output of 'evaluate --json'
    #[arg(value_name = "REPORT")]
    report: PathBuf,
    /// Also run this many random trials of the report again, with the agents of the store, and compare
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    rerun: Option<u16>,
    #[command(flatten)]
    jobs: JobsArgs,
    #[command(flatten)]
    store: StoreArgs,
    #[command(flatten)]
    sandbox: SandboxArgs,
}

/// Prints what in the report does not follow from the rest; the status is 1 if anything does not.
pub async fn run(args: VerifyArgs) -> Result {
    let shown = args.report.display();
    let text = std::fs::read(&args.report)
        .map_err(|error| CommandError::Input(format!("cannot read {shown}: {error}")))?;
    let report = RoundReport::parse(&text).map_err(|error| {
        CommandError::Input(format!(
            "{shown} is not a report: {error}; name a file with the output of 'arena evaluate --json'"
        ))
    })?;
    let problems = verify(&report);
    report_problems(&problems)?;
    let trials = report.trials.len();
    let mut again = String::new();
    if let Some(count) = args.rerun.map(usize::from) {
        report_problems(&run_again(&args, &report, count).await?)?;
        again = format!("; {} trials run again gave the same", count.min(trials));
    }
    print(&format!(
        "{shown} holds: round {}, its commitment, {trials} trials, scores, ranks and rewards{again}\n",
        report.round.id
    ))
}

/// Runs random trials again. Returns one sentence for each that ends otherwise.
async fn run_again(args: &VerifyArgs, report: &RoundReport, count: usize) -> Result<Vec<String>> {
    let store = args.store.open_existing()?;
    let plan = RerunPlan { report, count, jobs: args.jobs.count() };
    let work = |sandbox: Sandbox| async move { Ok(rerun(&sandbox, &store, plan).await?) };
    with_sandbox(&args.sandbox, &Console::new(), work).await
}

fn report_problems(problems: &[String]) -> Result {
    for problem in problems {
        print(&format!("{problem}\n"))?;
    }
    if problems.is_empty() { Ok(()) } else { Err(CommandError::Reported) }
}
