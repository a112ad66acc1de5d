//! Several tasks at the same time: how many questions are under way, and what they spend.

use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use miner::mine::error::MineError;
use miner::mine::plan::MiningSettings;
use miner::model::sample::SampleModel;
use miner::model::source::{AnswerSource, AnswerSourceError, ModelReply, ModelRequest, TokenUsage};

use crate::loop_run::{LoopRun, settings};

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

impl SlowSource {
    /// Runs over all built-in tasks.
    async fn run_all(&self, budget: &str) -> LoopRun {
        let tasks = tasks::all().iter().map(tasks::Task::view).collect();
        let budget = budget.parse().unwrap();
        let settings = MiningSettings { attempts: 1, budget, jobs: JOBS, ..settings() };
        LoopRun::of(self, tasks, settings).await
    }
}

#[tokio::test]
async fn works_on_several_tasks_at_the_same_time() {
    let source = SlowSource::default();
    let ran = source.run_all("tokens=10000000").await;
    ran.ended.unwrap();
    assert_eq!(source.most_running.into_inner(), JOBS);
    assert_eq!(ran.answers.count(), ran.tasks.len());
}

#[tokio::test]
async fn keeps_the_budget_with_several_tasks_at_the_same_time() {
    let source = SlowSource::default();
    let ran = source.run_all("tokens=20000").await;
    assert!(matches!(ran.ended, Err(MineError::Budget(_))));
    assert!(source.most_running.into_inner() > 1);
    // The last question may exceed the budget, its reply may not.
    let question = TokenUsage::estimated(source.largest_question.into_inner(), 0).tokens();
    let spent = ran.spent.tokens();
    assert!(spent >= 20_000 && spent <= 20_000 + question, "{spent}");
    let answered = ran.answers.count();
    assert!(answered > 5 && answered < ran.tasks.len(), "{answered}");
}

/// Fails on the first tasks while the others are under way.
struct FailingSource {
    slow: SlowSource,
    failures_left: AtomicUsize,
}

impl AnswerSource for FailingSource {
    fn name(&self) -> String {
        "failing".to_owned()
    }

    fn learns(&self) -> bool {
        true
    }

    fn answer<'a>(
        &'a self,
        request: &'a ModelRequest<'a>,
    ) -> BoxFuture<'a, Result<ModelReply, AnswerSourceError>> {
        let left = |left: usize| left.checked_sub(1);
        let fails =
            self.failures_left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, left).is_ok();
        if !fails {
            return self.slow.answer(request);
        }
        async {
            // The other requests have started then, and have not ended.
            for _ in 0..10 {
                tokio::task::yield_now().await;
            }
            Err(AnswerSourceError::Failed("503".to_owned()))
        }
        .boxed()
    }
}

#[tokio::test]
async fn requests_under_way_are_completed_when_the_source_has_failed() {
    let (slow, failures_left) = (SlowSource::default(), AtomicUsize::new(2));
    let source = FailingSource { slow, failures_left };
    let tasks = tasks::all().iter().map(tasks::Task::view).collect();
    let ran = LoopRun::of(&source, tasks, MiningSettings { jobs: JOBS, ..settings() }).await;
    assert_eq!(ran.error(), "503");
    // Two of the first requests failed; the task of the first one gave its place to another before the second failed.
    let answered = ran.answers.count();
    assert!((JOBS - 2..=JOBS).contains(&answered), "{answered}");
}
