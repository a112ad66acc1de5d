//! Runs the mining loop without a sandbox, and keeps what it reports.

use std::sync::Mutex;

use miner::mine::answers::KeptAnswers;
use miner::mine::error::MineError;
use miner::mine::event::MiningEvent;
use miner::mine::mining_loop::run;
use miner::mine::plan::{MiningPlan, MiningSettings};
use miner::model::source::{AnswerSource, TokenUsage};
use tasks::TaskView;

/// Three attempts at a task, with a generous budget.
pub fn settings() -> MiningSettings {
    MiningSettings {
        attempts: 3,
        budget: "tokens=10000000".parse().unwrap(),
        task_budget: "tokens=100000".parse().unwrap(),
        price: None,
        max_output_tokens: 1000,
        jobs: 1,
    }
}

/// The outcome of a run.
pub struct LoopRun {
    pub ended: Result<(), MineError>,
    /// What was wrong with replies.
    pub failures: Vec<String>,
    /// Why tasks were abandoned.
    pub left: Vec<String>,
    pub spent: TokenUsage,
    pub answers: KeptAnswers,
    pub tasks: Vec<TaskView>,
}

impl LoopRun {
    pub async fn of(
        source: &dyn AnswerSource,
        tasks: Vec<TaskView>,
        settings: MiningSettings,
    ) -> Self {
        let answers = KeptAnswers::default();
        let (failures, left) = (Mutex::<Vec<String>>::default(), Mutex::<Vec<String>>::default());
        let spent = Mutex::default();
        let on_event = |event| match event {
            MiningEvent::Exchanged(exchange) => failures.lock().unwrap().extend(exchange.failed),
            MiningEvent::Spent(usage) => *spent.lock().unwrap() = usage,
            MiningEvent::Left { reason, .. } => left.lock().unwrap().push(reason),
            _ => {}
        };
        let plan = MiningPlan { tasks: &tasks, tryout: None, settings };
        let ended = run(source, &plan, &answers, &on_event).await;
        let (failures, left) = (failures.into_inner().unwrap(), left.into_inner().unwrap());
        let spent = spent.into_inner().unwrap();
        Self { ended, failures, left, spent, answers, tasks }
    }

    /// Returns for each task whether it has an answer.
    pub fn answered(&self) -> Vec<bool> {
        self.tasks.iter().map(|task| self.answers.get(&task.id).is_some()).collect()
    }

    pub fn error(&self) -> String {
        self.ended.as_ref().unwrap_err().to_string()
    }
}
