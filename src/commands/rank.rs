//! `arena rank`: ranks the store's round again, from its results alone.

use std::sync::Arc;

use clap::Args;
use harness::benchmark::file::{ADVISORY, BenchmarkFile};
use harness::benchmark::tasks::stored;
use harness::round::agent::stored_agents;
use harness::round::results::Results;
use harness::round::seed::commitment;
use harness::round::standings::{Publication, Standings, StoredScores};
use harness::trial::instance::RoundTask;
use jiff::Timestamp;
use platform::api::Round;

use crate::args::{BenchmarkArgs, DiscloseArgs, OutputArgs, RewardArgs, StoreArgs};
use crate::console::print_line;
use crate::exit::{CommandError, Result};
use crate::ranking::finish;

/// Arguments of `rank`.
#[derive(Args)]
pub struct RankArgs {
    #[command(flatten)]
    store: StoreArgs,
    #[command(flatten)]
    benchmark: BenchmarkArgs,
    #[command(flatten)]
    reward: RewardArgs,
    #[command(flatten)]
    disclose: DiscloseArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// Reads every result of the round, ranks, and prints.
pub fn run(args: &RankArgs) -> Result {
    let store = args.store.open()?;
    let root = store.root().display();
    let open = store.round()?.ok_or_else(|| {
        CommandError::Input(format!("{root} holds no round; run 'arena evaluate' first"))
    })?;
    let file = args.benchmark.file.as_ref();
    let advisory = file.is_some_and(BenchmarkFile::is_advisory);
    if advisory {
        print_line(ADVISORY);
    }
    let tasks = stored(file, &store, &open)?;
    let tasks: Arc<[_]> = tasks.into_iter().map(|task| RoundTask::new(task, open.seed)).collect();
    let found = stored_agents(&store)?;
    for damaged in &found.damaged {
        print_line(&format!("warning: {damaged}"));
    }
    let agents = found.agents;
    if agents.is_empty() {
        return Err(CommandError::Input(format!(
            "{root} holds no agents to rank; 'arena evaluate --platform URL' ranks the agents of a platform"
        )));
    }

    let StoredScores { scores, faults } =
        StoredScores::read(&Results::of(&store), &agents, &tasks, &open.image)?;
    for fault in &faults {
        print_line(&format!("{} on {}: {}", fault.miner_id, fault.task, fault.fault));
    }
    let last = store.rankings()?.map(|rankings| rankings.round);
    let same = last.filter(|round| round.seed == open.seed);
    let now = Timestamp::now();
    let trials = agents.len() * tasks.len();
    let round = Round {
        commitment: open.salt.as_ref().map(|salt| commitment(open.seed, salt)),
        salt: open.salt.clone(),
        id: same.as_ref().map_or_else(|| format!("{now:.3}-{}", open.seed), |r| r.id.clone()),
        seed: open.seed,
        started_at: same.as_ref().map_or(now, |round| round.started_at),
        finished_at: same.as_ref().map_or(now, |round| round.finished_at),
        tasks: open.tasks.clone(),
        image: same.as_ref().map_or_else(|| open.image.clone(), |round| round.image.clone()),
        isolation: same.as_ref().map_or_else(|| "agent".to_owned(), |r| r.isolation.clone()),
        pool_tao: args.reward.pool.to_string(),
        payout: args.reward.payout.to_string(),
        trials: trials as u64,
        cached: (trials - faults.len()) as u64,
        faults,
    };
    let standings = Standings {
        store: &store,
        agents: &agents,
        tasks: &tasks,
        image: &open.image,
        scores,
        round,
        disclose: args.disclose.disclose,
        publication: if advisory { Publication::Unofficial } else { Publication::Publish },
    };
    finish(&standings, &args.reward, &args.output).map(drop)
}
