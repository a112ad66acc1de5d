//! The mining loop: asks for code, examines it, tries it, asks again with feedback, and keeps the best answer.
//!
//! Unusable replies are an ordinary event. Only a source that cannot work, an exhausted budget or a failing sandbox
//! ends the loop, and then the caller's [`KeptAnswers`] hold what was found so far.

use std::sync::Mutex;

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
/// to `answers`.
pub async fn run(
    source: &dyn AnswerSource,
    plan: &MiningPlan<'_>,
    answers: &KeptAnswers,
    on_event: OnMiningEvent<'_>,
) -> Result<(), MineError> {
    let meter = Mutex::new(BudgetMeter::start(plan.settings.budget));
    let context = MiningContext { source, plan, answers, on_event, meter };
    let mut failed_tasks = 0;
    for (place, task) in (1..).zip(plan.tasks) {
        if answers.get(&task.id).is_some_and(|best| plan.is_done(task, &best)) {
            continue;
        }
        // Boxed because the future of a trial is large.
        let reason = match Box::pin(Conversation::new(&context, task, place).run()).await? {
            ConversationEnd::Done => {
                failed_tasks = 0;
                on_event(MiningEvent::Done { task: task.id.clone(), best: answers.get(&task.id) });
                continue;
            }
            ConversationEnd::TaskBudget(what) => format!("its budget is used up: {what}"),
            ConversationEnd::NoAnswer { attempt: 1, .. } => {
                on_event(MiningEvent::Skipped { task: task.id.clone() });
                continue;
            }
            ConversationEnd::NoAnswer { reason, .. } => reason,
            ConversationEnd::Failed(reason) => {
                failed_tasks += 1;
                if failed_tasks == MAX_FAILED_TASKS {
                    return Err(MineError::Source(AnswerSourceError::Failed(reason)));
                }
                reason
            }
        };
        on_event(MiningEvent::Left { task: task.id.clone(), reason });
    }
    Ok(())
}
