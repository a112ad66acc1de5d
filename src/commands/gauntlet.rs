//! `arena gauntlet`: runs hostile programs to prove that the sandbox of this machine holds.

use clap::Args;
use harness::choice::did_you_mean;
use harness::gauntlet::programs::programs as all_programs;
use harness::gauntlet::report::table;
use harness::gauntlet::run::{GauntletPlan, run as run_gauntlet};

use crate::args::{OutputArgs, SandboxArgs, processors};
use crate::console::{Console, print, print_json};
use crate::exit::{CommandError, Result};
use crate::output::text::terminal_columns;
use crate::sandbox::with_sandbox;

/// Arguments of `gauntlet`.
#[derive(Args)]
pub struct GauntletArgs {
    /// Run only programs with one of these in their names, such as 'escape' or 'memory'
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    #[command(flatten)]
    sandbox: SandboxArgs,
    /// Number of programs to run at a time [default: one more than processors]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    jobs: Option<u16>,
    #[command(flatten)]
    output: OutputArgs,
}

/// Runs the programs and prints the result; the status is 1 if an expectation fails.
pub async fn run(args: GauntletArgs) -> Result {
    let mut programs = all_programs();
    let chosen = |name: &str| args.names.iter().any(|part| name.contains(part.as_str()));
    let known: Vec<_> = programs.iter().map(|program| program.name.clone()).collect();
    programs.retain(|program| args.names.is_empty() || chosen(&program.name));
    if programs.is_empty() {
        return Err(CommandError::Input(format!(
            "no hostile program has '{}' in its name{}; harness/gauntlet/ holds them",
            args.names.join(" ").escape_debug(),
            did_you_mean(
                &args.names[0],
                known.iter().map(|name| name.rsplit('/').next().unwrap_or(name))
            )
        )));
    }
    // One more than processors, because time is among what the programs compete for.
    let jobs = args.jobs.map_or_else(|| processors() + 1, usize::from);
    let console = Console::new();
    let work = |sandbox| {
        let listener = console.round_listener();
        async move { Ok(run_gauntlet(&sandbox, GauntletPlan { programs, jobs }, listener).await?) }
    };
    let outcome = with_sandbox(&args.sandbox.settings(), &console, work).await?;
    if args.output.json {
        print_json(&outcome)?;
    } else {
        print(&table(&outcome, terminal_columns()))?;
    }
    if outcome.holds { Ok(()) } else { Err(CommandError::Reported) }
}
