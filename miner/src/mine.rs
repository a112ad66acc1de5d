//! The loop: ask for code, look at it, try it, say what failed, ask again, and keep the best.
//!
//! It tells what happens as [`Event`]s and prints nothing. Answers that are of no use are ordinary here; only
//! a source that cannot work at all, or a sandbox that fails, ends the loop, and then what was found so far is
//! in the [`Answers`] that the caller holds.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use harness::Fault;
use platform::rankings::TaskScore;
use platform::validation;
use serde::{Deserialize, Serialize};
use tasks::{TaskId, TaskView, Verdict};

use crate::assembly::{self, Making, Part};
use crate::extract;
use crate::prompt;
use crate::source::{Ask, Flaw, Message, Progress, Reply, Role, Source, SourceError};
use crate::tryout::{self, Tryout};

/// Tasks in a row on which the provider may fail before the rest is not asked for any more.
const MAX_FAILURES: u32 = 2;

/// The best answer to a task so far.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Best {
    /// Python source.
    pub answer: String,
    /// What it got when it was tried; none if it was not.
    pub score: Option<TaskScore>,
    /// How often the source was asked.
    pub attempts: u32,
}

impl Best {
    /// What the agent's header says of it.
    fn note(&self) -> String {
        match &self.score {
            Some(score) => format!("{} of {} cases", score.passed, score.total),
            None => "not tried".to_owned(),
        }
    }

    fn is_better_than(&self, other: Option<&Self>) -> bool {
        let worth = |best: &Self| best.score.as_ref().map_or(-1.0, |score| score.score);
        other.is_none_or(|other| worth(self) > worth(other))
    }
}

/// The best answers so far, shared with whoever may have to stop the loop.
#[derive(Clone, Debug, Default)]
pub struct Answers(Arc<Mutex<BTreeMap<TaskId, Best>>>);

impl Answers {
    /// The best answer to a task.
    pub fn get(&self, task: &TaskId) -> Option<Best> {
        self.lock().get(task).cloned()
    }

    fn offer(&self, task: &TaskId, best: Best) {
        let mut answers = self.lock();
        if best.is_better_than(answers.get(task)) {
            answers.insert(task.clone(), best);
        }
    }

    /// The parts of an agent, in the order of the tasks.
    pub fn parts(&self, tasks: &[TaskView]) -> Vec<Part> {
        let answers = self.lock();
        let part = |task: &TaskView| {
            let best = answers.get(&task.id)?;
            Some(Part { task: task.clone(), answer: best.answer.clone(), note: best.note() })
        };
        tasks.iter().filter_map(part).collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<TaskId, Best>> {
        // Nobody leaves the map half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What happens in the loop.
#[derive(Clone, Debug)]
pub enum Event {
    /// An answer is asked for.
    Asking {
        /// For which task.
        task: TaskId,
        /// 1 for the first time.
        attempt: u32,
    },
    /// The source is at work.
    Progress(Progress),
    /// An attempt came to nothing, or not to everything.
    Failed {
        /// On which task.
        task: TaskId,
        /// Which attempt.
        attempt: u32,
        /// One line that says why.
        why: String,
    },
    /// A task is done with.
    Done {
        /// Which.
        task: TaskId,
        /// The best answer, if any was of use.
        best: Option<Best>,
    },
    /// The source could not be asked about a task.
    NoAnswer {
        /// Which.
        task: TaskId,
        /// Why.
        why: String,
    },
}

/// What the loop is to do.
pub struct Plan<'a> {
    /// The tasks, as the platform has them.
    pub tasks: &'a [TaskView],
    /// How often the source is asked about one task at most.
    pub attempts: u32,
    /// Where answers are tried; if nowhere, the first one of the right form is kept.
    pub tryout: Option<&'a Tryout>,
}

/// The loop ended before its time.
#[derive(Debug, thiserror::Error)]
pub enum MineError {
    /// The source is of no use at all.
    #[error(transparent)]
    Source(SourceError),
    /// The arena failed.
    #[error(transparent)]
    Sandbox(#[from] Fault),
    /// The arena could not carry out a trial, even when it tried again.
    #[error("an answer could not be tried: {0}")]
    Trial(String),
}

/// Who is told of events.
pub type OnEvent<'a> = &'a (dyn Fn(Event) + Send + Sync);

/// Asks for answers to all tasks that have none that passes yet, and puts the best ones into `answers`.
pub async fn run(
    source: &dyn Source,
    plan: &Plan<'_>,
    answers: &Answers,
    on_event: OnEvent<'_>,
) -> Result<(), MineError> {
    let mut failures = 0;
    for task in plan.tasks {
        let passes =
            |best: &Best| best.score.as_ref().is_some_and(|s| s.verdict == Verdict::Accepted);
        if answers.get(&task.id).as_ref().is_some_and(passes) {
            continue;
        }
        let asked = Conversation::new(source, plan, task, on_event).run(answers).await;
        let why = match asked {
            Ok(()) => {
                failures = 0;
                on_event(Event::Done { task: task.id.clone(), best: answers.get(&task.id) });
                continue;
            }
            Err(MineError::Source(SourceError::NothingToSay(why))) => why,
            Err(MineError::Source(SourceError::Failed(why))) if failures + 1 < MAX_FAILURES => {
                failures += 1;
                why
            }
            Err(error) => return Err(error),
        };
        on_event(Event::NoAnswer { task: task.id.clone(), why });
    }
    Ok(())
}

/// One task's share of the loop.
struct Conversation<'a> {
    source: &'a dyn Source,
    plan: &'a Plan<'a>,
    task: &'a TaskView,
    on_event: OnEvent<'a>,
    messages: Vec<Message>,
}

/// What an attempt came to.
enum Attempt {
    Passed(Best),
    /// There is something to say to the model; and perhaps an answer that is better than none.
    Failed {
        why: String,
        feedback: String,
        best: Option<Best>,
    },
}

impl<'a> Conversation<'a> {
    fn new(
        source: &'a dyn Source,
        plan: &'a Plan<'a>,
        task: &'a TaskView,
        on_event: OnEvent<'a>,
    ) -> Self {
        Self { source, plan, task, on_event, messages: prompt::opening(task) }
    }

    async fn run(mut self, answers: &Answers) -> Result<(), MineError> {
        let attempts = if self.source.learns() { self.plan.attempts.max(1) } else { 1 };
        for attempt in 1..=attempts {
            (self.on_event)(Event::Asking { task: self.task.id.clone(), attempt });
            let on_progress = |progress| (self.on_event)(Event::Progress(progress));
            let ask = Ask {
                task: self.task,
                attempt,
                messages: &self.messages,
                max_output_tokens: 16_384,
                on_progress: &on_progress,
            };
            let reply = self.source.answer(&ask).await.map_err(MineError::Source)?;
            match self.examine(&reply, attempt).await? {
                Attempt::Passed(best) => {
                    answers.offer(&self.task.id, best);
                    return Ok(());
                }
                Attempt::Failed { why, feedback, best } => {
                    if let Some(best) = best {
                        answers.offer(&self.task.id, best);
                    }
                    (self.on_event)(Event::Failed { task: self.task.id.clone(), attempt, why });
                    self.messages.push(Message { role: Role::Assistant, text: reply.text });
                    self.messages.push(prompt::feedback(self.task, &feedback));
                }
            }
        }
        Ok(())
    }

    /// From an answer to what is wrong with it, the cheap ways first.
    async fn examine(&self, reply: &Reply, attempt: u32) -> Result<Attempt, MineError> {
        let failed = |why: String, best| Attempt::Failed { feedback: why.clone(), why, best };
        if let Some(flaw) = reply.flaw {
            let why = match flaw {
                Flaw::Truncated => "the answer ends in the middle: the limit of tokens was reached",
                Flaw::Refused => "the model refused to answer",
                Flaw::TooLong => "the answer was cut off because it is far too long",
            };
            return Ok(failed(why.to_owned(), None));
        }
        let name = prompt::wanted_name(self.task);
        let answer = match extract::code(&reply.text, name) {
            Ok(answer) => answer,
            Err(no_code) => return Ok(failed(no_code.to_string(), None)),
        };
        if let Err(findings) = validation::validate(answer.as_bytes()) {
            let lines: Vec<_> = findings.iter().take(5).map(ToString::to_string).collect();
            return Ok(failed(format!("the code is not acceptable: {}", lines.join("; ")), None));
        }
        if !extract::defines(&answer, name) {
            return Ok(failed(format!("the code does not define {name}"), None));
        }
        let best = Best { answer, score: None, attempts: attempt };
        // A source that learns nothing is tried as a whole, at the end.
        match self.plan.tryout {
            Some(tryout) if self.source.learns() && tryout::known(self.task).is_some() => {
                self.try_out(tryout, best).await
            }
            _ => Ok(Attempt::Passed(best)),
        }
    }

    async fn try_out(&self, tryout: &Tryout, best: Best) -> Result<Attempt, MineError> {
        let part =
            Part { task: self.task.clone(), answer: best.answer.clone(), note: String::new() };
        let agent = match assembly::assemble(&[part], &Making::default()) {
            Ok(agent) => agent,
            Err(error) => {
                let why = error.to_string();
                return Ok(Attempt::Failed { feedback: why.clone(), why, best: None });
            }
        };
        let tasks = std::slice::from_ref(self.task);
        let mut checked = tryout.run(&agent, tasks, Arc::new(|_| ())).await?;
        let Some(trial) = checked.trials.pop().map(|trial| trial.result) else {
            return Err(MineError::Trial(checked.faults.join("; ")));
        };
        let best = Best { score: Some(trial.score()), ..best };
        if trial.verdict == Verdict::Accepted {
            return Ok(Attempt::Passed(best));
        }
        let why = format!("{}, {} of {} cases", trial.verdict, trial.passed, trial.total);
        Ok(Attempt::Failed { why, feedback: trial.failure(), best: Some(best) })
    }
}
