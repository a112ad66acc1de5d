//! `harness check FILE`: what the validator would say of a local file.

use ::tasks::Seed;
use harness::console::Console;
use harness::round::check;
use harness::round::run::drawn_seed;
use harness::scoring::report::{self, CheckDocument};
use platform::store::Store;
use platform::validation;

use super::{Failure, asked_tasks, chosen_tasks, print, print_json, with_sandbox};
use crate::cli::Check;

/// Validates the file as an upload would be, runs it, and prints what came of it.
pub async fn run(args: Check) -> Result<(), Failure> {
    let shown = args.file.display();
    let bytes = std::fs::read(&args.file).map_err(|cause| {
        Failure::Input(format!("cannot read {shown}: {cause}; name the file of an agent"))
    })?;
    if let Err(findings) = validation::validate(&bytes) {
        let lines: Vec<_> = findings
            .iter()
            .map(|finding| {
                format!("  {shown}:{}:{}: {}", finding.line, finding.column, finding.reason)
            })
            .collect();
        let lines = lines.join("\n");
        return Err(Failure::Input(format!("{shown} would not be accepted:\n{lines}")));
    }
    let source = String::from_utf8(bytes).expect("validation asks for UTF-8");
    let console = Console::new();
    let tasks = match &args.suite {
        None => chosen_tasks(&args.tasks)?,
        Some(suite) => {
            let store = Store::open(&args.store.store)?;
            asked_tasks(Some(suite), &args.tasks, &store, &args.options, &console).await?
        }
    };
    let seed = args.seed.map_or_else(drawn_seed, Seed);
    let work = |sandbox| {
        let listener = console.listener();
        async move { Ok(check::check(&sandbox, &source, tasks, seed, args.disclose, listener).await?) }
    };
    let checked = with_sandbox(&args.options, &console, work).await?;
    if args.json {
        print_json(&CheckDocument { trials: &checked.trials, score: checked.score })?;
    } else {
        print(&format!("{}seed: {seed}\n", report::checked(&checked)))?;
    }
    if checked.faults.is_empty() { Ok(()) } else { Err(Failure::Faults) }
}
