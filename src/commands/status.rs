//! `arena status`: shows the rank of an agent, and which public cases it fails.
//!
//! A platform publishes scores and verdicts only. The failed cases are found here, by running the copy of
//! the agent that was kept when it was uploaded.

use std::fmt::Write as _;

use clap::Args;
use miner::submit::status::{
    FailedCase, FailedCasesCheck, Standing, failed_public_cases, standing,
};
use miner::work_directory::WorkDirectory;
use platform::api::RoundStatus;
use platform::client::Client;
use serde_json::json;
use tasks::Verdict;

use crate::args::{JobsArgs, MinerArgs, OutputArgs, PlatformArgs, SandboxArgs};
use crate::console::{Console, print, print_json};
use crate::exit::{CommandError, Result};
use crate::interrupt::abort_on_signal;
use crate::output::text::{painted, without_controls};
use crate::sandbox::with_sandbox;

/// Arguments of `status`.
#[derive(Args)]
pub struct StatusArgs {
    #[command(flatten)]
    platform: PlatformArgs,
    #[command(flatten)]
    miner: MinerArgs,
    /// Skip running the agent, which shows the public cases that it fails
    #[arg(long, alias = "no-try")]
    no_check: bool,
    #[command(flatten)]
    jobs: JobsArgs,
    #[command(flatten)]
    sandbox: SandboxArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// Asks the platform, runs the agent on the tasks where it lost points, and prints both.
pub async fn run(args: StatusArgs) -> Result {
    let client = Client::new(&args.platform.url)?;
    let miner = &args.miner.id;
    let found = abort_on_signal(async { Ok(standing(&client, miner).await?) }).await?;
    let Some(standing) = found else {
        return Err(CommandError::Input(format!(
            "{miner} has uploaded nothing to {}; use 'arena mine' or 'arena upload'",
            args.platform.url
        )));
    };
    let checked = match &standing.ranking {
        Some(_) if !args.no_check => failed_cases(&args, &standing).await,
        _ => Ok(None),
    };
    // What the platform knows is shown also where nothing can be run.
    let (failed, fault) = match checked {
        Ok(failed) => (failed, None),
        Err(CommandError::Fault(fault)) => (None, Some(fault)),
        Err(error) => return Err(error),
    };
    if args.output.json {
        let Standing { agent, round_status, provisional, agents_ranked, ranking } = &standing;
        return print_json(&json!({
            "agent": agent, "round_status": round_status, "provisional": provisional,
            "agents_ranked": agents_ranked, "ranking": ranking, "failed_public_cases": failed,
        }))
        .and(check_available(fault));
    }
    let mut text = summary(&standing);
    for FailedCase { task, verdict, detail } in failed.iter().flatten() {
        let (code, detail) = (painted(verdict.code()), without_controls(detail));
        let _ = writeln!(text, "  {task}: {code}: {detail}");
    }
    print(&text)?;
    check_available(fault)
}

/// Ends the command with a fault if the failed cases are not available.
fn check_available(fault: Option<String>) -> Result {
    let Some(fault) = fault else { return Ok(()) };
    Err(CommandError::Fault(format!(
        "the public cases that it fails are not available, because the agent could not be run: {fault}; --no-check \
         skips them"
    )))
}

fn summary(standing: &Standing) -> String {
    let agent = &standing.agent;
    let mut text =
        format!("{}: version {}, uploaded {}\n", agent.miner_id, agent.version, agent.uploaded_at);
    let Some(ranking) = &standing.ranking else { return text + "not ranked yet\n" };
    let _ = writeln!(
        text,
        "rank {} of {}, score {:.2}, reward {} 'TAO'",
        ranking.rank, standing.agents_ranked, ranking.score, ranking.reward_tao
    );
    if standing.provisional {
        text.push_str(
            "provisional: some trials were not judged, so ranks and rewards may change\n",
        );
    } else if standing.round_status == Some(RoundStatus::Open) {
        text.push_str("the round is open: ranks and rewards may change\n");
    }
    if standing.is_outdated() {
        text.push_str("this is the rank of an earlier version; the current one was not run yet\n");
    }
    if let Some(original) = &ranking.copy_of {
        let _ = writeln!(text, "it is a copy of {original}'s agent and earns nothing");
    }
    for (task, score) in &ranking.tasks {
        if score.verdict != Verdict::Accepted {
            let (code, passed, total) = (painted(score.verdict.code()), score.passed, score.total);
            let _ = writeln!(text, "  {task}: {code}, {passed} of {total} cases");
        }
    }
    text
}

/// The public cases that the ranked agent fails, or nothing if no copy of it is on this machine.
async fn failed_cases(args: &StatusArgs, standing: &Standing) -> Result<Option<Vec<FailedCase>>> {
    let tasks = standing.unaccepted_tasks();
    if tasks.is_empty() {
        return Ok(Some(Vec::new()));
    }
    let MinerArgs { id, work } = &args.miner;
    let work = WorkDirectory::open(work.as_deref(), id).map_err(CommandError::input)?;
    let console = Console::new();
    let Some(source) = standing.stored_copy(&work) else {
        console.print_line(
            "no copy of the ranked agent is on this machine, so its failed cases are not shown; run 'arena check FILE'",
        );
        return Ok(None);
    };
    let run = |sandbox| {
        let listener = console.round_listener();
        let check = FailedCasesCheck { source: &source, tasks, jobs: args.jobs.count() };
        async move { Ok(failed_public_cases(&sandbox, check, listener).await?) }
    };
    with_sandbox(&args.sandbox.settings(), &console, run).await.map(Some)
}
