//! The loop: ask for code, look at it, try it, say what failed, ask again, and keep the best.
//!
//! It tells what happens as [`Event`]s and prints nothing. Answers that are of no use are ordinary here. Only a
//! source that cannot work at all, a budget that is used up or a sandbox that fails ends the loop, and then what
//! was found so far is in the [`Answers`] that the caller holds.

use std::sync::{Mutex, PoisonError};

use harness::Fault;
use serde::Serialize;
use tasks::{TaskId, TaskView, Verdict};

use crate::answers::{Answers, Best};
use crate::budget::{Budget, Meter, Price};
use crate::source::{Message, Progress, Reply, Source, SourceError, Usage};
use crate::tryout::{self, Tryout};
use conversation::{Conversation, End};

mod conversation;

/// Tasks in a row on which the provider may fail before the rest is not asked for any more.
const MAX_FAILURES: u32 = 2;

/// What the loop is to do.
pub struct Plan<'a> {
    /// The tasks, as the platform has them.
    pub tasks: &'a [TaskView],
    /// How often the source is asked about one task at most.
    pub attempts: u32,
    /// Where answers are tried; if nowhere, the first one of the right form is kept.
    pub tryout: Option<&'a Tryout>,
    /// What all may use up together.
    pub budget: Budget,
    /// What one task may use up.
    pub task_budget: Budget,
    /// What tokens cost, if the miner says so.
    pub price: Option<Price>,
    /// How long one answer may get, in tokens.
    pub max_output_tokens: u64,
}

impl<'a> Plan<'a> {
    /// Where answers to this task are tried, if they can be.
    fn tryout_for(&self, task: &TaskView) -> Option<&'a Tryout> {
        self.tryout.filter(|_| tryout::known(task).is_some())
    }

    /// Whether nothing better than this answer can come of asking.
    fn is_done(&self, task: &TaskView, best: &Best) -> bool {
        best.passes() || self.tryout_for(task).is_none()
    }
}

/// What happens in the loop.
#[derive(Clone, Debug)]
pub enum Event {
    /// An answer is asked for.
    Asking {
        /// For which task.
        task: TaskId,
        /// The task's place among all, from 1.
        place: usize,
        /// 1 for the first time.
        attempt: u32,
    },
    /// The source is at work.
    Progress(Progress),
    /// An answer came, and was looked at.
    Exchanged(Box<Exchange>),
    /// A task is done with.
    Done {
        /// Which.
        task: TaskId,
        /// The best answer, if any was of use.
        best: Option<Best>,
    },
    /// So much was used up so far, by all tasks together.
    Spent(Usage),
    /// The source has no answer to a task at all.
    Skipped {
        /// Which.
        task: TaskId,
    },
    /// A task was left before it was done.
    Left {
        /// Which.
        task: TaskId,
        /// Why.
        why: String,
    },
}

/// One question, its answer, and what became of it: a line of a transcript.
#[derive(Clone, Debug, Serialize)]
pub struct Exchange {
    /// Who answered.
    pub model: String,
    /// For which task.
    pub task: TaskId,
    /// Which attempt.
    pub attempt: u32,
    /// The question, with all that was said before it.
    pub messages: Vec<Message>,
    /// The answer.
    pub reply: Reply,
    /// How long the answer took, in milliseconds.
    pub wall_ms: u64,
    /// What the code got when it was tried.
    pub verdict: Option<Verdict>,
    /// Cases that it passed, of how many.
    pub cases: Option<(u32, u32)>,
    /// What was wrong, in one line.
    pub failed: Option<String>,
}

/// The loop ended before its time.
#[derive(Debug, thiserror::Error)]
pub enum MineError {
    /// The source is of no use any more.
    #[error(transparent)]
    Source(SourceError),
    /// The budget of the whole run is used up.
    #[error("the budget is used up: {0}")]
    Budget(String),
    /// The arena failed.
    #[error(transparent)]
    Sandbox(#[from] Fault),
    /// The arena could not carry out a trial, even when it tried again.
    #[error("an answer could not be tried: {0}")]
    Trial(String),
}

/// Who is told of events.
pub type OnEvent<'a> = &'a (dyn Fn(Event) + Send + Sync);

/// What every conversation of a run shares.
struct Run<'a> {
    source: &'a dyn Source,
    plan: &'a Plan<'a>,
    answers: &'a Answers,
    on_event: OnEvent<'a>,
    meter: Mutex<Meter>,
}

impl Run<'_> {
    fn meter<T>(&self, use_it: impl FnOnce(&mut Meter) -> T) -> T {
        use_it(&mut self.meter.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Asks for answers to all tasks that have none yet, or one that was tried and did not pass, and puts the best
/// ones into `answers`.
pub async fn run(
    source: &dyn Source,
    plan: &Plan<'_>,
    answers: &Answers,
    on_event: OnEvent<'_>,
) -> Result<(), MineError> {
    let meter = Mutex::new(Meter::start(plan.budget));
    let run = Run { source, plan, answers, on_event, meter };
    let mut failures = 0;
    for (place, task) in (1..).zip(plan.tasks) {
        if answers.get(&task.id).is_some_and(|best| plan.is_done(task, &best)) {
            continue;
        }
        // On the heap: what a trial holds on to is large.
        let why = match Box::pin(Conversation::new(&run, task, place).run()).await? {
            End::Done => {
                failures = 0;
                on_event(Event::Done { task: task.id.clone(), best: answers.get(&task.id) });
                continue;
            }
            End::TaskBudget(what) => format!("its budget is used up: {what}"),
            End::NothingToSay { attempt: 1, .. } => {
                on_event(Event::Skipped { task: task.id.clone() });
                continue;
            }
            End::NothingToSay { why, .. } => why,
            End::Failed(why) => {
                failures += 1;
                if failures == MAX_FAILURES {
                    return Err(MineError::Source(SourceError::Failed(why)));
                }
                why
            }
        };
        on_event(Event::Left { task: task.id.clone(), why });
    }
    Ok(())
}
