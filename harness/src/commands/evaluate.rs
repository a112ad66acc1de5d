//! `harness evaluate`: runs the trials that have no result yet, then ranks and rewards.

use std::sync::Arc;

use ::tasks::Seed;
use harness::console::Console;
use harness::prepared::Prepared;
use harness::results::Results;
use harness::round::{self, Agent, Outcome, Plan, drawn_seed, seed_of_store};
use harness::sandbox::{Image, Sandbox};
use jiff::Timestamp;
use platform::MinerId;
use platform::rankings::Round;
use platform::store::{RoundFile, Store};

use super::remote::Remote;
use super::standings::{Standings, stored_agents};
use super::{Failure, chosen_tasks, with_sandbox};
use crate::cli::Evaluate;

/// Runs a round over the store.
pub async fn run(args: Evaluate) -> Result<(), Failure> {
    let console = Console::new();
    let platform = Remote::of(&args)?;
    let mut tasks = chosen_tasks(&args.tasks)?;
    if let Some(platform) = &platform {
        tasks = platform.tasks(tasks).await?;
    }
    let store = Store::open(&args.store.store)?;
    let agents = match platform.as_ref().and_then(Remote::as_validator) {
        Some(validator) => validator.agents().await?,
        None => stored_agents(&store, &console)?,
    };
    let agents = chosen_agents(agents, &args.agents)?;
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
    let publish = standings.publish;
    let rankings = standings.tell(&args.reward, args.json, &console)?;
    if let Some(validator) = platform.as_ref().and_then(Remote::as_validator)
        && publish
    {
        validator.publish(&rankings).await?;
        console.say(&format!("published on {}", validator.url));
    }
    Ok(())
}

async fn evaluate(
    sandbox: Sandbox,
    args: &Evaluate,
    store: &Store,
    agents: &[Agent],
    tasks: Arc<[Prepared]>,
    console: &Console,
) -> Result<(Image, Outcome), Failure> {
    let image = sandbox.image().clone();
    let ids = tasks.iter().map(|prepared| prepared.id().clone()).collect();
    let seed = tasks.first().map_or(Seed(0), |prepared| prepared.seed);
    store.put_round(&RoundFile { seed, image: image.id.clone(), tasks: ids })?;
    let plan = Plan {
        agents: agents.to_vec(),
        tasks,
        results: Some(Results::of(store)),
        jobs: args.jobs.map_or_else(super::processors, usize::from),
        isolation: args.isolation,
    };
    let outcome = round::run(&sandbox, plan, console.listener()).await?;
    Ok((image, outcome))
}

fn chosen_agents(mut agents: Vec<Agent>, names: &[String]) -> Result<Vec<Agent>, Failure> {
    for name in names {
        let parsed = name.parse::<MinerId>().map_err(|error| Failure::Input(error.to_string()))?;
        if !agents.iter().any(|agent| agent.miner_id == parsed) {
            return Err(Failure::Input(format!(
                "there is no agent '{name}'; 'platform agents' lists those there are"
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
