//! `arena check`: runs one local file as a validator would.

use std::path::PathBuf;

use clap::Args;
use harness::round::check::{CheckRequest, check};
use harness::scoring::report::{self, CheckDocument};
use miner::submit::agent_file::read_agent;

use crate::args::{
    BenchmarkArgs, DiscloseArgs, OutputArgs, PackageArgs, SandboxArgs, SeedArgs, StoreArgs,
    TaskArgs,
};
use crate::console::{Console, print, print_json};
use crate::exit::{CommandError, Result};
use crate::sandbox::with_sandbox;
use crate::task_source::{LoadedTasks, TaskSource};

/// Arguments of `check`.
#[derive(Args)]
pub struct CheckArgs {
    /// The agent
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    tasks: TaskArgs,
    #[command(flatten)]
    benchmark: BenchmarkArgs,
    #[command(flatten)]
    seed: SeedArgs,
    #[command(flatten)]
    disclose: DiscloseArgs,
    #[command(flatten)]
    store: StoreArgs,
    #[command(flatten)]
    sandbox: SandboxArgs,
    #[command(flatten)]
    packages: PackageArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// Validates the file as an upload would be, runs it, and prints its scores and what it fails.
pub async fn run(args: CheckArgs) -> Result {
    let agent = read_agent(&args.file).map_err(CommandError::input)?;
    let console = Console::new();
    let CheckArgs { tasks, store, .. } = &args;
    let benchmark = args.benchmark.read()?;
    let settings = &args.sandbox.settings_for(benchmark.as_ref(), args.packages);
    let source = TaskSource { tasks, benchmark, store, settings };
    let LoadedTasks { tasks, left_out } = source.load(&console).await?;
    let seed = args.seed.seed();
    let disclose = args.disclose.disclose;
    let work = |sandbox| {
        let on_event = console.round_listener();
        let request = CheckRequest { source: &agent, tasks, seed, disclose };
        async move { Ok(check(&sandbox, request, on_event).await?) }
    };
    let mut checked = with_sandbox(settings, &console, work).await?;
    checked.faults.extend(left_out.iter().map(ToString::to_string));
    if args.output.json {
        let (trials, faults) = (&checked.trials, &checked.faults);
        print_json(&CheckDocument { trials, score: checked.score, faults })?;
    } else {
        print(&format!("{}seed: {seed}\n", report::checked(&checked)))?;
    }
    if checked.faults.is_empty() { Ok(()) } else { Err(CommandError::Reported) }
}
