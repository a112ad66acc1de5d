//! Running one trial to its verdict: looked up if it has a record, else tried until it has a verdict or no attempts
//! are left, and then kept.

use std::sync::Arc;
use std::time::Duration;

use platform::api::first_repetition;
use tasks::Sha256;

use crate::Fault;
use crate::gateway::round::Gateway;
use crate::gateway::session::ModelSession;
use crate::round::agent::Agent;
use crate::round::lease::ContainerLease;
use crate::round::results::{Environment, Lookup, Results, TrialIdentity};
use crate::round::retry::{OnRetry, RetryPolicy};
use crate::sandbox::Sandbox;
use crate::trial::instance::RoundTask;
use crate::trial::judge::StopPolicy;
use crate::trial::record::TrialRecord;
use crate::trial::run::{self as trial, Candidate, TrialPlan, TrialRun};

/// Runs trials in a sandbox, and keeps their records.
pub struct TrialRunner {
    sandbox: Sandbox,
    results: Option<Results>,
    shrinking: Duration,
    model: Option<Arc<Gateway>>,
    retry: RetryPolicy,
}

/// An agent on a task.
#[derive(Clone, Copy)]
pub struct AgentTrial<'a> {
    /// The agent
    pub agent: &'a Agent,
    /// Its source
    pub source: &'a str,
    /// The task
    pub task: &'a RoundTask,
    /// Which of the agent's trials on the task, from 1
    pub repetition: u32,
}

/// An answer to a task that no agent has to be asked for.
#[derive(Clone, Copy)]
pub struct AnswerTrial<'a> {
    /// The answer
    pub answer: &'a str,
    /// The task
    pub task: &'a RoundTask,
    /// When calls are stopped
    pub stop: StopPolicy,
}

impl TrialRunner {
    /// A runner that keeps records in `results`, or nowhere, and searches for a trial's
    /// counterexample for as long as `shrinking`.
    pub fn new(sandbox: Sandbox, results: Option<Results>, shrinking: Duration) -> Self {
        Self { sandbox, results, shrinking, model: None, retry: RetryPolicy::default() }
    }

    /// The same runner, whose agents may ask a model.
    #[must_use]
    pub fn with_model(self, model: Option<Arc<Gateway>>) -> Self {
        Self { model, ..self }
    }

    /// Where the trials run.
    pub fn sandbox(&self) -> &Sandbox {
        &self.sandbox
    }

    /// The key of a trial.
    pub fn key(&self, agent: &Agent, task: &RoundTask, repetition: u32) -> Sha256 {
        let environment = &self.environment();
        TrialIdentity { agent: &agent.sha256, task, repetition, environment }.key()
    }

    /// What agents run with.
    fn environment(&self) -> Environment {
        let model = self.model.as_ref().map(|gateway| gateway.settings().pinned());
        Environment::new(&self.sandbox.image().key(), model.as_deref())
    }

    /// Looks up the record of a trial.
    pub fn look_up(&self, key: &Sha256) -> Result<Lookup, Fault> {
        let Some(results) = &self.results else { return Ok(Lookup::Miss) };
        results.get(key)
    }

    /// Runs a trial and keeps its record. A container that is left in the lease is fit for the agent's next trial.
    pub async fn run(
        &self,
        trial: AgentTrial<'_>,
        lease: &mut ContainerLease,
        on_retry: OnRetry<'_>,
    ) -> Result<TrialRecord, Fault> {
        let AgentTrial { agent, source, task, repetition } = trial;
        let (agent_sha256, shrinking) = (&agent.sha256, self.shrinking);
        let candidate = Candidate::Agent(source);
        let environment = self.environment().digest();
        let plan = TrialPlan {
            agent_sha256,
            candidate,
            task,
            repetition,
            shrinking,
            model: None,
            environment: Some(&environment),
        };
        let key = self.key(agent, task, repetition);
        let model = self.model.as_ref().map(|gateway| (gateway, &key));
        let record = self.attempt(plan, model, lease, on_retry).await?;
        if let Some(results) = &self.results {
            results.put(&key, &record)?;
        }
        Ok(record)
    }

    /// Judges an answer. Nothing is kept.
    pub async fn judge(
        &self,
        trial: AnswerTrial<'_>,
        lease: &mut ContainerLease,
        on_retry: OnRetry<'_>,
    ) -> Result<TrialRecord, Fault> {
        let AnswerTrial { answer, task, stop } = trial;
        let agent_sha256 = &Sha256::of(answer.as_bytes());
        let (candidate, shrinking) = (Candidate::Answer(answer, stop), Duration::ZERO);
        let plan = TrialPlan {
            agent_sha256,
            candidate,
            task,
            repetition: first_repetition(),
            shrinking,
            model: None,
            environment: None,
        };
        self.attempt(plan, None, lease, on_retry).await
    }

    async fn attempt(
        &self,
        plan: TrialPlan<'_>,
        model: Option<(&Arc<Gateway>, &Sha256)>,
        lease: &mut ContainerLease,
        on_retry: OnRetry<'_>,
    ) -> Result<TrialRecord, Fault> {
        let mut attempts = self.retry.attempts();
        loop {
            let permit = attempts.permit().await;
            // Every attempt begins with its first request again, and gets the responses that it got before.
            let begin = |(gateway, key)| ModelSession::begin(gateway, key);
            let session = model.map(begin).transpose()?;
            let plan = TrialPlan { model: session.as_ref(), ..plan };
            match attempt_once(plan, lease).await {
                Ok(mut record) => {
                    record.attempts = attempts.succeeded();
                    return Ok(record);
                }
                Err(fault) => {
                    drop(permit);
                    attempts.failed(fault, on_retry).await?;
                }
            }
        }
    }
}

async fn attempt_once(
    plan: TrialPlan<'_>,
    lease: &mut ContainerLease,
) -> Result<TrialRecord, Fault> {
    let mut container = lease.take().await?;
    let done = trial::run(&mut container, plan).await;
    let TrialRun { mut record, missing } = lease.put_back(container, done).await?;
    if let Some(missing) = missing {
        lease.explain(missing, plan.task, &mut record.cases).await;
    }
    Ok(record)
}
