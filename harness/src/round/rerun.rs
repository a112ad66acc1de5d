//! Running random trials of a report again: what its text claims, against what its agents do.

use std::sync::Arc;
use std::time::Duration;

use platform::MinerId;
use platform::api::{DisclosedTrial, TaskScore};
use platform::store::Store;
use rand::seq::index;
use tasks::{Seed, Sha256, Task};

use crate::Fault;
use crate::export::check::ExportedRound;
use crate::round::agent::Agent;
use crate::round::lease::ContainerLease;
use crate::round::pool::{WorkQueue, run_workers};
use crate::round::results::{OtherImageError, check_image};
use crate::round::runner::{AgentTrial, TrialRunner};
use crate::sandbox::Sandbox;
use crate::scoring::verify::RoundReport;
use crate::trial::instance::RoundTask;

/// Why trials cannot be run again.
#[derive(Debug, thiserror::Error)]
pub enum RerunError {
    /// The round is open, so its seed is secret.
    #[error("round {0} is open: run its trials again after it is closed")]
    Open(String),
    /// A model may answer otherwise.
    #[error(
        "the round's agents asked {0}, which may answer otherwise; trials with a model do not run again"
    )]
    Model(String),
    /// Another image may give other verdicts.
    #[error(transparent)]
    OtherImage(#[from] OtherImageError),
    /// A source or a container is missing.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// Which trials of a report run again.
pub struct RerunPlan<'a> {
    /// The report
    pub report: &'a RoundReport,
    /// The definitions of its tasks
    pub definitions: &'a [Task],
    /// How many of its trials, chosen at random among those whose tasks are defined
    pub count: usize,
    /// Containers at work at the same time
    pub jobs: usize,
    /// Where the agents' sources are
    pub sources: SourcePlace,
}

/// Where the sources of agents are.
#[derive(Clone, Debug)]
pub enum SourcePlace {
    /// In a store
    Store(Store),
    /// In an export
    Export(ExportedRound),
}

impl SourcePlace {
    /// Reads a source.
    pub fn source(&self, miner_id: &MinerId, sha256: &Sha256) -> Result<String, Fault> {
        match self {
            Self::Store(store) => Ok(store.source_of_version(miner_id, sha256)?),
            Self::Export(export) => export.source(sha256),
        }
    }
}

/// Returns the trials of a report that can run again: those on tasks whose definitions are known.
pub fn defined_trials<'a>(
    report: &'a RoundReport,
    definitions: &[Task],
) -> Vec<&'a DisclosedTrial> {
    let is_defined =
        |trial: &&DisclosedTrial| definitions.iter().any(|task| task.id == trial.record.task);
    report.trials.iter().filter(is_defined).collect()
}

/// Runs random trials of a report again. Returns one sentence for each that ends otherwise. Nothing is stored.
pub async fn rerun(sandbox: &Sandbox, plan: RerunPlan<'_>) -> Result<Vec<String>, RerunError> {
    let RerunPlan { report, definitions, count, jobs, sources } = plan;
    let round = &report.round;
    let Some(seed) = round.seed else { return Err(RerunError::Open(round.id.clone())) };
    if let Some(model) = &round.model {
        return Err(RerunError::Model(model.clone()));
    }
    check_image(&round.image, sandbox.image().key())?;
    let trials = defined_trials(report, definitions);
    let chosen = index::sample(&mut rand::rng(), trials.len(), count.min(trials.len()));
    let trials = chosen.into_iter().map(|index| trials[index].clone());
    let queue = Arc::new(WorkQueue::new(trials));
    let (sandbox, definitions) = (sandbox.clone(), definitions.to_vec());
    let rerun = Arc::new(TrialRerun { sandbox, sources, definitions, seed });
    let work = || {
        let (rerun, queue) = (Arc::clone(&rerun), Arc::clone(&queue));
        async move {
            let mut differences = Vec::new();
            while let Some(trial) = queue.next() {
                differences.extend(rerun.run_again(&trial).await?);
            }
            Ok::<_, Fault>(differences)
        }
    };
    let differences = run_workers(jobs.min(count), work).await?;
    Ok(differences.into_iter().flatten().collect())
}

/// What trials run again with.
struct TrialRerun {
    sandbox: Sandbox,
    sources: SourcePlace,
    definitions: Vec<Task>,
    seed: Seed,
}

impl TrialRerun {
    /// Runs one trial again. Returns a sentence if it ends otherwise.
    async fn run_again(&self, trial: &DisclosedTrial) -> Result<Option<String>, Fault> {
        let Self { sandbox, sources, definitions, seed } = self;
        let DisclosedTrial { miner_id, record, .. } = trial;
        let Some(task) = definitions.iter().find(|task| task.id == record.task) else {
            return Ok(Some(format!("{miner_id} on {}: the task is unknown", record.task)));
        };
        let source = sources.source(miner_id, &record.agent_sha256)?;
        let agent = Agent::local(miner_id.as_str(), source.clone());
        let task = RoundTask::new(task.clone(), *seed);
        let runner = TrialRunner::new(sandbox.clone(), None, Duration::ZERO);
        let mut lease = ContainerLease::new(sandbox);
        let trial = AgentTrial { agent: &agent, source: &source, task: &task, repetition: 1 };
        let again = runner.run(trial, &mut lease, &|_| ()).await;
        lease.discard().await;
        let (reported, again) = (outcome(&record.score()), outcome(&again?.score()));
        Ok((reported != again).then(|| {
            format!(
                "{miner_id} on {}: the report has {reported}, and the trial run again has {again}",
                record.task
            )
        }))
    }
}

fn outcome(score: &TaskScore) -> String {
    let TaskScore { verdict, passed, total, score, .. } = score;
    format!("{verdict} with {passed} of {total} cases, score {score}")
}
