//! `harness gauntlet`: is the sandbox of this machine holding?

use harness::console::Console;
use harness::gauntlet::run::{self as gauntlet, Plan};

use super::{Failure, print, print_json, processors, with_sandbox};
use crate::cli::Gauntlet;

/// Runs the hostile suite, or what of it was asked for, and prints what came of it.
pub async fn run(args: Gauntlet) -> Result<(), Failure> {
    let mut agents = gauntlet::suite();
    let wanted = |name: &str| args.names.iter().any(|part| name.contains(part.as_str()));
    agents.retain(|hostile| args.names.is_empty() || wanted(&hostile.name));
    if agents.is_empty() {
        let asked = args.names.join(" ");
        return Err(Failure::Input(format!(
            "no file of the suite has '{}' in its name; harness/hostile/ holds them",
            asked.escape_debug()
        )));
    }
    // One more than processors: time is part of what the agents fight over.
    let jobs = args.jobs.map_or_else(|| processors() + 1, usize::from);
    let console = Console::new();
    let work = |sandbox| {
        let listener = console.listener();
        async move { Ok(gauntlet::run(&sandbox, Plan { agents, jobs }, listener).await?) }
    };
    let outcome = with_sandbox(&args.options, &console, work).await?;
    if args.json {
        print_json(&outcome)?;
    } else {
        print(&gauntlet::table(&outcome))?;
    }
    if outcome.holds { Ok(()) } else { Err(Failure::Faults) }
}
