//! `miner status`: where an agent stands, and which public cases it fails.
//!
//! A platform tells scores and verdicts, and no more. What failed is found here, by running the copy of the
//! agent that was kept when it was uploaded.

use std::fmt::Write as _;

use harness::round::check::{CheckRequest, check};
use harness::trial::record::Disclose;
use miner::work::WorkFolder;
use platform::api::Ranking;
use platform::client::Client;
use serde_json::json;
use tasks::{Seed, Sha256, TaskId, Verdict};

use super::{Failure, unless_interrupted, with_sandbox};
use crate::cli::Status;
use crate::console::{self, Console};

/// A public case that an agent fails.
#[derive(serde::Serialize)]
pub struct FailedCase {
    task: TaskId,
    verdict: Verdict,
    detail: String,
}

/// Asks the platform, runs the agent on what it lost points on, and prints both.
pub async fn run(args: Status) -> Result<(), Failure> {
    let client = Client::new(&args.platform.platform)?;
    let asked = async { Ok((client.agents().await?, client.rankings().await?)) };
    let (agents, rankings) = unless_interrupted(asked).await?;
    let miner = &args.miner;
    let Some(agent) = agents.agents.into_iter().find(|agent| agent.miner_id == *miner) else {
        return Err(Failure::Input(format!(
            "{miner} has uploaded nothing to {}; 'miner mine' or 'miner upload' does",
            args.platform.platform
        )));
    };
    let places = rankings.as_ref().map_or(0, |rankings| rankings.rankings.len());
    let rankings = rankings.map(|rankings| rankings.rankings).unwrap_or_default();
    let ranking = rankings.into_iter().find(|ranking| ranking.miner_id == *miner);
    let failed = match &ranking {
        Some(ranking) if !args.no_try => failed_cases(&args, ranking).await?,
        _ => None,
    };
    if args.json {
        console::document(&json!({
            "agent": agent, "agents_ranked": places, "ranking": ranking, "failed_public_cases": failed,
        }))?;
        return Ok(());
    }
    let mut text = format!("{miner}: version {}, uploaded {}\n", agent.version, agent.uploaded_at);
    match &ranking {
        Some(ranking) => text.push_str(&standing(ranking, places, &agent.sha256)),
        None => text.push_str("not ranked yet\n"),
    }
    for FailedCase { task, verdict, detail } in failed.iter().flatten() {
        let _ = writeln!(text, "  {task}: {verdict}: {detail}");
    }
    console::text(&text)
}

fn standing(ranking: &Ranking, places: usize, current: &Sha256) -> String {
    let mut lines = vec![format!(
        "rank {} of {places}, score {:.2}, reward {} 'TAO'",
        ranking.rank, ranking.score, ranking.reward_tao
    )];
    if ranking.agent_sha256 != *current {
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
    ranking: &Ranking,
) -> Result<Option<Vec<FailedCase>>, Failure> {
    let lost = |id: &TaskId| ranking.tasks.get(id).is_some_and(|s| s.verdict != Verdict::Accepted);
    let tasks: Vec<_> = tasks::all().into_iter().filter(|task| lost(&task.id)).collect();
    if tasks.is_empty() {
        return Ok(Some(Vec::new()));
    }
    let work = WorkFolder::open(args.work.as_deref(), &args.miner).map_err(Failure::Input)?;
    let source = std::fs::read_to_string(work.agent()).unwrap_or_default();
    if Sha256::of(source.as_bytes()) != ranking.agent_sha256 {
        console::say(
            "no copy of that agent is here, so its failed cases are not shown; 'miner try FILE' shows them",
        );
        return Ok(None);
    }
    let console = Console::new();
    let run = |sandbox| {
        let listener = console.listener();
        let (source, tasks) = (&source, tasks.clone());
        // Public cases are the same under every seed.
        let request = CheckRequest { source, tasks, seed: Seed(0), disclose: Disclose::Public };
        async move { Ok(check(&sandbox, request, listener).await?) }
    };
    let checked = with_sandbox(&args.options, &console, run).await?;
    let mut failed = Vec::new();
    for trial in checked.trials {
        let result = trial.record;
        let task = tasks.iter().find(|task| task.id == result.task);
        let cases = task.map(|task| task.cases(Seed(0))).unwrap_or_default();
        let public = |name: &str| cases.iter().any(|case| case.public && case.name == name);
        for case in
            result.cases.into_iter().filter(|case| case.verdict.is_wrong() && public(&case.name))
        {
            let (task, verdict, detail) = (result.task.clone(), case.verdict, case.detail);
            failed.push(FailedCase { task, verdict, detail });
        }
    }
    Ok(Some(failed))
}
