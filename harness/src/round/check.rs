//! The scoring path on one agent that is not in any store: exactly what the validator would do with it.

use std::sync::Arc;
use std::time::Duration;

use platform::api::DisclosedTrial;
use tasks::{Seed, Task};

use crate::Fault;
use crate::gateway::round::Gateway;
use crate::round::agent::Agent;
use crate::round::events::RoundListener;
use crate::round::plan::{Isolation, RoundPlan};
use crate::round::run::run;
use crate::round::stopping::StopRules;
use crate::sandbox::Sandbox;
use crate::scoring::score::agent_score;
use crate::trial::instance::RoundTask;
use crate::trial::record::{Disclose, MinerTrial};
use crate::trial::shrink;

/// The miner id in the records of an agent that no miner submitted.
const LOCAL: &str = "local";

/// What to check.
pub struct CheckRequest<'a> {
    /// The agent's source
    pub source: &'a str,
    /// The tasks
    pub tasks: Vec<Task>,
    /// The seed of their cases
    pub seed: Seed,
    /// How much of failed cases is disclosed
    pub disclose: Disclose,
    /// Containers at work at the same time, each with a part of the tasks
    pub jobs: usize,
    /// The model that the agent may ask, if it has one
    pub model: Option<Arc<Gateway>>,
}

/// The outcome of a check.
#[derive(Debug)]
pub struct CheckOutcome {
    /// One record per task, in the order of the tasks; those that ended in a fault are missing
    pub trials: Vec<DisclosedTrial>,
    /// The mean of the task scores, two decimals; none if a trial was not judged
    pub score: Option<f64>,
    /// One sentence per trial that ended in a fault
    pub faults: Vec<String>,
}

/// Runs an agent on tasks. Nothing is stored.
pub async fn check(
    sandbox: &Sandbox,
    request: CheckRequest<'_>,
    on_event: RoundListener,
) -> Result<CheckOutcome, Fault> {
    let CheckRequest { source, tasks, seed, disclose, jobs, model } = request;
    let order: Vec<_> = tasks.iter().map(|task| (task.id.clone(), task.weight)).collect();
    let plan = RoundPlan {
        agents: vec![Agent::local(LOCAL, source.to_owned())],
        tasks: tasks.into_iter().map(|task| RoundTask::new(task, seed)).collect(),
        repeat: 1,
        stop: StopRules::default(),
        results: None,
        jobs,
        jobs_per_agent: jobs,
        isolation: if model.is_some() { Isolation::Trial } else { Isolation::Agent },
        partition: None,
        shrinking: match disclose {
            Disclose::None => Duration::ZERO,
            Disclose::Public | Disclose::All => shrink::THOROUGH,
        },
        model,
    };
    let outcome = run(sandbox, plan, on_event).await?;
    let scores =
        outcome.scores.get(&0).map(|trials| trials.by_task(order.iter().map(|(id, _)| id)));
    let scores = scores.unwrap_or_default();
    let weighted = order.iter().filter_map(|(id, weight)| Some((scores.get(id)?, *weight)));
    let score = outcome.faults.is_empty().then(|| agent_score(weighted));
    let disclosed = |trial: MinerTrial| {
        let MinerTrial { miner_id, key, record } = trial;
        DisclosedTrial { miner_id, key: Some(key), record: record.disclosed(disclose) }
    };
    let mut trials: Vec<_> = outcome.trials.into_iter().map(disclosed).collect();
    trials.sort_by_key(|trial| order.iter().position(|(id, _)| *id == trial.record.task));
    let faults = outcome.faults.iter().map(|f| format!("{}: {}", f.task, f.fault)).collect();
    Ok(CheckOutcome { trials, score, faults })
}
