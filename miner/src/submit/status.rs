//! The standing of an agent, and the public cases that it fails.
//!
//! A platform shows scores and verdicts only. The failed cases are found here, by running the copy of the agent that
//! was kept when it was uploaded.

use harness::Fault;
use harness::round::check::{CheckRequest, check};
use harness::round::events::RoundListener;
use harness::sandbox::Sandbox;
use harness::trial::record::Disclose;
use platform::MinerId;
use platform::api::{AgentView, Ranking, RoundStatus};
use platform::client::{Client, ClientError};
use serde::Serialize;
use tasks::{Seed, Sha256, Task, TaskId, Verdict};

use crate::work_directory::WorkDirectory;

/// The standing of a miner's agent on a platform.
#[derive(Clone, Debug, Serialize)]
pub struct Standing {
    /// The current agent.
    pub agent: AgentView,
    /// Whether the latest round may still be judged; none before the first round.
    pub round_status: Option<RoundStatus>,
    /// Whether some agents of the latest round are not judged yet.
    pub provisional: bool,
    /// Number of agents in the rankings.
    pub agents_ranked: usize,
    /// The miner's rank, if there is one. It may belong to an earlier version of the agent.
    pub ranking: Option<Ranking>,
}

/// A public case that an agent fails.
#[derive(Clone, Debug, Serialize)]
pub struct FailedCase {
    /// The task.
    pub task: TaskId,
    /// The verdict on the case.
    pub verdict: Verdict,
    /// What happened and what was expected.
    pub detail: String,
}

/// Asks a platform for the standing of a miner's agent. Returns none if the miner has not uploaded one.
pub async fn standing(client: &Client, miner: &MinerId) -> Result<Option<Standing>, ClientError> {
    let agents = client.agents().await?.agents;
    let latest = client.rankings().await?;
    let round_status = latest.as_ref().map(|latest| latest.round.status);
    let provisional = latest.as_ref().is_some_and(|latest| latest.round.is_provisional());
    let rankings = latest.map(|latest| latest.rankings).unwrap_or_default();
    let Some(agent) = agents.into_iter().find(|agent| agent.miner_id == *miner) else {
        return Ok(None);
    };
    let agents_ranked = rankings.len();
    let ranking = rankings.into_iter().find(|ranking| ranking.miner_id == *miner);
    Ok(Some(Standing { agent, round_status, provisional, agents_ranked, ranking }))
}

impl Standing {
    /// Returns whether the rank belongs to an earlier version of the agent.
    pub fn is_outdated(&self) -> bool {
        self.ranking.as_ref().is_some_and(|ranking| ranking.agent_sha256 != self.agent.sha256)
    }

    /// The built-in tasks that the ranked agent did not pass.
    pub fn unaccepted_tasks(&self) -> Vec<Task> {
        let Some(ranking) = &self.ranking else { return Vec::new() };
        let is_unaccepted = |task: &Task| {
            ranking.tasks.get(&task.id).is_some_and(|score| score.verdict != Verdict::Accepted)
        };
        tasks::all().into_iter().filter(is_unaccepted).collect()
    }

    /// The source of the ranked agent, if the work directory holds it.
    pub fn stored_copy(&self, work: &WorkDirectory) -> Option<String> {
        let ranking = self.ranking.as_ref()?;
        let source = std::fs::read_to_string(work.agent()).ok()?;
        (Sha256::of(source.as_bytes()) == ranking.agent_sha256).then_some(source)
    }
}

/// An agent, and the tasks on which its failed cases are to be found.
pub struct FailedCasesCheck<'a> {
    /// The agent's source
    pub source: &'a str,
    /// The tasks
    pub tasks: Vec<Task>,
    /// Containers at work at the same time
    pub jobs: usize,
}

/// Runs an agent on tasks and returns the public cases that it fails.
pub async fn failed_public_cases(
    sandbox: &Sandbox,
    check_of: FailedCasesCheck<'_>,
    on_event: RoundListener,
) -> Result<Vec<FailedCase>, Fault> {
    let FailedCasesCheck { source, tasks, jobs } = check_of;
    // Public cases are the same under every seed.
    let seed = Seed(0);
    let public: Vec<(TaskId, String)> = tasks
        .iter()
        .flat_map(|task| {
            let public = task.cases(seed).into_iter().filter(|case| case.public);
            public.map(|case| (task.id.clone(), case.name))
        })
        .collect();
    let disclose = Disclose::Public;
    let request = CheckRequest { source, tasks, seed, disclose, jobs, model: None };
    let checked = check(sandbox, request, on_event).await?;
    let cases = checked.trials.into_iter().flat_map(|trial| {
        let task = trial.record.task;
        trial.record.cases.into_iter().map(move |case| (task.clone(), case))
    });
    let is_public = |task: &TaskId, name: &str| {
        public.iter().any(|(id, public_name)| id == task && public_name == name)
    };
    Ok(cases
        .filter(|(task, case)| !case.passed && is_public(task, &case.name))
        .filter_map(|(task, case)| {
            Some(FailedCase { task, verdict: case.verdict?, detail: case.detail })
        })
        .collect())
}
