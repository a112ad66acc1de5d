//! `arena verify`: recomputes a report, and on request runs some of its trials again.

use std::path::PathBuf;

use clap::Args;
use harness::benchmark::file::Benchmark;
use harness::benchmark::private_tasks::PrivateBenchmark;
use harness::benchmark::tasks::{StoredTasks, stored};
use harness::round::rerun::{RerunPlan, rerun};
use harness::sandbox::{Sandbox, SandboxSettings};
use harness::scoring::verify::{RoundReport, unchecked, verify};
use platform::api::{Ranking, Round};
use platform::similarity::program_sha256;
use platform::store::Store;
use tasks::{Sha256, Task, TaskId};

use crate::args::{BenchmarkArgs, JobsArgs, PackageArgs, PrivateArgs, SandboxArgs, StoreArgs};
use crate::console::{Console, print, print_line};
use crate::exit::{CommandError, Result};
use crate::output::text::counted;
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
    benchmark: BenchmarkArgs,
    #[command(flatten)]
    private: PrivateArgs,
    #[command(flatten)]
    packages: PackageArgs,
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
    let benchmark = args.benchmark.read()?;
    let private = args.private.read(benchmark.as_ref(), None)?;
    let definitions = definitions(&args, &report, benchmark.as_ref(), private.as_ref())?;
    let ids = |file: &Benchmark| file.entries.iter().map(|entry| entry.id.clone()).collect();
    let mut all: Vec<_> = match &benchmark {
        Some(benchmark) => ids(benchmark),
        None => tasks::all().into_iter().map(|task| task.id).collect(),
    };
    all.extend(private.iter().flat_map(|private| ids(&private.benchmark)));
    let problems = verify(&report, &definitions, &all);
    report_problems(&problems)?;
    if args.rerun.is_some() {
        report_problems(&other_programs(&report, &args.store.open_existing()?)?)?;
    }
    let unchecked = unchecked(&report, &definitions);
    if unchecked > 0 {
        print_line(&format!(
            "{} not checked against their definitions; name their file with --private",
            counted(unchecked, "private task")
        ));
    }
    let trials = report.trials.len();
    let mut again = String::new();
    if let Some(count) = args.rerun.map(usize::from) {
        let settings = args.sandbox.settings_for(benchmark.as_ref(), args.packages);
        let some = RerunPlan {
            report: &report,
            definitions: &definitions,
            count,
            jobs: args.jobs.count(),
        };
        report_problems(&run_again(&args, some, &settings).await?)?;
        again = format!("; {} trials run again gave the same", count.min(trials));
    }
    print(&format!(
        "{shown} holds: round {}, its commitment, {trials} trials, scores, ranks and rewards{again}\n",
        report.round.id
    ))
}

/// The definitions of the report's tasks: the built-in ones, or those of the files that are named. The expected values
/// of a benchmark's are in the store. Without their file, private tasks have no definitions.
fn definitions(
    args: &VerifyArgs,
    report: &RoundReport,
    benchmark: Option<&Benchmark>,
    private_file: Option<&PrivateBenchmark>,
) -> Result<Vec<Task>> {
    let Round { tasks, image, private, .. } = &report.round;
    let is_known = |id: &&TaskId| private_file.is_some() || !id.is_private();
    let tasks: Vec<_> = tasks.iter().filter(is_known).cloned().collect();
    if benchmark.is_some() || private_file.is_some() {
        let store = &args.store.open_existing()?;
        let private = private.as_ref().filter(|_| private_file.is_some());
        return Ok(stored(&StoredTasks {
            tasks: &tasks,
            image,
            store,
            benchmark,
            private,
            private_file,
        })?);
    }
    match tasks.iter().find(|id| tasks::find(id.as_str()).is_none()) {
        None => Ok(tasks::all()),
        Some(id) => Err(CommandError::Input(format!(
            "{} has task {id}, which is not built in; if its round was run on a benchmark, name the file with --benchmark",
            args.report.display()
        ))),
    }
}

/// Runs random trials again. Returns one sentence for each that ends otherwise.
async fn run_again(
    args: &VerifyArgs,
    trials: RerunPlan<'_>,
    settings: &SandboxSettings,
) -> Result<Vec<String>> {
    let store = args.store.open_existing()?;
    let work = |sandbox: Sandbox| async move { Ok(rerun(&sandbox, &store, trials).await?) };
    with_sandbox(settings, &Console::new(), work).await
}

/// Returns one sentence for each agent whose digest of a program is not that of its source in the store: what a report alone
/// cannot show.
fn other_programs(report: &RoundReport, store: &Store) -> Result<Vec<String>> {
    let mut problems = Vec::new();
    for Ranking { miner_id, agent_sha256, program_sha256: stated, .. } in &report.rankings {
        let source = store.source_of_version(miner_id, agent_sha256)?;
        let program = program_sha256(source.as_bytes()).map_err(|error| {
            CommandError::Fault(format!("cannot read the program of '{miner_id}': {error}"))
        })?;
        if stated.as_ref() != Some(&program) {
            problems.push(format!(
                "'{miner_id}' is listed with {} as the digest of its program, but its source has {}",
                stated.as_ref().map_or("none", Sha256::short),
                program.short()
            ));
        }
    }
    Ok(problems)
}

fn report_problems(problems: &[String]) -> Result {
    for problem in problems {
        print(&format!("{problem}\n"))?;
    }
    if problems.is_empty() { Ok(()) } else { Err(CommandError::Reported) }
}
