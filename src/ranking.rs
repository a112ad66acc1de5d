//! The end of a round, whether it was run or read from results: rank, print, and say what was published.

use std::io::Write as _;

use harness::round::standings::{RankingStatus, Standings};
use harness::scoring::report;
use platform::api::Rankings;

use crate::args::{OutputArgs, RewardArgs};
use crate::console::{print, print_line};
use crate::exit::{CommandError, Result};

/// Ranks, prints the rankings, and reports where they were published. Incomplete rankings are an error.
pub fn finish(
    standings: &Standings<'_>,
    reward: &RewardArgs,
    output: &OutputArgs,
) -> Result<Rankings> {
    let finished = standings.finish_round(reward.policy())?;
    let rankings = finished.rankings;
    if output.json {
        let mut out = std::io::BufWriter::new(std::io::stdout().lock());
        let trials = standings.trials();
        report::write_evaluation(&mut out, &rankings.round, trials, &rankings.rankings)?;
        writeln!(out)
            .and_then(|()| out.flush())
            .map_err(|error| CommandError::Fault(format!("cannot write to stdout: {error}")))?;
    } else {
        print(&report::rankings(&rankings))?;
    }
    match finished.status {
        RankingStatus::Published(path) => {
            print_line(&format!("rankings: {}", path.display()));
            Ok(rankings)
        }
        RankingStatus::Unofficial => {
            print_line("unofficial ranking: published rankings unchanged");
            Ok(rankings)
        }
        RankingStatus::Incomplete { faults, published } => {
            print_line(&format!(
                "incomplete ranking: {faults} trials could not be run; {} unchanged",
                published.display()
            ));
            Err(CommandError::Reported)
        }
    }
}
