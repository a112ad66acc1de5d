//! `harness rank`: ranks the store's round again, from its results alone.

use std::collections::BTreeMap;
use std::sync::Arc;

use harness::benchmark::file::SuiteFile;
use harness::console::Console;
use harness::round::results::{Found, Results};
use harness::round::run::commitment;
use harness::trial::instance::Prepared;
use jiff::Timestamp;
use platform::rankings::{FaultRecord, Round};
use platform::store::Store;

use super::standings::{Standings, stored_agents};
use super::{ADVISORY, Failure, stored_tasks};
use crate::cli::Rank;

/// Reads every result of the round, ranks, and prints.
pub fn run(args: &Rank) -> Result<(), Failure> {
    let console = Console::new();
    let store = Store::open(&args.store.store)?;
    let Some(open) = store.round()? else {
        return Err(Failure::Input(format!(
            "no round was ever begun in {}; run 'harness evaluate' first",
            store.root().display()
        )));
    };
    let advisory = args.suite.as_ref().is_some_and(SuiteFile::is_advisory);
    if advisory {
        console.say(ADVISORY);
    }
    let tasks = stored_tasks(args.suite.as_ref(), &store, &open)?;
    let tasks: Arc<[_]> = tasks.into_iter().map(|task| Prepared::new(task, open.seed)).collect();
    let agents = stored_agents(&store, &console)?;
    if agents.is_empty() {
        return Err(Failure::Input(format!(
            "no agent is stored in {}, so there is nobody to rank; a round of a platform's agents is ranked by \
             'harness evaluate --platform URL'",
            store.root().display()
        )));
    }

    let results = Results::of(&store);
    let mut scores = BTreeMap::<usize, BTreeMap<_, _>>::new();
    let mut faults = Vec::new();
    for (index, agent) in agents.iter().enumerate() {
        for prepared in tasks.iter() {
            match results.get(&Results::key(&agent.sha256, prepared, &open.image))? {
                Found::Result(result) => {
                    scores.entry(index).or_default().insert(prepared.id().clone(), result.score());
                }
                Found::Nothing | Found::Corrupt(_) => faults.push(FaultRecord {
                    miner_id: agent.miner_id.clone(),
                    task: prepared.id().clone(),
                    fault: "it has no result; run 'harness evaluate'".to_owned(),
                }),
            }
        }
    }
    for fault in &faults {
        console.say(&format!("{} on {}: {}", fault.miner_id, fault.task, fault.fault));
    }
    let last = store.rankings()?.map(|rankings| rankings.round);
    let same = last.filter(|round| round.seed == open.seed);
    let now = Timestamp::now();
    let salt = open.salt.clone();
    let round = Round {
        commitment: salt.as_ref().map(|salt| commitment(open.seed, salt)),
        salt,
        id: same.as_ref().map_or_else(|| format!("{now:.3}-{}", open.seed), |r| r.id.clone()),
        seed: open.seed,
        started_at: same.as_ref().map_or(now, |round| round.started_at),
        finished_at: same.as_ref().map_or(now, |round| round.finished_at),
        tasks: open.tasks.clone(),
        image: same.as_ref().map_or_else(|| open.image.clone(), |round| round.image.clone()),
        isolation: same.as_ref().map_or_else(|| "agent".to_owned(), |r| r.isolation.clone()),
        pool_tao: args.reward.pool.to_string(),
        payout: args.reward.payout.to_string(),
        trials: (agents.len() * tasks.len()) as u64,
        cached: (agents.len() * tasks.len() - faults.len()) as u64,
        faults,
    };
    let standings = Standings {
        store: &store,
        agents: &agents,
        tasks: &tasks,
        image: &open.image,
        scores,
        round,
        disclose: args.disclose,
        publish: !advisory,
    };
    standings.tell(&args.reward, args.json, &console).map(drop)
}
