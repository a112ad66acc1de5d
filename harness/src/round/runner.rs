//! Running one trial to its verdict: looked up if it has a result, else tried until it comes to one or has
//! had all its attempts, and then kept.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tasks::Sha256;
use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};
use tokio::task::JoinSet;

use crate::Fault;
use crate::round::results::{Found, Results};
use crate::round::run::Agent;
use crate::sandbox::{Container, Sandbox};
use crate::trial::instance::Prepared;
use crate::trial::judge::Until;
use crate::trial::record::{Attempt, TrialResult};
use crate::trial::run::{self as trial, Candidate};

/// How often a trial is tried before its fault is reported.
pub(crate) const ATTEMPTS: usize = 4;
/// How long to wait before the second attempt; each further wait is four times as long. All together they
/// outlast the restart of a daemon.
pub(crate) const BACKOFF: Duration = Duration::from_millis(500);

/// A place for the container of one agent.
#[derive(Default)]
pub enum Slot {
    /// There is none yet.
    #[default]
    Empty,
    /// One is being started, by the only task of the set, which ends with the set.
    Starting(JoinSet<Result<Container, Fault>>),
    /// One is there, and fit for the next trial.
    Running(Box<Container>),
}

impl Slot {
    /// A place for which a container is being started.
    pub fn start(sandbox: &Sandbox) -> Self {
        let (sandbox, mut starting) = (sandbox.clone(), JoinSet::new());
        starting.spawn(async move { sandbox.start().await });
        Self::Starting(starting)
    }

    /// Waits until the container that is being started is there. A fault is told by whoever takes it out.
    pub async fn wait(&mut self) {
        if let Self::Starting(starting) = self {
            *self = match started(starting).await {
                Ok(container) => Self::Running(Box::new(container)),
                Err(_) => Self::Empty,
            };
        }
    }

    /// Takes the container out, and starts one if there is none.
    async fn take(&mut self, sandbox: &Sandbox) -> Result<Box<Container>, Fault> {
        match std::mem::take(self) {
            Self::Starting(mut starting) => started(&mut starting).await.map(Box::new),
            Self::Running(container) => Ok(container),
            Self::Empty => sandbox.start().await.map(Box::new),
        }
    }
}

async fn started(starting: &mut JoinSet<Result<Container, Fault>>) -> Result<Container, Fault> {
    let started = starting.join_next().await.expect("the set has a task");
    started.expect("starting a container does not panic")
}

/// Runs trials in a sandbox, and keeps what comes of them.
pub struct Runner {
    sandbox: Sandbox,
    results: Option<Results>,
    shrinking: Duration,
    /// Whether a trial waited for the daemon in vain. Until one is answered again, no other waits, or a round
    /// would take its waits for each of its trials.
    daemon_is_away: AtomicBool,
    /// Trials run side by side, but one that the machine has starved has its next attempt alone.
    turns: RwLock<()>,
}

/// The leave to run a trial, beside others or alone.
enum Turn<'a> {
    Shared { _turn: RwLockReadGuard<'a, ()> },
    Alone { _turn: RwLockWriteGuard<'a, ()> },
}

impl Runner {
    /// A runner that keeps results in `results`, or nowhere, and gives the search for a trial's
    /// counterexample `shrinking` of its time.
    pub fn new(sandbox: Sandbox, results: Option<Results>, shrinking: Duration) -> Self {
        let (daemon_is_away, turns) = (AtomicBool::new(false), RwLock::new(()));
        Self { sandbox, results, shrinking, daemon_is_away, turns }
    }

    /// Where the trials run.
    pub fn sandbox(&self) -> &Sandbox {
        &self.sandbox
    }

    /// The key of a trial.
    pub fn key(&self, agent: &Agent, prepared: &Prepared) -> Sha256 {
        Results::key(&agent.sha256, prepared, &self.sandbox.image().id)
    }

    /// What came of this trial when it was run before.
    pub fn look_up(&self, agent: &Agent, prepared: &Prepared) -> Result<Found, Fault> {
        let Some(results) = &self.results else { return Ok(Found::Nothing) };
        results.get(&self.key(agent, prepared))
    }

    /// Runs a trial, given as agent, its source and task, and keeps its result. `slot` holds the agent's
    /// container, if there is one; what is left there afterwards is fit for the agent's next trial.
    pub async fn run(
        &self,
        trial: (&Agent, &str, &Prepared),
        slot: &mut Slot,
        on_retry: &(dyn Fn(&Fault) + Send + Sync),
    ) -> Result<TrialResult, Fault> {
        let (agent, source, prepared) = trial;
        let candidate = (&agent.sha256, Candidate::Agent(source));
        let result = self.attempt((candidate, prepared), slot, on_retry).await?;
        if let Some(results) = &self.results {
            results.put(&self.key(agent, prepared), &result)?;
        }
        Ok(result)
    }

    /// Judges an answer that no agent has to be asked for. Nothing is kept.
    pub async fn judge(
        &self,
        (answer, prepared): (&str, &Prepared),
        until: Until,
        slot: &mut Slot,
        on_retry: &(dyn Fn(&Fault) + Send + Sync),
    ) -> Result<TrialResult, Fault> {
        let sha256 = Sha256::of(answer.as_bytes());
        let candidate = (&sha256, Candidate::Answer(answer, until));
        self.attempt((candidate, prepared), slot, on_retry).await
    }

    /// Removes what is left in a slot.
    pub async fn discard(&self, slot: Slot) {
        if let Slot::Running(container) = slot {
            self.sandbox.discard(*container).await;
        }
    }

    async fn attempt(
        &self,
        (candidate, prepared): ((&Sha256, Candidate<'_>), &Prepared),
        slot: &mut Slot,
        on_retry: &(dyn Fn(&Fault) + Send + Sync),
    ) -> Result<TrialResult, Fault> {
        let mut attempts = Vec::new();
        let mut backoff = BACKOFF;
        let mut was_starved = false;
        loop {
            let turn = self.turn(was_starved).await;
            let fault = match self.attempt_once(candidate, prepared, slot).await {
                Ok(mut result) => {
                    self.daemon_is_away.store(false, Ordering::Relaxed);
                    attempts.push(Attempt::default());
                    result.attempts = attempts;
                    return Ok(result);
                }
                Err(fault) => fault,
            };
            drop(turn);
            was_starved = matches!(fault, Fault::Starved { .. });
            let is_last = attempts.len() + 1 == ATTEMPTS;
            if is_last && fault.is_of_the_daemon() {
                self.daemon_is_away.store(true, Ordering::Relaxed);
            }
            let in_vain = fault.is_of_the_daemon() && self.daemon_is_away.load(Ordering::Relaxed);
            if is_last || in_vain || !fault.is_worth_another_attempt() {
                return Err(fault);
            }
            on_retry(&fault);
            attempts.push(Attempt { fault: Some(fault.to_string()) });
            tokio::time::sleep(backoff).await;
            backoff *= 4;
        }
    }

    async fn turn(&self, alone: bool) -> Turn<'_> {
        if alone {
            Turn::Alone { _turn: self.turns.write().await }
        } else {
            Turn::Shared { _turn: self.turns.read().await }
        }
    }

    /// One attempt. A container that did anything but a clean trial is thrown away.
    async fn attempt_once(
        &self,
        candidate: (&Sha256, Candidate<'_>),
        prepared: &Prepared,
        slot: &mut Slot,
    ) -> Result<TrialResult, Fault> {
        let mut container = slot.take(&self.sandbox).await?;
        match trial::run(&mut container, candidate, prepared, self.shrinking).await {
            Ok((result, true)) => {
                *slot = Slot::Running(container);
                Ok(result)
            }
            Ok((result, false)) => {
                self.sandbox.discard(*container).await;
                Ok(result)
            }
            Err(fault) => {
                self.sandbox.discard(*container).await;
                Err(fault)
            }
        }
    }
}
