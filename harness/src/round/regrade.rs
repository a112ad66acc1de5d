//! Judging stored answers again, under tasks that have changed since: without running an agent or asking a model.
//!
//! An answer fits if the same agent gave it to the same prompt, in the same repetition, with the same image and model.

use std::collections::HashMap;
use std::sync::Arc;

use platform::MinerId;
use platform::api::{AnswerOrigin, Attempt, TaskScore, trial_name};
use platform::store::{RoundDefinition, Store};
use serde::Serialize;
use tasks::{Case, Sha256, Tally};

use crate::Fault;
use crate::round::agent::Agent;
use crate::round::lease::ContainerLease;
use crate::round::pool::{WorkQueue, run_workers};
use crate::round::results::{
    Environment, OtherImageError, Results, TrialIdentity, check_image, trials_of,
};
use crate::round::runner::{AnswerTrial, TrialRunner};
use crate::sandbox::Sandbox;
use crate::trial::fence;
use crate::trial::instance::RoundTask;
use crate::trial::judge::{StopPolicy, same_verdict};
use crate::trial::record::TrialRecord;

/// Why answers cannot be judged again.
#[derive(Debug, thiserror::Error)]
pub enum RegradeError {
    /// Another image may give other verdicts.
    #[error(transparent)]
    DifferentImage(#[from] OtherImageError),
    /// A record or a container failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// What is judged again.
pub struct RegradePlan<'a> {
    /// Where the records are
    pub store: &'a Store,
    /// The round
    pub round: &'a RoundDefinition,
    /// Its agents
    pub agents: &'a [Agent],
    /// Its tasks as they are now, which their controls have proved
    pub tasks: Arc<[RoundTask]>,
    /// Containers at work at the same time
    pub jobs: usize,
}

/// A trial that was judged again.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RegradedTrial {
    /// The agent's owner
    pub miner_id: MinerId,
    /// The task, and which repetition of it unless it is the first
    pub trial: String,
    /// What it scored before
    pub before: TaskScore,
    /// What it scores now
    pub after: TaskScore,
}

/// The outcome of judging answers again.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct RegradeOutcome {
    /// The trials that were judged again, in the order of agents and tasks
    pub regraded: Vec<RegradedTrial>,
    /// Number of trials whose task has not changed
    pub unchanged: usize,
    /// The trials of which no answer is stored, as `AGENT on TASK`
    pub without_answer: Vec<String>,
}

/// A stored answer, and the trial that it is judged for.
struct StoredAnswer {
    agent: usize,
    task: usize,
    /// The key under the task as it is now
    key: Sha256,
    old_key: Sha256,
    old: TrialRecord,
}

/// Judges the stored answers of a round again, where the tasks have changed, and keeps the new records. The old ones stay.
pub async fn regrade(
    sandbox: &Sandbox,
    plan: RegradePlan<'_>,
) -> Result<RegradeOutcome, RegradeError> {
    check_image(&plan.round.image, sandbox.image().key())?;
    let results = Results::of(plan.store);
    let (answers, mut outcome) = answers(&plan, &results)?;
    let agents: Vec<_> = plan.agents.iter().map(|agent| agent.miner_id.clone()).collect();
    // An agent's answers share containers, and no two agents do.
    let mut by_agent: Vec<Vec<StoredAnswer>> = (0..agents.len()).map(|_| Vec::new()).collect();
    for answer in answers {
        by_agent[answer.agent].push(answer);
    }
    let queue =
        Arc::new(WorkQueue::new(by_agent.into_iter().filter(|answers| !answers.is_empty())));
    let (tasks, agents) = (plan.tasks, Arc::new(agents));
    let work = || {
        let (queue, tasks, agents) = (Arc::clone(&queue), Arc::clone(&tasks), Arc::clone(&agents));
        let (runner, results) =
            (TrialRunner::new(sandbox.clone(), None, std::time::Duration::ZERO), results.clone());
        async move {
            let mut done = Vec::new();
            while let Some(answers) = queue.next() {
                let mut lease = ContainerLease::new(runner.sandbox());
                for answer in answers {
                    let task = &tasks[answer.task];
                    let record = judge_again(&runner, &answer, task, &mut lease).await?;
                    results.put(&answer.key, &record)?;
                    let trial = RegradedTrial {
                        miner_id: agents[answer.agent].clone(),
                        trial: trial_name(task.id(), record.repetition),
                        before: answer.old.score(),
                        after: record.score(),
                    };
                    done.push(((answer.agent, answer.task, record.repetition), trial));
                }
                lease.discard().await;
            }
            Ok::<_, Fault>(done)
        }
    };
    let mut done: Vec<_> = run_workers(plan.jobs, work).await?.into_iter().flatten().collect();
    done.sort_by_key(|(place, _)| *place);
    outcome.regraded = done.into_iter().map(|(_, trial)| trial).collect();
    Ok(outcome)
}

/// Finds the trials whose task has changed, and a stored answer for each.
fn answers(
    plan: &RegradePlan<'_>,
    results: &Results,
) -> Result<(Vec<StoredAnswer>, RegradeOutcome), Fault> {
    let environment = &Environment::new(&plan.round.image, plan.round.model.as_deref());
    let mut outcome = RegradeOutcome::default();
    let mut missing = HashMap::new();
    for (agent, contestant) in plan.agents.iter().enumerate() {
        for (task, repetition) in trials_of(&plan.tasks, plan.round.repeat) {
            let sha256 = &contestant.sha256;
            let identity = TrialIdentity { agent: sha256, task, repetition, environment };
            let key = identity.key();
            if results.read(&key)?.is_some() {
                outcome.unchanged += 1;
                continue;
            }
            let prompt = Sha256::of(task.prompt.as_bytes());
            let wanted = (sha256.clone(), task.id().clone(), repetition, prompt);
            let place = plan.tasks.iter().position(|known| known.id() == task.id());
            let place = place.expect("it is one of the tasks");
            missing.entry(wanted).or_insert_with(Vec::new).push((agent, place, key));
        }
    }
    let environment = environment.digest();
    let mut found = HashMap::<_, (Sha256, TrialRecord)>::new();
    results.for_each(|key, record| {
        let Some(origin) = &record.origin else { return };
        let prompt = origin.prompt_sha256.clone();
        let wanted = (record.agent_sha256.clone(), record.task.clone(), record.repetition, prompt);
        // An answer of the agent itself is preferred to a copy of it in another record; both are the same.
        let is_better = found.get(&wanted).is_none_or(|(_, known)| {
            known.origin.as_ref().is_some_and(|known| known.regraded_from.is_some())
        });
        if origin.environment_sha256 == environment && missing.contains_key(&wanted) && is_better {
            found.insert(wanted, (key, record));
        }
    })?;
    let mut answers = Vec::new();
    for (wanted, places) in missing {
        for (agent, task, key) in places {
            match found.get(&wanted) {
                Some((old_key, old)) => answers.push(StoredAnswer {
                    agent,
                    task,
                    key,
                    old_key: old_key.clone(),
                    old: old.clone(),
                }),
                None => outcome.without_answer.push(format!(
                    "{} on {}",
                    plan.agents[agent].miner_id,
                    trial_name(&wanted.1, wanted.2)
                )),
            }
        }
    }
    outcome.without_answer.sort();
    Ok((answers, outcome))
}

/// Judges an answer under the task as it is now. What the agent printed and asked stays as it was; what the trial used
/// is what the calls use now.
async fn judge_again(
    runner: &TrialRunner,
    answer: &StoredAnswer,
    task: &RoundTask,
    lease: &mut ContainerLease,
) -> Result<TrialRecord, Fault> {
    let StoredAnswer { old, old_key, .. } = answer;
    let origin = old.origin.as_ref().map(|origin| AnswerOrigin {
        regraded_from: Some(origin.regraded_from.clone().unwrap_or_else(|| old_key.clone())),
        ..origin.clone()
    });
    let answered = origin.as_ref().is_some_and(|origin| origin.answered);
    if !answered {
        return Ok(without_answer(old, &task.cases, origin));
    }
    let text = fence::unfenced(&old.stdout);
    let trial = AnswerTrial { answer: &text, task, stop: StopPolicy::AllCalls };
    let judged = runner.judge(trial, lease, &|_| ()).await?;
    Ok(TrialRecord {
        agent_sha256: old.agent_sha256.clone(),
        repetition: old.repetition,
        stdout: old.stdout.clone(),
        stderr: old.stderr.clone(),
        stdout_truncated: old.stdout_truncated,
        stderr_truncated: old.stderr_truncated,
        model: old.model,
        origin,
        ..judged
    })
}

/// The record of an agent that printed no answer: it fails every case as before.
fn without_answer(
    old: &TrialRecord,
    task_cases: &[Case],
    origin: Option<AnswerOrigin>,
) -> TrialRecord {
    let detail = old.cases.first().map_or("", |case| case.detail.as_str());
    let cases = same_verdict(task_cases, old.verdict, detail);
    let verdicts: Vec<_> = cases.iter().map(|case| case.verdict).collect();
    let total = Tally::of_cases(task_cases, &verdicts).total;
    TrialRecord { cases, total, attempts: vec![Attempt::default()], origin, ..old.clone() }
}
