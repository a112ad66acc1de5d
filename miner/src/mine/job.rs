//! A complete mining run: the loop, its files on disk, and the agent that is built and tried at the end.

use std::path::PathBuf;
use std::sync::{Mutex, Once, OnceLock, PoisonError};

use harness::round::check::CheckOutcome;
use harness::round::events::RoundListener;
use jiff::Timestamp;
use platform::MinerId;
use platform::api::TaskScore;
use platform::store::{StoreError, write_atomically};
use serde::Serialize;
use tasks::{Sha256, TaskId, TaskView};

use super::answers::KeptAnswers;
use super::error::MineError;
use super::event::{MiningEvent, OnMiningEvent};
use super::mining_loop;
use super::plan::{MiningPlan, MiningSettings};
use super::transcript::Transcript;
use super::tryout::Tryout;
use crate::assembly::{self, AgentHeader};
use crate::model::source::{AnswerSource, AnswerSourceError, TokenUsage};
use crate::work_directory::WorkDirectory;

/// A mining run for one miner.
pub struct MiningJob<'a> {
    /// The miner.
    pub miner: MinerId,
    /// What writes the answers.
    pub source: &'a dyn AnswerSource,
    /// Limits of the run.
    pub settings: MiningSettings,
    /// All tasks of the platform. Kept answers to them become part of the agent, even if they are not asked about.
    pub all_tasks: Vec<TaskView>,
    /// The tasks that are asked about.
    pub tasks: Vec<TaskView>,
    /// The best answers so far. They survive an interrupted run.
    pub answers: KeptAnswers,
    /// What happens to the answers that an earlier run left in the work directory.
    pub earlier: EarlierAnswers,
    /// Where answers and agent are kept.
    pub work: WorkDirectory,
    /// Records every exchange, if wanted.
    pub transcript: Option<Transcript>,
    /// A date for the agent's header.
    pub date: Option<String>,
}

/// What happens to the answers of an earlier run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EarlierAnswers {
    /// They are moved to another file before the first new answer is saved.
    SetAside,
    /// They are part of [`MiningJob::answers`], and their file is updated.
    Resume,
}

/// Who observes a run.
pub struct MiningObserver<'a> {
    /// Receives the events of the run.
    pub on_event: OnMiningEvent<'a>,
    /// Receives the trials of the complete agent.
    pub trials: RoundListener,
}

/// The agent that a run built.
#[derive(Debug)]
pub struct MinedAgent {
    /// Its source.
    pub source: String,
    /// Its trials, if it was tried.
    pub checked: Option<CheckOutcome>,
    /// Why the run stopped early, if it did.
    pub stopped: Option<String>,
    /// What the run spent.
    pub usage: TokenUsage,
    /// What failed during the run without ending it. The agent is complete nevertheless.
    pub faults: Vec<String>,
}

/// A machine-readable summary of a run.
#[derive(Debug, Serialize)]
pub struct MiningReport {
    /// Digest of the agent.
    pub agent_sha256: Sha256,
    /// Its score, if it was tried.
    pub score: Option<f64>,
    /// The tasks that were asked about or have an answer.
    pub tasks: Vec<MinedTask>,
    /// Why the run stopped early, if it did.
    pub stopped: Option<String>,
    /// What the run spent.
    pub usage: TokenUsage,
    /// The transcript, if there is one.
    pub transcript: Option<PathBuf>,
}

/// One task of a [`MiningReport`].
#[derive(Debug, Serialize)]
pub struct MinedTask {
    /// The task.
    pub id: TaskId,
    /// Whether there is an answer.
    pub answered: bool,
    /// The attempt that gave the answer, from 1.
    pub attempt: Option<u32>,
    /// The score of the answer, if it was tried.
    pub tried: Option<TaskScore>,
}

/// The state of a run that events change.
struct JobState {
    faults: Mutex<Vec<String>>,
    usage: Mutex<TokenUsage>,
    set_aside: Once,
    /// Why the source has no answer to a task, for the first such task.
    no_answer: OnceLock<String>,
}

impl JobState {
    fn keep_fault(&self, done: Result<(), String>) {
        let Err(fault) = done else { return };
        let mut faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        // A full disk fails every save in the same way.
        if !faults.contains(&fault) {
            faults.push(fault);
        }
    }
}

impl MiningJob<'_> {
    /// Runs the mining loop, builds the agent and tries it. Without a `tryout` nothing is run, and answers are not
    /// checked. Answers are saved after each exchange.
    pub async fn run(
        &self,
        tryout: Option<&Tryout>,
        observer: &MiningObserver<'_>,
    ) -> Result<MinedAgent, MineError> {
        let (faults, usage) = (Mutex::default(), Mutex::default());
        let (set_aside, no_answer) = (Once::new(), OnceLock::new());
        let state = JobState { faults, usage, set_aside, no_answer };
        let plan = MiningPlan { tasks: &self.tasks, tryout, settings: self.settings };
        let on_event = |event: MiningEvent| {
            self.record(&event, &state, observer.on_event);
            (observer.on_event)(event);
        };
        let ended = mining_loop::run(self.source, &plan, &self.answers, &on_event).await;
        let stopped = self.stopped_early(ended, &state, observer.on_event)?;
        if let (0, Some(reason)) = (self.answers.count(), state.no_answer.get()) {
            return Err(MineError::Source(AnswerSourceError::NoAnswer(reason.clone())));
        }
        let header = AgentHeader { model: self.source.name(), date: self.date.clone() };
        let source = assembly::assemble(&self.answers.parts(&self.all_tasks), &header)?;
        let checked = match tryout {
            Some(tryout) => {
                let answered = |task: &&TaskView| self.answers.get(&task.id).is_some();
                let answered: Vec<_> = self.all_tasks.iter().filter(answered).cloned().collect();
                (observer.on_event)(MiningEvent::TryingAgent { tasks: answered.len() });
                let checked = tryout.run(&source, &answered, observer.trials.clone()).await?;
                state.keep_fault(checked.faults.first().cloned().map_or(Ok(()), Err));
                Some(checked)
            }
            None => None,
        };
        let usage = *state.usage.lock().unwrap_or_else(PoisonError::into_inner);
        let faults = state.faults.into_inner().unwrap_or_else(PoisonError::into_inner);
        Ok(MinedAgent { source, checked, stopped, usage, faults })
    }

    /// Writes the agent into the work directory.
    pub fn keep(&self, agent: &MinedAgent) -> Result<(), StoreError> {
        write_atomically(&self.work.agent(), agent.source.as_bytes())
    }

    /// Summarizes a run.
    pub fn report(&self, agent: &MinedAgent) -> MiningReport {
        let trials = || agent.checked.iter().flat_map(|checked| &checked.trials);
        let task = |view: &TaskView| {
            let trial = trials().find(|trial| trial.record.task == view.id);
            let kept = self.answers.get(&view.id);
            MinedTask {
                id: view.id.clone(),
                answered: kept.is_some(),
                attempt: kept.map(|kept| kept.attempt),
                tried: trial.map(|trial| trial.record.score()),
            }
        };
        let is_listed =
            |view: &&TaskView| self.tasks.contains(view) || self.answers.get(&view.id).is_some();
        MiningReport {
            agent_sha256: Sha256::of(agent.source.as_bytes()),
            score: agent.checked.as_ref().and_then(|checked| checked.score),
            tasks: self.all_tasks.iter().filter(is_listed).map(task).collect(),
            stopped: agent.stopped.clone(),
            usage: agent.usage,
            transcript: self.transcript.as_ref().map(|transcript| transcript.path().to_owned()),
        }
    }

    /// The reason why the loop stopped early, if there are answers to build an agent of. A failed source is a fault
    /// as well; a used-up budget is not.
    fn stopped_early(
        &self,
        ended: Result<(), MineError>,
        state: &JobState,
        on_event: OnMiningEvent<'_>,
    ) -> Result<Option<String>, MineError> {
        match ended {
            Err(error @ MineError::Budget(_)) if self.answers.count() > 0 => {
                let reason = error.to_string();
                on_event(MiningEvent::StoppedEarly { reason: reason.clone() });
                Ok(Some(reason))
            }
            Err(MineError::Source(AnswerSourceError::Failed(reason)))
                if self.answers.count() > 0 =>
            {
                state.keep_fault(Err(format!("stopped early: {reason}")));
                Ok(Some(reason))
            }
            ended => ended.map(|()| None),
        }
    }

    /// Saves what an event reports.
    fn record(&self, event: &MiningEvent, state: &JobState, on_event: OnMiningEvent<'_>) {
        match event {
            MiningEvent::Exchanged(exchange) => {
                if let Some(transcript) = &self.transcript {
                    let path = transcript.path().display();
                    state.keep_fault(
                        transcript
                            .add(Timestamp::now(), exchange)
                            .map_err(|error| format!("cannot write to {path}: {error}")),
                    );
                }
                self.save_answers(state, on_event);
            }
            MiningEvent::Spent(spent) => {
                *state.usage.lock().unwrap_or_else(PoisonError::into_inner) = *spent;
            }
            MiningEvent::Skipped { reason, .. } => {
                state.no_answer.get_or_init(|| reason.clone());
            }
            _ => {}
        }
    }

    fn save_answers(&self, state: &JobState, on_event: OnMiningEvent<'_>) {
        if self.earlier == EarlierAnswers::SetAside {
            state.set_aside.call_once(|| match self.work.set_answers_aside() {
                Ok(None) => {}
                Ok(Some(path)) => on_event(MiningEvent::EarlierAnswersMoved { path }),
                Err(error) => {
                    state.keep_fault(Err(format!("cannot keep the earlier answers: {error}")));
                }
            });
        }
        let saved = self.answers.save(&self.work.answers());
        state.keep_fault(saved.map_err(|error| error.to_string()));
    }
}
