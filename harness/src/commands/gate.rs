//! `harness gate`: proves the tasks, or names those that must not enter a round.

use std::sync::Arc;

use harness::console::Console;
use harness::gate::{Proof, gate};

use super::{Failure, chosen_tasks, print, processors, with_sandbox};
use crate::cli::Gate;

/// Puts the tasks through the gate and prints what it found.
pub async fn run(args: Gate) -> Result<(), Failure> {
    let tasks = chosen_tasks(&args.tasks)?;
    let jobs = args.jobs.map_or_else(processors, usize::from);
    let console = Console::new();
    let work = |sandbox| {
        let console = console.clone();
        async move {
            let on_proof = Arc::new(move |proof: &Proof| {
                for failure in &proof.failures {
                    console.say(&format!("{}: {failure}", proof.task));
                }
            });
            Ok(gate(&sandbox, tasks, args.seeds, jobs, on_proof).await?)
        }
    };
    let proofs = with_sandbox(&args.options, &console, work).await?;
    let judged: usize = proofs.iter().map(|proof| proof.judged).sum();
    let failed: Vec<_> = proofs.iter().filter(|proof| !proof.failures.is_empty()).collect();
    for proof in &failed {
        print(&format!("{} must not enter a round\n", proof.task))?;
    }
    let good = proofs.len() - failed.len();
    print(&format!("{good} of {} tasks hold, answers judged {judged} times\n", proofs.len()))?;
    if failed.is_empty() { Ok(()) } else { Err(Failure::Faults) }
}
