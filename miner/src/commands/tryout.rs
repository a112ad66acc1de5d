//! `miner try FILE`: what a validator would say of a local file, with the smallest inputs that fail.

use harness::round::check::{CheckRequest, check};
use harness::scoring::report::{self, CheckDocument};
use harness::trial::record::Disclose;

use super::{Failure, read_agent, seed, with_sandbox};
use crate::cli::Try;
use crate::console::{self, Console};

/// Looks at the file, runs it, and prints what came of it.
pub async fn run(args: Try) -> Result<(), Failure> {
    let source = read_agent(&args.file)?;
    let tasks = chosen(tasks::all(), &args.tasks, |task| task.id.as_str())?;
    let (seed, console) = (seed(args.seed), Console::new());
    let work = |sandbox| {
        let (source, listener) = (&source, console.listener());
        let request = CheckRequest { source, tasks, seed, disclose: Disclose::Public };
        async move { Ok(check(&sandbox, request, listener).await?) }
    };
    let checked = with_sandbox(&args.options, &console, work).await?;
    if args.json {
        console::document(&CheckDocument { trials: &checked.trials, score: checked.score })?;
    } else {
        console::text(&format!("{}seed: {seed}\n", report::checked(&checked)))?;
    }
    match checked.faults.first() {
        None => Ok(()),
        Some(fault) => Err(Failure::Fault(fault.clone())),
    }
}

/// Those of these ids, or all if none is named.
pub fn chosen<T>(
    mut all: Vec<T>,
    ids: &[String],
    id_of: impl Fn(&T) -> &str,
) -> Result<Vec<T>, Failure> {
    if let Some(unknown) = ids.iter().find(|id| !all.iter().any(|one| id_of(one) == id.as_str())) {
        let known: Vec<_> = all.iter().map(&id_of).collect();
        return Err(Failure::Input(format!(
            "there is no task '{}'; there are {}",
            unknown.escape_debug(),
            known.join(", ")
        )));
    }
    all.retain(|one| ids.is_empty() || ids.iter().any(|id| id == id_of(one)));
    Ok(all)
}
