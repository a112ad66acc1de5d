//! One task's share of the loop: questions and answers until one passes, or until it is enough.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use harness::trial::record::TrialRecord;
use platform::api::TaskScore;
use platform::validation;
use tasks::{TaskView, Verdict};

use super::{Event, Exchange, MineError, Run};
use crate::answers::{Best, prompt_sha256};
use crate::assembly::{self, Making, Part};
use crate::budget::Meter;
use crate::extract;
use crate::prompt;
use crate::source::{Ask, Flaw, MAX_ANSWER_BYTES, Message, Progress, Reply, SourceError, Usage};
use crate::tryout::Tryout;

/// A limit that cannot be kept is no limit.
const NO_PRICE: &str = "a budget of money was given, but the provider does not say what an answer costs: \
                        add --price IN,OUT";

/// A conversation about one task.
pub(super) struct Conversation<'a> {
    run: &'a Run<'a>,
    task: &'a TaskView,
    place: usize,
    meter: Meter,
    messages: Vec<Message>,
}

/// How a conversation ended.
pub(super) enum End {
    /// An answer passed, or the attempts are over.
    Done,
    /// The task's own budget is used up.
    TaskBudget(String),
    /// The source has nothing more to say to this task.
    NothingToSay {
        /// At which attempt.
        attempt: u32,
        /// Why.
        why: String,
    },
    /// The provider failed.
    Failed(String),
}

/// Answers to one question that broke off: nobody says what they cost, and they are not free.
#[derive(Default)]
struct BrokenOff {
    asked_bytes: usize,
    /// Of the answer that is coming in.
    received_bytes: AtomicUsize,
    usage: Mutex<Usage>,
}

impl BrokenOff {
    fn hear(&self, progress: &Progress) {
        match progress {
            Progress::Received { bytes } => self.received_bytes.store(*bytes, Ordering::Relaxed),
            Progress::Retrying { .. } => self.count(),
        }
    }

    /// Counts the answer that was coming in. If nothing came, nothing was begun.
    fn count(&self) {
        let received_bytes = self.received_bytes.swap(0, Ordering::Relaxed);
        if received_bytes > 0 {
            *self.lock() += Usage::estimated(self.asked_bytes, received_bytes);
        }
    }

    fn usage(&self) -> Usage {
        *self.lock()
    }

    fn lock(&self) -> MutexGuard<'_, Usage> {
        self.usage.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What an answer came to.
#[derive(Default)]
struct Examined {
    /// The code, if it is worth keeping.
    answer: Option<String>,
    /// What it got, if it was tried.
    score: Option<TaskScore>,
    /// What was wrong, in one line; nothing if all is well.
    failed: Option<String>,
    /// What the model should hear of it, if that is more.
    feedback: Option<String>,
}

impl Examined {
    fn failed(why: impl Into<String>) -> Self {
        Self { failed: Some(why.into()), ..Self::default() }
    }
}

impl<'a> Conversation<'a> {
    pub(super) fn new(run: &'a Run<'a>, task: &'a TaskView, place: usize) -> Self {
        let meter = Meter::start(run.plan.task_budget);
        Self { run, task, place, meter, messages: prompt::opening(task) }
    }

    pub(super) async fn run(mut self) -> Result<End, MineError> {
        if self.take_up().await? {
            return Ok(End::Done);
        }
        let attempts = if self.run.source.learns() { self.run.plan.attempts.max(1) } else { 1 };
        for attempt in 1..=attempts {
            if let Some(what) = self.run.meter(|meter| meter.used_up()) {
                return Err(MineError::Budget(what));
            }
            if let Some(what) = self.meter.used_up() {
                return Ok(End::TaskBudget(what));
            }
            let (task, place) = (self.task.id.clone(), self.place);
            (self.run.on_event)(Event::Asking { task, place, attempt });
            let asked = Instant::now();
            let reply = match self.ask(attempt).await {
                Some(Ok(reply)) => reply,
                Some(Err(SourceError::NothingToSay(why))) => {
                    return Ok(End::NothingToSay { attempt, why });
                }
                Some(Err(SourceError::Failed(why))) => return Ok(End::Failed(why)),
                Some(Err(error)) => return Err(MineError::Source(error)),
                // Time was up, and the next turn says whose.
                None => continue,
            };
            let wall_ms = u64::try_from(asked.elapsed().as_millis()).unwrap_or(u64::MAX);
            let examined = self.examine(&reply).await?;
            let done = self.take(attempt, &reply, wall_ms, examined);
            if self.run.meter(|meter| meter.is_blind()) || self.meter.is_blind() {
                return Err(MineError::Source(SourceError::Unusable(NO_PRICE.to_owned())));
            }
            if done {
                break;
            }
        }
        Ok(End::Done)
    }

    /// Goes on from an answer that an earlier run has kept: tries it, and lets the conversation begin with it
    /// and what is wrong with it. Says whether it passes.
    async fn take_up(&mut self) -> Result<bool, MineError> {
        let kept = self.run.answers.get(&self.task.id);
        let (Some(kept), Some(tryout)) = (kept, self.tryout()) else { return Ok(false) };
        let Examined { score, failed, feedback, .. } =
            self.try_out(tryout, kept.answer.clone()).await?;
        let said = format!("```python\n{}```\n", kept.answer);
        self.run.answers.offer(&self.task.id, Best { score, ..kept });
        let Some(failed) = failed else { return Ok(true) };
        self.goes_on(&said, &feedback.unwrap_or(failed));
        Ok(false)
    }

    fn goes_on(&mut self, said: &str, what_failed: &str) {
        self.messages.push(prompt::said(said));
        self.messages.push(prompt::feedback(self.task, what_failed));
    }

    /// Asks within whatever time and tokens are left. Nothing comes back if time was up.
    async fn ask(&mut self, attempt: u32) -> Option<Result<Reply, SourceError>> {
        let plan = self.run.plan;
        let (tokens, time) = self.run.meter(|meter| (meter.tokens_left(), meter.time_left()));
        let tokens = [tokens, self.meter.tokens_left(), Some(plan.max_output_tokens)];
        let time = [time, self.meter.time_left()].into_iter().flatten().min();
        let asked_bytes = self.messages.iter().map(|message| message.text.len()).sum();
        let broken = BrokenOff { asked_bytes, ..BrokenOff::default() };
        let on_progress = |progress| {
            broken.hear(&progress);
            (self.run.on_event)(Event::Progress(progress));
        };
        let ask = Ask {
            task: self.task,
            attempt,
            messages: &self.messages,
            max_output_tokens: tokens.into_iter().flatten().min().unwrap_or(u64::MAX).max(1),
            on_progress: &on_progress,
        };
        let answer = self.run.source.answer(&ask);
        let replied = match time {
            Some(time) => tokio::time::timeout(time + Duration::from_millis(1), answer).await.ok(),
            None => Some(answer.await),
        };
        let replied = replied
            .map(|reply| reply.map(|reply| Reply { usage: self.priced(reply.usage), ..reply }));
        let usage = if let Some(Ok(reply)) = &replied {
            reply.usage
        } else {
            broken.count();
            Usage::default()
        };
        self.spend(usage, broken.usage());
        replied
    }

    fn priced(&self, usage: Usage) -> Usage {
        self.run.plan.price.map_or(usage, |price| price.applied_to(usage))
    }

    fn spend(&mut self, mut usage: Usage, broken: Usage) {
        usage += self.priced(broken);
        self.meter.spend(usage);
        let spent = self.run.meter(|meter| {
            meter.spend(usage);
            meter.spent()
        });
        (self.run.on_event)(Event::Spent(spent));
    }

    /// Keeps what is worth it and goes on with the conversation. Says whether that is the end of it.
    fn take(&mut self, attempt: u32, reply: &Reply, wall_ms: u64, examined: Examined) -> bool {
        let Examined { answer, score, failed, feedback } = examined;
        let id = &self.task.id;
        if let Some(answer) = answer {
            let prompt_sha256 = prompt_sha256(self.task);
            let best = Best { answer, score: score.clone(), attempt, prompt_sha256 };
            self.run.answers.offer(id, best);
        }
        (self.run.on_event)(Event::Exchanged(Box::new(Exchange {
            model: self.run.source.name(),
            task: id.clone(),
            attempt,
            messages: self.messages.clone(),
            reply: reply.clone(),
            wall_ms,
            verdict: score.as_ref().map(|score| score.verdict),
            cases: score.as_ref().map(|score| (score.passed, score.total)),
            failed: failed.clone(),
        })));
        let Some(failed) = failed else { return true };
        self.goes_on(&reply.text, &feedback.unwrap_or(failed));
        false
    }

    /// From an answer to what is wrong with it, the cheap ways first.
    async fn examine(&self, reply: &Reply) -> Result<Examined, MineError> {
        let too_long = reply.text.len() > MAX_ANSWER_BYTES;
        match if too_long { Some(Flaw::TooLong) } else { reply.flaw } {
            None => match self.code(reply) {
                Ok(answer) => self.examine_code(answer).await,
                Err(why) => Ok(Examined::failed(why)),
            },
            // What was cut off may be the prose after the code; only a trial can tell.
            Some(Flaw::Truncated) => match (self.code(reply), self.tryout()) {
                (Ok(answer), Some(tryout)) => self.try_out(tryout, answer).await,
                _ => Ok(Examined::failed(
                    "the answer ends in the middle: its limit of tokens was reached; be shorter",
                )),
            },
            Some(Flaw::Refused) => Ok(Examined::failed("the model refused to answer")),
            Some(Flaw::TooLong) => {
                Ok(Examined::failed("the answer was cut off, for it is far too long"))
            }
        }
    }

    /// The code of an answer, or what keeps it from being run.
    fn code(&self, reply: &Reply) -> Result<String, String> {
        let name = prompt::wanted_name(self.task);
        let answer = extract::code(&reply.text, name).map_err(|no_code| no_code.to_string())?;
        validation::validate(answer.as_bytes()).map_err(|findings| {
            let lines: Vec<_> = findings.iter().take(5).map(ToString::to_string).collect();
            format!("the code is not acceptable: {}", lines.join("; "))
        })?;
        if extract::defines(&answer, name) {
            Ok(answer)
        } else {
            Err(format!("the code does not define {name} at its top level"))
        }
    }

    /// Where answers to this task can be tried. A source that learns nothing is tried as a whole, at the end.
    fn tryout(&self) -> Option<&'a Tryout> {
        let learns = self.run.source.learns();
        self.run.plan.tryout_for(self.task).filter(|_| learns)
    }

    async fn examine_code(&self, answer: String) -> Result<Examined, MineError> {
        match self.tryout() {
            Some(tryout) => self.try_out(tryout, answer).await,
            None => Ok(Examined { answer: Some(answer), ..Examined::default() }),
        }
    }

    async fn try_out(&self, tryout: &Tryout, answer: String) -> Result<Examined, MineError> {
        let (task, note) = (self.task.clone(), String::new());
        let part = Part { task, answer: answer.clone(), note };
        let agent = match assembly::assemble(&[part], &Making::default()) {
            Ok(agent) => agent,
            Err(error) => return Ok(Examined::failed(error.to_string())),
        };
        let tasks = std::slice::from_ref(self.task);
        let mut checked = tryout.run(&agent, tasks, Arc::new(|_| ())).await?;
        let Some(trial) = checked.trials.pop().map(|trial| trial.record) else {
            return Err(MineError::Trial(checked.faults.join("; ")));
        };
        Ok(tried(answer, &trial))
    }
}

fn tried(answer: String, trial: &TrialRecord) -> Examined {
    let (answer, score) = (Some(answer), Some(trial.score()));
    if trial.verdict == Verdict::Accepted {
        return Examined { answer, score, ..Examined::default() };
    }
    let failed = Some(format!("{}, {} of {} cases", trial.verdict, trial.passed, trial.total));
    Examined { answer, score, failed, feedback: Some(trial.failure()) }
}
