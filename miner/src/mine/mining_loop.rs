//! The mining loop: asks for code, examines it, tries it, asks again with feedback, and keeps the best answer.
//!
//! Unusable replies are an ordinary event. Only a source that cannot work, an exhausted budget or a failing sandbox
//! ends the loop, and then the caller's [`KeptAnswers`] hold what was found so far.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::{StreamExt as _, stream};
use tasks::TaskView;
use tokio::sync::{Notify, Semaphore};

use super::answers::KeptAnswers;
use super::conversation::{Conversation, ConversationEnd, MiningContext};
use super::error::MineError;
use super::event::{MiningEvent, OnMiningEvent};
use super::plan::MiningPlan;
use crate::budget::BudgetMeter;
use crate::model::source::{AnswerSource, AnswerSourceError};

/// Consecutive tasks on which the source may fail before the run ends.
const MAX_FAILED_TASKS: u32 = 2;

/// Asks for answers to all tasks that have none yet, or one that was tried and did not pass, and adds the best ones
/// to `answers`. If the budget is used up or the source has failed, the requests that are under way are completed:
/// they are paid for.
pub async fn run(
    source: &dyn AnswerSource,
    plan: &MiningPlan<'_>,
    answers: &KeptAnswers,
    on_event: OnMiningEvent<'_>,
) -> Result<(), MineError> {
    let context = &MiningContext {
        source,
        plan,
        answers,
        on_event,
        meter: Mutex::new(BudgetMeter::start(plan.settings.budget)),
        settled: Notify::new(),
        is_stopping: AtomicBool::new(false),
        trials: Semaphore::new(std::thread::available_parallelism().map_or(1, usize::from)),
    };
    let is_open = |(_, task): &(usize, &TaskView)| {
        !answers.get(&task.id).is_some_and(|best| plan.is_done(task, &best))
    };
    let open: Vec<_> = (1..).zip(plan.tasks).filter(is_open).collect();
    on_event(MiningEvent::Started { tasks: open.len() });
    // Boxed because the future of a trial is large.
    let conversations = open.into_iter().map(|(place, task)| {
        Box::pin(async move { (task, Conversation::new(context, task, place).run().await) })
    });
    let mut conversations = stream::iter(conversations).buffer_unordered(plan.settings.jobs.max(1));
    let (mut failed_tasks, mut stopped) = (0, Ok(()));
    while let Some((task, ended)) = conversations.next().await {
        match ended.and_then(|end| report(context, task, end, &mut failed_tasks)) {
            Ok(()) => {}
            Err(
                error @ (MineError::Budget(_) | MineError::Source(AnswerSourceError::Failed(_))),
            ) => {
                context.is_stopping.store(true, Ordering::Relaxed);
                stopped = stopped.and(Err(error));
            }
            Err(error) => return Err(error),
        }
    }
    stopped
}

/// Reports the end of a conversation. The error says that the source has failed on too many tasks.
fn report(
    context: &MiningContext<'_>,
    task: &TaskView,
    end: ConversationEnd,
    failed_tasks: &mut u32,
) -> Result<(), MineError> {
    let id = task.id.clone();
    let reason = match end {
        ConversationEnd::Done => {
            *failed_tasks = 0;
            let best = context.answers.get(&id);
            (context.on_event)(MiningEvent::Done { task: id, best });
            return Ok(());
        }
        ConversationEnd::Stopped => return Ok(()),
        ConversationEnd::NoAnswer { attempt: 1, reason } => {
            (context.on_event)(MiningEvent::Skipped { task: id, reason });
            return Ok(());
        }
        ConversationEnd::NoAnswer { reason, .. } => reason,
        ConversationEnd::TaskBudget(what) => format!("its budget is used up: {what}"),
        ConversationEnd::Failed(reason) => {
            *failed_tasks += 1;
            if *failed_tasks == MAX_FAILED_TASKS {
                return Err(MineError::Source(AnswerSourceError::Failed(reason)));
            }
            reason
        }
    };
    (context.on_event)(MiningEvent::Left { task: id, reason });
    Ok(())
}
