//! The end of a round, whether it was run or read from results: rank, print, and say what was published.

use std::collections::BTreeSet;
use std::io::Write as _;

use harness::round::publication::TrialsPublication;
use harness::round::remote::RemoteValidator;
use harness::round::standings::{Publication, Standings};
use harness::scoring::report;
use platform::api::{Rankings, RoundStatus};

use crate::args::RewardArgs;
use crate::console::{print, print_line};
use crate::exit::{CommandError, Result};
use crate::output::format::{FormatArgs, OutputFormat};
use crate::output::junit::junit;
use crate::output::rankings;
use crate::output::trials::TrialRow;

/// Ranks, prints the rankings, and reports where they were published.
pub fn finish(
    standings: &Standings<'_>,
    reward: &RewardArgs,
    output: &FormatArgs,
) -> Result<Rankings> {
    let ranked = standings.finish_round(reward.policy())?;
    match output.format() {
        OutputFormat::Text => print(&rankings::text(&ranked))?,
        OutputFormat::Json => print_report(standings, &ranked)?,
        OutputFormat::Junit => print(&junit(&rows(standings, &ranked)?))?,
        OutputFormat::Csv => print(&rankings::sheet(&ranked).csv())?,
        OutputFormat::Markdown => print(&rankings::sheet(&ranked).markdown())?,
    }
    print_publication(standings, &ranked);
    Ok(ranked)
}

/// Stores what miners may know of the trials behind a published ranking. The ranking is stored already, so a failure says how
/// to store them later.
pub fn store_trials(standings: &Standings<'_>, rankings: &Rankings) -> Result {
    let stored = TrialsPublication::of(standings, rankings)
        .and_then(|publication| publication.map_or(Ok(0), |publication| publication.store()));
    stored.map(drop).map_err(|fault| {
        CommandError::Fault(format!(
            "the ranking is stored, but not all of the trials behind it, which miners read with 'arena status': {fault}; run \
             'arena rank' to store them"
        ))
    })
}

/// Publishes a ranking and its trials on a platform. They are in the store already, and a closed round does not open again,
/// so a failure says how to send them.
pub async fn publish_remotely(
    validator: &RemoteValidator<'_>,
    standings: &Standings<'_>,
    rankings: &Rankings,
) -> Result {
    let Some(publication) = TrialsPublication::of(standings, rankings)? else { return Ok(()) };
    let (root, url) = (standings.store.root(), validator.url.trim_end_matches('/'));
    if let Err(fault) = validator.publish(rankings).await {
        print_line(&format!(
            "{} holds the ranking, and the platform does not have it: send it with 'PUT {url}/rankings{}'",
            root.join("rankings.json").display(),
            if rankings.round.partial { "?publish_partial=true" } else { "" }
        ));
        return Err(fault.into());
    }
    print_line(&format!("published on {}", validator.url));
    if let Err(fault) = publication.send(validator).await {
        print_line(&format!(
            "the platform has the ranking, but not all of the trials behind it: send each file in {} with 'PUT \
             {url}/results', or evaluate the round again while it is open",
            standings.store.trials_of_round(&rankings.round.id)?.display(),
        ));
        return Err(fault.into());
    }
    Ok(())
}

/// Writes the report of the round to stdout.
fn print_report(standings: &Standings<'_>, ranked: &Rankings) -> Result {
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let trials = standings.trials(ranked.round.status);
    report::write_evaluation(&mut out, ranked, trials)?;
    writeln!(out)
        .and_then(|()| out.flush())
        .map_err(|error| CommandError::Fault(format!("cannot write to stdout: {error}")))
}

/// All trials, and those that were not judged, in the order of their agents.
fn rows(standings: &Standings<'_>, ranked: &Rankings) -> Result<Vec<TrialRow>> {
    let mut rows = Vec::new();
    for trial in standings.trials(ranked.round.status) {
        rows.push(TrialRow::judged(&trial?));
    }
    rows.extend(ranked.round.faults.iter().map(TrialRow::fault));
    rows.sort_by(|a, b| a.agent.cmp(&b.agent));
    Ok(rows)
}

/// Prints where the ranking was published.
fn print_publication(standings: &Standings<'_>, rankings: &Rankings) {
    let round = &rankings.round;
    let path = standings.store.root().join("rankings.json");
    match round.status {
        _ if !standings.is_published(rankings) => {
            print_line("unofficial ranking: published rankings unchanged");
        }
        RoundStatus::Open => print_line(&format!("standings: {}", path.display())),
        RoundStatus::Closed => {
            if let (Some(seed), Some(salt)) = (round.seed, &round.salt) {
                print_line(&format!("round {} closed: seed {seed}, salt {salt}", round.id));
            }
            if let Some(key) = standings.sign_key {
                print_line(&format!("signed by {}", key.public().fingerprint()));
            }
            print_line(&format!("rankings: {}", path.display()));
        }
    }
    if standings.publication == Publication::Final && round.status == RoundStatus::Open {
        let agents: BTreeSet<_> = round.faults.iter().map(|f| f.miner_id.as_str()).collect();
        let agents: Vec<_> = agents.into_iter().collect();
        print_line(&format!(
            "round {} stays open: trials of {} were not judged; run 'arena evaluate --close' again",
            round.id,
            agents.join(", ")
        ));
    }
}

/// Turns a ranking that lacks agents into the end of the command: the faults were printed.
pub fn check_judged(rankings: &Rankings) -> Result {
    let round = &rankings.round;
    if !round.is_provisional() {
        return Ok(());
    }
    print_line(&format!(
        "provisional: {} trials not judged; run 'arena evaluate' again to judge them",
        round.faults.len()
    ));
    Err(CommandError::Reported)
}
