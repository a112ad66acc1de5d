//! A container that is reserved for an agent, or for answers that may share one.

use tokio::task::JoinSet;

use crate::Fault;
use crate::sandbox::{Container, Sandbox};
use crate::trial::explain::MissingExplanations;
use crate::trial::instance::RoundTask;
use crate::trial::record::CaseResult;
use crate::trial::run::CleanOr;

/// A place for one container of a sandbox. It is filled when it is needed, and again after the container was
/// discarded.
pub struct ContainerLease {
    sandbox: Sandbox,
    state: LeaseState,
    /// A container for explanations, which never gets a hidden input
    explainer: Option<Box<Container>>,
}

#[derive(Default)]
enum LeaseState {
    #[default]
    Empty,
    /// A container is being started, by the only task of the set, which ends with the set.
    Starting(JoinSet<Result<Container, Fault>>),
    /// The container is fit for the next trial.
    Ready(Box<Container>),
}

impl ContainerLease {
    /// A lease whose container is started when it is needed.
    pub fn new(sandbox: &Sandbox) -> Self {
        Self { sandbox: sandbox.clone(), state: LeaseState::Empty, explainer: None }
    }

    /// A lease whose container is being started already.
    pub fn start(sandbox: &Sandbox) -> Self {
        let (starter, mut starting) = (sandbox.clone(), JoinSet::new());
        starting.spawn(async move { starter.start().await });
        let state = LeaseState::Starting(starting);
        Self { sandbox: sandbox.clone(), state, explainer: None }
    }

    /// Waits until the container that is being started is ready. A fault is dropped: the next [`Self::take`] starts
    /// another container and reports its fault.
    pub async fn wait(&mut self) {
        if let LeaseState::Starting(starting) = &mut self.state {
            self.state = started(starting).await.map_or_else(|_| LeaseState::Empty, ready);
        }
    }

    /// Takes the container out, and starts one if there is none.
    pub async fn take(&mut self) -> Result<Box<Container>, Fault> {
        match std::mem::take(&mut self.state) {
            LeaseState::Starting(mut starting) => started(&mut starting).await.map(Box::new),
            LeaseState::Ready(container) => Ok(container),
            LeaseState::Empty => self.sandbox.start().await.map(Box::new),
        }
    }

    /// Puts the container back after work in it, if it is clean, and discards it otherwise.
    pub(crate) async fn put_back<T>(
        &mut self,
        container: Box<Container>,
        done: Result<CleanOr<T>, Fault>,
    ) -> Result<T, Fault> {
        if matches!(done, Ok(CleanOr { clean: true, .. })) {
            self.state = LeaseState::Ready(container);
        } else {
            self.sandbox.discard(*container).await;
        }
        done.map(|done| done.value)
    }

    /// Fills in what is missing in a trial's cases. If that ends in a fault, it stays missing: the verdicts stand.
    pub(crate) async fn explain(
        &mut self,
        missing: MissingExplanations,
        task: &RoundTask,
        cases: &mut [CaseResult],
    ) {
        let mut container = match self.explainer.take() {
            Some(container) => container,
            None => match self.sandbox.start().await {
                Ok(container) => Box::new(container),
                Err(_) => return,
            },
        };
        match missing.fill(&mut container, task, cases).await {
            Ok(true) => self.explainer = Some(container),
            Ok(false) | Err(_) => self.sandbox.discard(*container).await,
        }
    }

    /// Removes the containers, if there are any.
    pub async fn discard(self) {
        if let LeaseState::Ready(container) = self.state {
            self.sandbox.discard(*container).await;
        }
        if let Some(container) = self.explainer {
            self.sandbox.discard(*container).await;
        }
    }
}

fn ready(container: Container) -> LeaseState {
    LeaseState::Ready(Box::new(container))
}

async fn started(starting: &mut JoinSet<Result<Container, Fault>>) -> Result<Container, Fault> {
    let started = starting.join_next().await.expect("the set has a task");
    started.expect("starting a container does not panic")
}
