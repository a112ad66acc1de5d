//! `harness evaluate`: runs the trials that have no result yet, then ranks and rewards.

use std::sync::Arc;

use ::tasks::{Seed, Task};
use harness::Fault;
use harness::console::Console;
use harness::prepared::Prepared;
use harness::results::Results;
use harness::round::{self, Agent, Outcome, Plan, drawn_seed, seed_of_store};
use harness::sandbox::{Image, Sandbox};
use jiff::Timestamp;
use platform::MinerId;
use platform::client::Client;
use platform::rankings::Round;
use platform::store::{AgentMeta, RoundFile, Store};

use super::standings::{Standings, stored_agents};
use super::{Failure, chosen_tasks, with_sandbox};
use crate::cli::Evaluate;

/// Runs a round over the store.
pub async fn run(args: Evaluate) -> Result<(), Failure> {
    let console = Console::new();
    let mut tasks = chosen_tasks(&args.tasks)?;
    if let Some(url) = &args.platform {
        tasks = served_tasks(url, tasks).await?;
    }
    let store = Store::open(&args.store.store)?;
    let agents = chosen_agents(stored_agents(&store, &console)?, &args.agents)?;
    let seed = seed_of_round(&args, &store)?;
    let tasks: Arc<[_]> = tasks.into_iter().map(|task| Prepared::new(task, seed)).collect();

    let started_at = Timestamp::now();
    let work = |sandbox| evaluate(sandbox, &args, &store, &agents, Arc::clone(&tasks), &console);
    let (image, outcome) = with_sandbox(&args.options, &console, work).await?;

    let round = Round {
        id: format!("{started_at:.3}-{seed}"),
        seed,
        started_at,
        finished_at: Timestamp::now(),
        tasks: tasks.iter().map(|prepared| prepared.id().clone()).collect(),
        image: image.pinned(),
        isolation: args.isolation.to_string(),
        pool_tao: args.reward.pool.to_string(),
        payout: args.reward.payout.to_string(),
        trials: (agents.len() * tasks.len()) as u64,
        cached: outcome.cached,
        faults: outcome.faults,
    };
    let standings = Standings {
        store: &store,
        agents: &agents,
        tasks: &tasks,
        image: &image.id,
        scores: outcome.scores,
        round,
        // The rankings that everybody sees are those of everybody.
        publish: args.agents.is_empty(),
    };
    standings.tell(&args.reward, args.json, &console)
}

async fn evaluate(
    sandbox: Sandbox,
    args: &Evaluate,
    store: &Store,
    agents: &[AgentMeta],
    tasks: Arc<[Prepared]>,
    console: &Console,
) -> Result<(Image, Outcome), Failure> {
    let image = sandbox.image().clone();
    let ids = tasks.iter().map(|prepared| prepared.id().clone()).collect();
    let seed = tasks.first().map_or(Seed(0), |prepared| prepared.seed);
    store.put_round(&RoundFile { seed, image: image.id.clone(), tasks: ids })?;
    let plan = Plan {
        agents: agents.iter().cloned().map(|meta| Agent::stored(store, meta)).collect(),
        tasks,
        results: Some(Results::of(store)),
        jobs: args.jobs.map_or_else(super::processors, usize::from),
        isolation: args.isolation,
    };
    let outcome = round::run(&sandbox, plan, console.listener()).await?;
    Ok((image, outcome))
}

/// Those of `tasks` that the platform serves, in its order. The suites here and the tasks there must be
/// the same, or an agent would be judged by what it was never asked.
async fn served_tasks(url: &str, mut tasks: Vec<Task>) -> Result<Vec<Task>, Failure> {
    let client = Client::new(url).map_err(|error| Failure::Input(error.to_string()))?;
    let served = client.tasks().await.map_err(|error| Fault::Platform(error.to_string()))?;
    let mut chosen = Vec::new();
    for view in served {
        let Some(place) = tasks.iter().position(|task| task.id == view.id) else { continue };
        let task = tasks.swap_remove(place);
        if task.view() != view {
            return Err(Failure::Input(format!(
                "{url} serves another version of task '{}' than this harness judges; build both from \
                 the same source",
                view.id
            )));
        }
        chosen.push(task);
    }
    if chosen.is_empty() {
        return Err(Failure::Input(format!("{url} serves none of the tasks that were asked for")));
    }
    Ok(chosen)
}

fn chosen_agents(mut agents: Vec<AgentMeta>, names: &[String]) -> Result<Vec<AgentMeta>, Failure> {
    for name in names {
        let parsed = name.parse::<MinerId>().map_err(|error| Failure::Input(error.to_string()))?;
        if !agents.iter().any(|meta| meta.miner_id == parsed) {
            return Err(Failure::Input(format!(
                "there is no agent '{name}' in the store; 'platform agents' lists those there are"
            )));
        }
    }
    agents.retain(|meta| {
        names.is_empty() || names.iter().any(|name| *name == meta.miner_id.as_str())
    });
    Ok(agents)
}

/// The seed that was asked for, else a new one or that of the store's round.
fn seed_of_round(args: &Evaluate, store: &Store) -> Result<Seed, Failure> {
    match args.seed {
        Some(seed) => Ok(Seed(seed)),
        None if args.new_seed => Ok(drawn_seed()),
        None => Ok(seed_of_store(store)?),
    }
}
