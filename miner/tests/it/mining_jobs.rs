//! Several tasks at the same time: how many questions are under way, and what they spend.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use miner::mine::answers::KeptAnswers;
use miner::mine::error::MineError;
use miner::mine::event::MiningEvent;
use miner::mine::mining_loop::run;
use miner::mine::plan::{MiningPlan, MiningSettings};
use miner::model::sample::SampleModel;
use miner::model::source::{AnswerSource, AnswerSourceError, ModelReply, ModelRequest, TokenUsage};
use tasks::TaskView;

const JOBS: usize = 16;

/// Gives the right answer after all other requests had a chance to start, and spends all that it may.
#[derive(Default)]
struct SlowSource {
    running: AtomicUsize,
    most_running: AtomicUsize,
    largest_question: AtomicUsize,
}

impl AnswerSource for SlowSource {
    fn name(&self) -> String {
        "slow".to_owned()
    }

    fn learns(&self) -> bool {
        true
    }

    fn answer<'a>(
        &'a self,
        request: &'a ModelRequest<'a>,
    ) -> BoxFuture<'a, Result<ModelReply, AnswerSourceError>> {
        async {
            let running = self.running.fetch_add(1, Ordering::Relaxed) + 1;
            self.most_running.fetch_max(running, Ordering::Relaxed);
            self.largest_question.fetch_max(request.bytes(), Ordering::Relaxed);
            for _ in 0..100 {
                tokio::task::yield_now().await;
            }
            self.running.fetch_sub(1, Ordering::Relaxed);
            let text = SampleModel::Good.answer_to(request.task).unwrap();
            let input = TokenUsage::estimated(request.bytes(), 0);
            let usage = TokenUsage { output_tokens: request.max_output_tokens, ..input };
            Ok(ModelReply { text, usage, flaw: None })
        }
        .boxed()
    }
}

/// The outcome of a run over all built-in tasks.
struct JobsOutcome {
    ended: Result<(), MineError>,
    source: SlowSource,
    spent: TokenUsage,
    answered: usize,
    tasks: usize,
}

async fn run_all(budget: &str) -> JobsOutcome {
    let tasks: Vec<TaskView> = tasks::all().iter().map(tasks::Task::view).collect();
    let settings = MiningSettings {
        attempts: 1,
        budget: budget.parse().unwrap(),
        task_budget: "tokens=100000".parse().unwrap(),
        price: None,
        max_output_tokens: 1000,
        jobs: JOBS,
    };
    let plan = MiningPlan { tasks: &tasks, tryout: None, settings };
    let (source, answers, spent) =
        (SlowSource::default(), KeptAnswers::default(), Mutex::default());
    let on_event = |event| {
        if let MiningEvent::Spent(usage) = event {
            *spent.lock().unwrap() = usage;
        }
    };
    let ended = run(&source, &plan, &answers, &on_event).await;
    let spent = *spent.lock().unwrap();
    JobsOutcome { ended, source, spent, answered: answers.count(), tasks: tasks.len() }
}

#[tokio::test]
async fn works_on_several_tasks_at_the_same_time() {
    let outcome = run_all("tokens=10000000").await;
    outcome.ended.unwrap();
    assert_eq!(outcome.source.most_running.into_inner(), JOBS);
    assert_eq!(outcome.answered, outcome.tasks);
}

#[tokio::test]
async fn keeps_the_budget_with_several_tasks_at_the_same_time() {
    let outcome = run_all("tokens=20000").await;
    assert!(matches!(outcome.ended, Err(MineError::Budget(_))));
    assert!(outcome.source.most_running.into_inner() > 1);
    // The last question may exceed the budget, its reply may not.
    let question = TokenUsage::estimated(outcome.source.largest_question.into_inner(), 0).tokens();
    let spent = outcome.spent.tokens();
    assert!(spent >= 20_000 && spent <= 20_000 + question, "{spent}");
    assert!(outcome.answered > 5 && outcome.answered < outcome.tasks, "{}", outcome.answered);
}
