//! The scoring path on one agent that is not in any store: exactly what the validator would do with it.

use std::sync::Arc;
use std::time::Duration;

use tasks::{Seed, Task};

use crate::Fault;
use crate::round::run::{self as round, Agent, Isolation, Listener, Plan};
use crate::sandbox::Sandbox;
use crate::scoring::score::agent_score;
use crate::trial::instance::Prepared;
use crate::trial::record::{Disclose, TrialRecord};
use crate::trial::shrink;

/// Under which id the records of an agent stand that nobody submitted.
const LOCAL: &str = "local";

/// What a check came to.
#[derive(Debug)]
pub struct Checked {
    /// One record per task, in the order of the tasks; those that ended in a fault are missing
    pub trials: Vec<TrialRecord>,
    /// The mean of the task scores, two decimals
    pub score: f64,
    /// One sentence per trial that the arena could not carry out
    pub faults: Vec<String>,
}

/// Runs an agent on tasks under a seed, and tells of failed cases what `disclose` allows. Nothing is stored. Pass `Arc::new(|_| ())` as `on_event` to hear
/// of nothing on the way.
pub async fn check(
    sandbox: &Sandbox,
    source: &str,
    tasks: Vec<Task>,
    seed: Seed,
    disclose: Disclose,
    on_event: Listener,
) -> Result<Checked, Fault> {
    let order: Vec<_> = tasks.iter().map(|task| (task.id.clone(), task.weight)).collect();
    let plan = Plan {
        agents: vec![Agent::local(LOCAL, source.to_owned())],
        tasks: tasks.into_iter().map(|task| Prepared::new(task, seed)).collect(),
        results: None,
        jobs: 1,
        isolation: Isolation::Agent,
        partition: None,
        shrinking: match disclose {
            Disclose::None => Duration::ZERO,
            Disclose::Public | Disclose::All => shrink::THOROUGH,
        },
    };
    let mut outcome = round::run(sandbox, plan, Arc::clone(&on_event)).await?;
    let scores = outcome.scores.remove(&0).unwrap_or_default();
    let weighted = order.iter().filter_map(|(id, weight)| Some((scores.get(id)?, *weight)));
    let score = agent_score(weighted);
    let place = |record: &TrialRecord| order.iter().position(|(id, _)| *id == record.result.task);
    let mut trials: Vec<_> = outcome
        .results
        .into_iter()
        .map(|(miner_id, result)| TrialRecord { miner_id, result: result.disclosed(disclose) })
        .collect();
    trials.sort_by_key(place);
    let faults = outcome.faults.iter().map(|f| format!("{}: {}", f.task, f.fault)).collect();
    Ok(Checked { trials, score, faults })
}
