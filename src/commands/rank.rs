//! `arena rank`: ranks the store's round again, from its results alone.

use clap::Args;
use harness::benchmark::file::{ADVISORY, Benchmark};
use harness::benchmark::tasks::{StoredTasks, stored};
use harness::round::agent::{Agent, VersionLimit, stored_agents};
use harness::round::results::{Environment, Results};
use harness::round::standings::{Coverage, Publication, Standings, StoredScores};
use harness::trial::instance::RoundTask;
use jiff::Timestamp;
use platform::store::{RoundDefinition, Store};

use crate::args::{BenchmarkArgs, DiscloseArgs, RewardArgs, StoreArgs};
use crate::console::print_line;
use crate::exit::{CommandError, Result};
use crate::output::format::FormatArgs;
use crate::ranking::{check_judged, finish};

/// Arguments of `rank`.
#[derive(Args)]
pub struct RankArgs {
    #[command(flatten)]
    store: StoreArgs,
    #[command(flatten)]
    benchmark: BenchmarkArgs,
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
    let advisory = benchmark.is_some_and(Benchmark::is_advisory);
    if advisory {
        print_line(ADVISORY);
    }
    let tasks = stored(&StoredTasks {
        tasks: &definition.tasks,
        image: &definition.image,
        store: &store,
        benchmark,
    })?;
    let tasks: Vec<_> =
        tasks.into_iter().map(|task| RoundTask::new(task, definition.seed)).collect();
    let listed_at = Timestamp::now();
    let agents = load_agents(&store, &definition)?;
    let environment = Environment::new(&definition.image, definition.model.as_deref());
    let StoredScores { scores, faults } =
        StoredScores::read(&Results::of(&store), &agents, &tasks, &environment)?;
    for fault in &faults {
        print_line(&format!("{} on {}: {}", fault.miner_id, fault.task, fault.fault));
    }
    let all = benchmark.map_or_else(|| ::tasks::all().len(), |benchmark| benchmark.entries.len());
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
        coverage,
        publication,
        disclose: args.disclose.disclose,
        // A round is signed when it closes.
        sign_key: None,
    };
    check_judged(&finish(&standings, &args.reward, &args.output)?)
}

fn load_agents(store: &Store, definition: &RoundDefinition) -> Result<Vec<Agent>> {
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
