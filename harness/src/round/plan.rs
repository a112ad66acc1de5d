//! What a round is to do.

use std::sync::Arc;
use std::time::Duration;

use crate::choice::choices;
use crate::gateway::round::Gateway;
use crate::round::agent::Agent;
use crate::round::partition::Partition;
use crate::round::results::Results;
use crate::round::stopping::StopRules;
use crate::trial::instance::RoundTask;
use crate::trial::place::RoundShape;

/// How agents are kept apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isolation {
    /// One container per agent; every trial in it starts clean.
    Agent,
    /// One container per trial.
    Trial,
}

choices!(Isolation, "an isolation", Agent: "agent", Trial: "trial");

/// What a round is to do.
#[derive(Clone)]
pub struct RoundPlan {
    /// The agents
    pub agents: Vec<Agent>,
    /// The tasks under the round's seed
    pub tasks: Arc<[RoundTask]>,
    /// Trials of each agent on each task
    pub repeat: u32,
    /// When agents are stopped early
    pub stop: StopRules,
    /// Where trial records are looked up and kept; nowhere if none
    pub results: Option<Results>,
    /// Containers at work at the same time
    pub jobs: usize,
    /// Containers that may work on the same agent at the same time; 1 in a round
    pub jobs_per_agent: usize,
    /// How agents are kept apart
    pub isolation: Isolation,
    /// The part of the trials that is run; all if none
    pub partition: Option<Partition>,
    /// How long a trial's counterexample may be searched for; zero for none
    pub shrinking: Duration,
    /// The model that the agents may ask, if there is one. Then every trial needs a container of its own
    pub model: Option<Arc<Gateway>>,
}

impl RoundPlan {
    /// The trials of each agent.
    pub fn shape(&self) -> RoundShape {
        RoundShape { tasks: self.tasks.len(), repeat: self.repeat }
    }
}
