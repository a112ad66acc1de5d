//! `arena gate`: proves the tasks, or names those that must not enter a round.

use std::sync::Arc;

use clap::Args;
use harness::benchmark::tasks::built_in;
use harness::gate::{GatePlan, TaskProof, gate};

use crate::args::{JobsArgs, SandboxArgs, TaskArgs};
use crate::console::{Console, print};
use crate::exit::{CommandError, Result};
use crate::sandbox::with_sandbox;

/// Arguments of `gate`.
#[derive(Args)]
pub struct GateArgs {
    #[command(flatten)]
    sandbox: SandboxArgs,
    #[command(flatten)]
    tasks: TaskArgs,
    /// Number of seeds; each wrong variant must fail under every one
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=1000))]
    seeds: u16,
    #[command(flatten)]
    jobs: JobsArgs,
}

/// Proves the tasks and prints the result; the status is 1 if a task fails.
pub async fn run(args: GateArgs) -> Result {
    let tasks = built_in(&args.tasks.filter())?;
    let plan = GatePlan { tasks, seeds: args.seeds, jobs: args.jobs.count() };
    let console = Console::new();
    let work = |sandbox| {
        let console = console.clone();
        async move {
            let on_proof = Arc::new(move |proof: &TaskProof| {
                for failure in &proof.failures {
                    console.print_line(&format!("{}: {failure}", proof.task));
                }
            });
            Ok(gate(&sandbox, plan, on_proof).await?)
        }
    };
    let proofs = with_sandbox(&args.sandbox.settings(), &console, work).await?;
    let judged: usize = proofs.iter().map(|proof| proof.judged).sum();
    let failed: Vec<_> = proofs.iter().filter(|proof| !proof.failures.is_empty()).collect();
    for proof in &failed {
        print(&format!("{} must not enter a round\n", proof.task))?;
    }
    let good = proofs.len() - failed.len();
    print(&format!("{good} of {} tasks hold, {judged} answers judged\n", proofs.len()))?;
    if failed.is_empty() { Ok(()) } else { Err(CommandError::Reported) }
}
