//! `arena rank`: ranks the store's round again, from its results alone.

use clap::Args;
use harness::benchmark::file::{ADVISORY, Benchmark};
use harness::benchmark::tasks::{StoredTasks, stored};
use harness::round::agent::{Agent, VersionLimit, stored_agents};
use harness::round::results::Results;
use harness::round::standings::{Coverage, Publication, RecordsOfRound, Standings, StoredScores};
use harness::round::stopping::StopRules;
use harness::trial::instance::RoundTask;
use jiff::Timestamp;
use platform::api::trial_name;
use platform::store::{RoundDefinition, Store};

use crate::args::{BenchmarkArgs, DiscloseArgs, PrivateArgs, RewardArgs, StoreArgs};
use crate::console::print_line;
use crate::exit::{CommandError, Result};
use crate::output::format::FormatArgs;
use crate::ranking::{check_judged, finish, store_trials};

/// Arguments of `rank`.
#[derive(Args)]
pub struct RankArgs {
    #[command(flatten)]
    store: StoreArgs,
    #[command(flatten)]
    benchmark: BenchmarkArgs,
    #[command(flatten)]
    private: PrivateArgs,
    #[command(flatten)]
    reward: RewardArgs,
    /// Publish the ranking although it covers fewer tasks than there are
    #[arg(long)]
    publish_partial: bool,
    #[command(flatten)]
    disclose: DiscloseArgs,
    #[command(flatten)]
    output: FormatArgs,
}

/// Reads every trial record of the round, ranks, and prints.
pub fn run(args: &RankArgs) -> Result {
    let store = args.store.open_existing()?;
    let _lock = store.lock_round()?;
    let root = store.root().display();
    let judged = store.latest_round()?.filter(|round| !round.image.is_empty());
    let definition = judged.ok_or_else(|| {
        CommandError::Input(format!("{root} holds no judged round; run 'arena evaluate' first"))
    })?;
    let benchmark = args.benchmark.read()?;
    let benchmark = benchmark.as_ref();
    let private = args.private.read(benchmark, None)?;
    let problems = private.as_ref().map(|private| &*private.benchmark);
    let advisory = benchmark.into_iter().chain(problems).any(Benchmark::is_advisory);
    if advisory {
        print_line(ADVISORY);
    }
    let tasks = stored(&StoredTasks {
        tasks: &definition.tasks,
        image: &definition.image,
        store: &store,
        benchmark,
        private: definition.private.as_ref(),
        private_file: private.as_ref(),
    })?;
    let tasks: Vec<_> =
        tasks.into_iter().map(|task| RoundTask::new(task, definition.seed)).collect();
    let listed_at = Timestamp::now();
    let agents = load_agents(&store, &definition)?;
    let ranked = store.rankings()?.map(|rankings| rankings.round);
    let ranked = ranked.filter(|round| round.id == definition.id);
    let stop = ranked.as_ref().map(StopRules::of_round).unwrap_or_default();
    let stopped = ranked.map(|round| round.stopped).unwrap_or_default();
    let wanted = RecordsOfRound { agents: &agents, tasks: &tasks, round: &definition };
    let StoredScores { scores, faults, stopped } =
        StoredScores::read(&Results::of(&store), wanted, &stopped)?;
    for fault in &faults {
        let trial = trial_name(&fault.task, fault.repetition);
        print_line(&format!("{} on {trial}: {}", fault.miner_id, fault.fault));
    }
    let all = benchmark.map_or_else(|| ::tasks::all().len(), |benchmark| benchmark.entries.len());
    let all = all + problems.map_or(0, |benchmark| benchmark.entries.len());
    let whole = tasks.len() == all;
    let coverage = if whole { Coverage::Whole } else { Coverage::Partial };
    let publication = if store.open_round()?.is_none() {
        Publication::Recomputed
    } else if advisory || !whole && !args.publish_partial {
        Publication::Unofficial
    } else {
        Publication::Standings
    };
    let standings = Standings {
        store: &store,
        definition: &definition,
        agents: &agents,
        listed_at,
        tasks: &tasks,
        scores,
        faults,
        stop,
        stopped,
        coverage,
        publication,
        disclose: args.disclose.disclose,
        // A round is signed when it closes.
        sign_key: None,
    };
    let rankings = finish(&standings, &args.reward, &args.output)?;
    store_trials(&standings, &rankings)?;
    check_judged(&rankings)
}

fn load_agents(store: &Store, definition: &RoundDefinition) -> Result<Vec<Agent>> {
    store.add_missing_programs()?;
    let found = stored_agents(store, VersionLimit::of(definition))?;
    for damaged in &found.damaged {
        print_line(&format!("warning: {damaged}"));
    }
    if found.agents.is_empty() {
        return Err(CommandError::Input(format!(
            "{} holds no agents to rank; 'arena evaluate --platform URL' ranks the agents of a platform",
            store.root().display()
        )));
    }
    Ok(found.agents)
}
