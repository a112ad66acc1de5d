//! `arena cache`: shows the size of the stored results, and removes those that no round uses any more.

use std::collections::BTreeSet;

use clap::Args;
use harness::benchmark::tasks::{StoredTasks, stored};
use harness::round::agent::{VersionLimit, stored_agents};
use harness::round::cache::{CacheContents, StaleRecords, contents, keys_of_round};
use harness::trial::instance::RoundTask;

use crate::args::{BenchmarkArgs, OutputArgs, PrivateArgs, StoreArgs};
use crate::console::{print, print_json, print_line};
use crate::exit::{CommandError, Result};

/// Arguments of `cache`.
#[derive(Args)]
pub struct CacheArgs {
    #[command(flatten)]
    store: StoreArgs,
    #[command(flatten)]
    benchmark: BenchmarkArgs,
    #[command(flatten)]
    private: PrivateArgs,
    /// Remove the results that the current round does not use
    #[arg(long)]
    prune: bool,
    #[command(flatten)]
    output: OutputArgs,
}

/// Prints how many results there are, and removes stale ones on request.
pub fn run(args: &CacheArgs) -> Result {
    let store = args.store.open_existing()?;
    // An evaluation that is running would lose the records that it is about to use.
    let _lock = args.prune.then(|| store.lock_round()).transpose()?;
    let round = store.latest_round()?;
    let limit = round.as_ref().map_or(VersionLimit::None, VersionLimit::of);
    let found = stored_agents(&store, limit)?;
    for damaged in &found.damaged {
        print_line(&format!("warning: {damaged}"));
    }
    // Without agents, or before the round's first run, every result would look stale.
    let was_run = round.as_ref().is_none_or(|round| !round.image.is_empty());
    if args.prune && (!was_run || found.agents.is_empty()) {
        return Err(CommandError::Input(format!(
            "cannot determine which results of {} are stale: it holds no agents, or a round that was not run yet; \
             nothing was removed; run 'arena evaluate' first",
            store.root().display()
        )));
    }
    let keys = match &round {
        None => BTreeSet::new(),
        Some(round) => {
            let benchmark = args.benchmark.read()?;
            let benchmark = benchmark.as_ref();
            let private = args.private.read(benchmark, None)?;
            let tasks = stored(&StoredTasks {
                tasks: &round.tasks,
                image: &round.image,
                store: &store,
                benchmark,
                private: round.private.as_ref(),
                private_file: private.as_ref(),
            })?;
            let tasks: Vec<_> =
                tasks.into_iter().map(|task| RoundTask::new(task, round.seed)).collect();
            keys_of_round(&found.agents, &tasks, round)
        }
    };
    let stale = if args.prune { StaleRecords::Remove } else { StaleRecords::Keep };
    let contents = contents(&store, &keys, stale)?;
    if args.output.json { print_json(&contents) } else { print(&summary(&contents)) }
}

fn summary(contents: &CacheContents) -> String {
    let CacheContents { results, bytes, hits, stale_bytes, pruned } = *contents;
    let (stale, stale_size) = (results - hits, mebibytes(stale_bytes));
    let prunable = match (stale, pruned) {
        (0, _) => "nothing to prune".to_owned(),
        (_, true) => format!("removed {stale}, {stale_size}"),
        (_, false) => format!("'arena cache --prune' removes the other {stale}, {stale_size}"),
    };
    format!(
        "{results} results, {}; {hits} belong to the current round\n{prunable}\n",
        mebibytes(bytes)
    )
}

fn mebibytes(bytes: u64) -> String {
    format!("{}.{} MiB", bytes >> 20, ((bytes & 0xf_ffff) * 10) >> 20)
}
