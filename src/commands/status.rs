//! `arena status`: shows whether an agent is judged, its rank, and why it has its score. It asks the platform and runs
//! nothing.

use std::fmt::Write as _;

use clap::Args;
use miner::submit::status::{MissingResults, StandingReport, standing_report};
use miner::submit::token::TokenFile;
use platform::api::{JudgedSubmission, RoundStatus, SubmissionOutcome};
use platform::client::Client;
use tasks::Verdict;

use crate::args::{MinerIdArgs, OutputArgs, PlatformArgs};
use crate::console::{print, print_json};
use crate::exit::{CommandError, Result};
use crate::interrupt::abort_on_signal;
use crate::output::reasons;
use crate::output::text::painted;

/// Arguments of `status`.
#[derive(Args)]
pub struct StatusArgs {
    #[command(flatten)]
    platform: PlatformArgs,
    #[command(flatten)]
    miner: MinerIdArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// Asks the platform and prints what it says.
pub async fn run(args: StatusArgs) -> Result {
    let client = Client::new(&args.platform.url)?;
    let miner = &args.miner.id;
    let tokens = TokenFile::at(args.platform.token_file.clone())?;
    let token = tokens.get(&args.platform.url, miner)?;
    let asking = standing_report(&client, miner, token.as_deref());
    let report = abort_on_signal(async { Ok(asking.await?) }).await?;
    let report = report.ok_or_else(|| {
        CommandError::Input(format!(
            "{miner} has uploaded nothing to {}; use 'arena mine' or 'arena upload'",
            args.platform.url
        ))
    })?;
    if args.output.json {
        return print_json(&report);
    }
    print(&text(&report, &tokens))
}

fn text(report: &StandingReport, tokens: &TokenFile) -> String {
    let status = &report.status;
    let mut text = format!(
        "{}: version {}, uploaded {}\n",
        status.miner_id, status.version, status.uploaded_at
    );
    match &status.judged_in {
        Some(judged) => text += &judged_text(report, judged),
        None => text.push_str("not ranked yet\n"),
    }
    if let Some(withdrawn_at) = status.withdrawn_at {
        let _ = writeln!(
            text,
            "withdrawn {withdrawn_at}: it is not judged; 'arena upload' brings it back"
        );
    }
    if status.running {
        text.push_str("the evaluation that runs now judges it\n");
    } else if let Some(since) = status.queued_since {
        let _ = writeln!(text, "waiting to be judged since {since}");
        if let Some(expected) = status.next_round_expected_at {
            let _ = writeln!(text, "the next round is expected at {expected}");
        }
    }
    text + &reasons_text(report, tokens)
}

/// What the latest round says about the agent.
fn judged_text(report: &StandingReport, judged: &JudgedSubmission) -> String {
    let JudgedSubmission { round, rank, agents, score, reward_tao, .. } = judged;
    let mut text = match (judged.outcome, rank, score, reward_tao) {
        (SubmissionOutcome::Ranked, Some(rank), Some(score), Some(reward)) => {
            format!(
                "rank {rank} of {agents}, score {score:.2}, reward {reward} 'TAO' (round {round})\n"
            )
        }
        (SubmissionOutcome::Stopped, ..) => {
            format!("no rank: it was stopped before all its trials (round {round})\n")
        }
        _ => format!(
            "no rank: the arena could not complete its trials, and will try again (round {round})\n"
        ),
    };
    if judged.provisional {
        text.push_str(
            "provisional: some trials were not judged, so ranks and rewards may change\n",
        );
    } else if judged.round_status == RoundStatus::Open {
        text.push_str("the round is open: ranks and rewards may change\n");
    }
    if judged.agent_sha256.as_ref().is_some_and(|judged| *judged != report.status.sha256) {
        let version =
            judged.version.map_or("an earlier version".to_owned(), |v| format!("version {v}"));
        let _ =
            writeln!(text, "this is the result of {version}; the current one is not judged yet");
    }
    if let Some(original) = &judged.copy_of {
        let _ = writeln!(text, "it is a copy of {original}'s agent and earns nothing");
    }
    text
}

/// The trials with their reasons, or else what is public of them and why there is no more.
fn reasons_text(report: &StandingReport, tokens: &TokenFile) -> String {
    let judged = report.status.judged_in.as_ref();
    if let Some(results) = &report.results {
        let is_latest = judged.is_some_and(|judged| judged.round == results.round);
        let of =
            if is_latest { String::new() } else { format!("trials of round {}:\n", results.round) };
        return of + &reasons::text(results);
    }
    let mut text = String::new();
    for (task, score) in report.ranking.iter().flat_map(|ranking| &ranking.tasks) {
        if score.verdict != Verdict::Accepted {
            let (code, passed, total) = (painted(score.verdict.code()), score.passed, score.total);
            let _ = writeln!(text, "  {task}: {code}, {passed} of {total} cases");
        }
    }
    let file = tokens.path().display();
    text += &match report.results_missing {
        Some(MissingResults::NoToken) => format!(
            "{file} holds no token of this id; with it, failed cases, counterexamples and stderr are shown\n"
        ),
        Some(MissingResults::TokenRefused) => format!(
            "the token in {file} is not accepted; with the right one, failed cases, counterexamples and stderr are shown\n"
        ),
        Some(MissingResults::NotPublished) if judged.is_some() => {
            "the validator has not published the trials behind this\n".to_owned()
        }
        _ => String::new(),
    };
    text
}
