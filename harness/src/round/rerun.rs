//! Running random trials of a report again: what its text claims, against what its agents do.

use std::time::Duration;

use platform::store::Store;
use rand::seq::index;
use tasks::Task;

use crate::Fault;
use crate::round::agent::Agent;
use crate::round::lease::ContainerLease;
use crate::round::results::image_id;
use crate::round::runner::{AgentTrial, TrialRunner};
use crate::sandbox::Sandbox;
use crate::scoring::verify::RoundReport;
use crate::trial::instance::RoundTask;
use crate::trial::record::{DisclosedTrial, TrialRecord};

/// Why trials cannot be run again.
#[derive(Debug, thiserror::Error)]
pub enum RerunError {
    /// The round is open, so its seed is secret.
    #[error("round {0} is open: run its trials again after it is closed")]
    Open(String),
    /// Another image may give other verdicts.
    #[error(
        "the round ran in image {round}, and this is {here}; name the round's image with --image"
    )]
    OtherImage {
        /// The digest of the round's image
        round: String,
        /// The digest of the image here
        here: String,
    },
    /// A source or a container is missing.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// Trials of a report to run again.
#[derive(Clone, Copy)]
pub struct ReportedTrials<'a> {
    /// The report
    pub report: &'a RoundReport,
    /// The definitions of its tasks
    pub definitions: &'a [Task],
    /// Number of trials
    pub count: usize,
}

/// Runs up to `count` random trials of a report again, with the agents' sources from the store. Returns one sentence
/// for each that ends otherwise. Nothing is stored.
pub async fn rerun(
    sandbox: &Sandbox,
    store: &Store,
    reported: ReportedTrials<'_>,
) -> Result<Vec<String>, RerunError> {
    let ReportedTrials { report, definitions, count } = reported;
    let round = &report.round;
    let Some(seed) = round.seed else { return Err(RerunError::Open(round.id.clone())) };
    let (expected, here) = (image_id(&round.image).to_owned(), sandbox.image().key());
    if expected != here {
        return Err(RerunError::OtherImage { round: expected, here });
    }
    let runner = TrialRunner::new(sandbox.clone(), None, Duration::ZERO);
    let trials = report.trials.len();
    let mut differences = Vec::new();
    for index in index::sample(&mut rand::rng(), trials, count.min(trials)) {
        let DisclosedTrial { miner_id, record, .. } = &report.trials[index];
        let Some(task) = definitions.iter().find(|task| task.id == record.task) else {
            differences.push(format!("{miner_id} on {}: the task is unknown", record.task));
            continue;
        };
        let source = store.source_of_version(miner_id, &record.agent_sha256);
        let source = source.map_err(Fault::from)?;
        let agent = Agent::local(miner_id.as_str(), source.clone());
        let task = RoundTask::new(task.clone(), seed);
        let mut lease = ContainerLease::new(sandbox);
        let trial = AgentTrial { agent: &agent, source: &source, task: &task };
        let again = runner.run(trial, &mut lease, &|_| ()).await;
        lease.discard().await;
        let again = again?;
        if outcome(&again) != outcome(record) {
            differences.push(format!(
                "{miner_id} on {}: the report has {}, and the trial run again has {}",
                record.task,
                outcome(record),
                outcome(&again)
            ));
        }
    }
    Ok(differences)
}

fn outcome<Case>(record: &TrialRecord<Case>) -> String {
    let TrialRecord { verdict, passed, total, score, .. } = record;
    format!("{verdict} with {passed} of {total} cases, score {score}")
}
