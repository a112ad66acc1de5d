//! `miner status`: where an agent stands, and which public cases it fails.
//!
//! A platform tells scores and verdicts, and no more. What failed is found here, by running the copy of the
//! agent that was kept when it was uploaded.

use std::fmt::Write as _;

use miner::submit::status::{self, FailedCase, Standing};
use miner::work_directory::WorkDirectory;
use platform::client::Client;
use serde_json::json;
use tasks::Verdict;

use super::{Failure, unless_interrupted, with_sandbox};
use crate::cli::Status;
use crate::console::{self, Console};

/// Asks the platform, runs the agent on what it lost points on, and prints both.
pub async fn run(args: Status) -> Result<(), Failure> {
    let client = Client::new(&args.platform.platform)?;
    let miner = &args.miner;
    let asked = async { Ok(status::standing(&client, miner).await?) };
    let Some(standing) = unless_interrupted(asked).await? else {
        return Err(Failure::Input(format!(
            "{miner} has uploaded nothing to {}; 'miner mine' or 'miner upload' does",
            args.platform.platform
        )));
    };
    let failed = match &standing.ranking {
        Some(_) if !args.no_try => failed_cases(&args, &standing).await?,
        _ => None,
    };
    if args.json {
        let Standing { agent, agents_ranked, ranking } = &standing;
        console::document(&json!({
            "agent": agent, "agents_ranked": agents_ranked, "ranking": ranking,
            "failed_public_cases": failed,
        }))?;
        return Ok(());
    }
    let Standing { agent, .. } = &standing;
    let mut text = format!("{miner}: version {}, uploaded {}\n", agent.version, agent.uploaded_at);
    text.push_str(&shown(&standing));
    for FailedCase { task, verdict, detail } in failed.iter().flatten() {
        let _ = writeln!(text, "  {task}: {verdict}: {detail}");
    }
    console::text(&text)
}

fn shown(standing: &Standing) -> String {
    let Some(ranking) = &standing.ranking else { return "not ranked yet\n".to_owned() };
    let mut lines = vec![format!(
        "rank {} of {}, score {:.2}, reward {} 'TAO'",
        ranking.rank, standing.agents_ranked, ranking.score, ranking.reward_tao
    )];
    if standing.is_outdated() {
        lines
            .push("this is the rank of an earlier version; the present one was not run yet".into());
    }
    if let Some(original) = &ranking.copy_of {
        lines.push(format!("it is a copy of {original}'s agent and earns nothing"));
    }
    for (task, score) in &ranking.tasks {
        if score.verdict != Verdict::Accepted {
            let (passed, total) = (score.passed, score.total);
            lines.push(format!("  {task}: {}, {passed} of {total} cases", score.verdict));
        }
    }
    lines.join("\n") + "\n"
}

/// The public cases of the tasks that did not get everything, or nothing if no copy of the agent is here.
async fn failed_cases(
    args: &Status,
    standing: &Standing,
) -> Result<Option<Vec<FailedCase>>, Failure> {
    let tasks = standing.unaccepted_tasks();
    if tasks.is_empty() {
        return Ok(Some(Vec::new()));
    }
    let work = WorkDirectory::open(args.work.as_deref(), &args.miner)?;
    let Some(source) = standing.stored_copy(&work) else {
        console::say(
            "no copy of that agent is here, so its failed cases are not shown; 'miner try FILE' shows them",
        );
        return Ok(None);
    };
    let console = Console::new();
    let run = |sandbox| {
        let (source, listener) = (&source, console.listener());
        async move { Ok(status::failed_public_cases(&sandbox, source, tasks, listener).await?) }
    };
    Ok(Some(with_sandbox(&args.options, &console, run).await?))
}
