//! `harness evaluate`: runs the trials that have no result yet, then ranks and rewards.

use std::sync::Arc;
use std::time::Duration;

use ::tasks::Seed;
use harness::benchmark::file::SuiteFile;
use harness::console::Console;
use harness::round::controls::{ORACLE, controls};
use harness::round::partition::Partition;
use harness::round::results::Results;
use harness::round::run::{
    self as round, Agent, Outcome, Plan, commitment, drawn_seed, seed_of_store,
};
use harness::sandbox::{Image, Sandbox};
use harness::trial::instance::Prepared;
use harness::trial::record::Disclose;
use harness::trial::shrink;
use jiff::Timestamp;
use platform::MinerId;
use platform::rankings::{FaultRecord, Round};
use platform::store::{RoundFile, Store};

use super::remote::Remote;
use super::standings::{Standings, stored_agents};
use super::{Failure, asked_tasks, print_json, with_sandbox};
use crate::cli::Evaluate;

/// Runs a round over the store.
pub async fn run(args: Evaluate) -> Result<(), Failure> {
    let console = Console::new();
    let platform = Remote::of(&args)?;
    let store = Store::open(&args.store.store)?;
    if args.commit {
        return commit(&store);
    }
    let suite = args.suite.as_ref();
    let mut tasks = asked_tasks(suite, &args.tasks, &store, &args.options, &console).await?;
    if let Some(platform) = &platform {
        tasks = platform.tasks(tasks).await?;
    }
    let agents = match platform.as_ref().and_then(Remote::as_validator) {
        Some(validator) => validator.agents(&console).await?,
        None => stored_agents(&store, &console)?,
    };
    let agents = chosen_agents(agents, &args.agents)?;
    let open = open_round(&args, &store)?;
    let seed = open.seed;
    let tasks: Arc<[_]> = tasks.into_iter().map(|task| Prepared::new(task, seed)).collect();

    let started_at = Timestamp::now();
    let work =
        |sandbox| evaluate(sandbox, &args, &store, &agents, (&open, Arc::clone(&tasks)), &console);
    let (image, tasks, outcome) = with_sandbox(&args.options, &console, work).await?;
    if let Some(partition) = args.partition {
        return part_done(partition, &outcome, args.json, &console);
    }

    let round = Round {
        id: format!("{started_at:.3}-{seed}"),
        commitment: open.salt.as_ref().map(|salt| commitment(seed, salt)),
        salt: open.salt.clone(),
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
        disclose: args.disclose,
        // The rankings that everybody sees are those of everybody.
        publish: args.agents.is_empty() && !suite.is_some_and(SuiteFile::is_advisory),
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
    (open, tasks): (&RoundFile, Arc<[Prepared]>),
    console: &Console,
) -> Result<(Image, Arc<[Prepared]>, Outcome), Failure> {
    let image = sandbox.image().clone();
    let ids = tasks.iter().map(|prepared| prepared.id().clone()).collect();
    // A look at some agents is no round, and does not change what the store's round is.
    if args.agents.is_empty() {
        store.put_round(&RoundFile { image: image.id.clone(), tasks: ids, ..open.clone() })?;
    }
    let plan = |agents, tasks| Plan {
        agents,
        tasks,
        results: Some(Results::of(store)),
        jobs: args.jobs.map_or_else(super::processors, usize::from),
        isolation: args.isolation,
        partition: args.partition,
        shrinking: match args.disclose {
            Disclose::None => Duration::ZERO,
            Disclose::Public | Disclose::All => shrink::QUICK,
        },
    };
    let controls = controls(&tasks).to_vec();
    // Every part proves its tasks itself.
    let proof = Plan { partition: None, ..plan(controls, Arc::clone(&tasks)) };
    let proof = round::run(&sandbox, proof, console.listener()).await?;
    let (sound, mut faults) = soundness(&tasks, &proof);
    for fault in &faults {
        console.say(&format!("{} must not enter a round: {}", fault.task, fault.fault));
    }
    let mut outcome =
        round::run(&sandbox, plan(agents.to_vec(), Arc::clone(&sound)), console.listener()).await?;
    outcome.faults.append(&mut faults);
    Ok((image, sound, outcome))
}

/// What a part of a round says of itself: its results are kept, and nobody is ranked by them alone.
fn part_done(
    partition: Partition,
    outcome: &Outcome,
    json: bool,
    console: &Console,
) -> Result<(), Failure> {
    #[derive(serde::Serialize)]
    struct Document<'a> {
        part: String,
        trials: usize,
        cached: u64,
        faults: &'a [FaultRecord],
    }
    let trials = outcome.scores.values().map(std::collections::BTreeMap::len).sum();
    let Outcome { cached, faults, .. } = outcome;
    if json {
        print_json(&Document { part: partition.to_string(), trials, cached: *cached, faults })?;
    }
    console.say(&format!(
        "part {partition}: {trials} trials have a result, {cached} of them had one before; 'harness merge' \
         brings the parts together, and 'harness rank' ranks"
    ));
    if faults.is_empty() { Ok(()) } else { Err(Failure::Faults) }
}

/// The tasks on which the reference gets everything and an agent that prints nothing gets nothing, and a
/// fault for each of the others: nobody is judged by a task that cannot be passed, or fails to judge.
fn soundness(tasks: &[Prepared], proof: &Outcome) -> (Arc<[Prepared]>, Vec<FaultRecord>) {
    let passed = |control: usize, prepared: &Prepared| {
        let score = proof.scores.get(&control)?.get(prepared.id())?;
        Some((score.passed, score.total))
    };
    let (mut sound, mut faults) = (Vec::new(), Vec::new());
    for prepared in tasks {
        let fault = match (passed(0, prepared), passed(1, prepared)) {
            (Some((all, total)), Some((0, _))) if all == total => {
                sound.push(prepared.clone());
                continue;
            }
            (Some((passed, total)), Some((0, _))) => {
                format!("its reference passes {passed} of {total} cases")
            }
            (Some(_), Some((passed, _))) => {
                format!("an agent that prints nothing passes {passed} cases")
            }
            _ => "its controls could not be run".to_owned(),
        };
        let miner_id = ORACLE.parse().expect("the control's name is a miner id");
        faults.push(FaultRecord { miner_id, task: prepared.id().clone(), fault });
    }
    (sound.into(), faults)
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

/// The store's round, with the seed that was asked for or drawn.
fn open_round(args: &Evaluate, store: &Store) -> Result<RoundFile, Failure> {
    let seed = match args.seed {
        Some(seed) => Seed(seed),
        None if args.new_seed => drawn_seed(),
        None => seed_of_store(store)?,
    };
    let stored = store.round()?;
    let (same, other): (_, Option<_>) = match stored {
        Some(round) if round.seed == seed => (Some(round), None),
        other => (None, other),
    };
    check_no_commitment(other.as_ref(), store)?;
    let fresh = || RoundFile { seed, salt: None, image: String::new(), tasks: Vec::new() };
    Ok(same.unwrap_or_else(fresh))
}

/// Refuses to forget a seed that was committed to and not used: its commitment could never be opened.
fn check_no_commitment(round: Option<&RoundFile>, store: &Store) -> Result<(), Failure> {
    match round {
        Some(round) if round.salt.is_some() && round.image.is_empty() => {
            Err(Failure::Input(format!(
                "{} holds a seed that was committed to and not used yet; run 'harness evaluate' without --seed and \
             --new-seed, or remove {} to give the commitment up",
                store.root().display(),
                store.root().join("round.json").display()
            )))
        }
        _ => Ok(()),
    }
}

/// Begins a round whose seed nobody can know, and prints what to publish before it.
fn commit(store: &Store) -> Result<(), Failure> {
    check_no_commitment(store.round()?.as_ref(), store)?;
    let seed = drawn_seed();
    // With 256 bits that nobody knows beside it, the seed cannot be found by trying.
    let salt: String = format!("{:032x}{:032x}", rand::random::<u128>(), rand::random::<u128>());
    let commitment = commitment(seed, &salt);
    let round = RoundFile { seed, salt: Some(salt), image: String::new(), tasks: Vec::new() };
    store.put_round(&round)?;
    super::print(&format!("{commitment}\n"))
}
