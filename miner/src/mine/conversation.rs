//! The conversation about one task: questions and replies until an answer passes or a limit is reached.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use platform::api::{DisclosedRecord, TaskScore};
use platform::validation;
use tasks::{TaskView, Verdict};
use tokio::sync::{Notify, Semaphore};

use super::answers::{KeptAnswer, KeptAnswers, prompt_sha256};
use super::error::MineError;
use super::event::{MiningEvent, ModelExchange, OnMiningEvent};
use super::plan::MiningPlan;
use super::prompt;
use super::tryout::Tryout;
use crate::assembly::{self, AgentHeader, AgentPart};
use crate::budget::{BudgetMeter, Reservation};
use crate::extract;
use crate::extract::reasoning::without_reasoning;
use crate::model::source::{
    AnswerSource, AnswerSourceError, ChatMessage, MAX_REPLY_BYTES, ModelProgress, ModelReply,
    ModelRequest, ReplyFlaw, TokenUsage,
};

const NO_PRICE: &str = "the budget limits money, but the provider does not state what a reply costs: add \
                        --price IN,OUT";

/// What all conversations of a run share.
pub(super) struct MiningContext<'a> {
    pub source: &'a dyn AnswerSource,
    pub plan: &'a MiningPlan<'a>,
    pub answers: &'a KeptAnswers,
    pub on_event: OnMiningEvent<'a>,
    pub meter: Mutex<BudgetMeter>,
    /// Reports that a request has ended, so that its reservation is free.
    pub settled: Notify,
    /// Whether the run ends: no conversation asks another question.
    pub is_stopping: AtomicBool,
    /// Permits to try an answer. There is one per processor, because a trial keeps a processor busy.
    pub trials: Semaphore,
}

impl MiningContext<'_> {
    /// Reserves a part of the budget for a request, as soon as it fits alongside the others. The error says what is
    /// used up.
    async fn reserve(&self, most: TokenUsage) -> Result<Reservation, String> {
        loop {
            let settled = self.settled.notified();
            let reserved = {
                let mut meter = self.meter();
                if let Some(what) = meter.used_up() {
                    return Err(what);
                }
                meter.reserve(most)
            };
            match reserved {
                Some(reservation) => return Ok(reservation),
                None => settled.await,
            }
        }
    }

    fn meter(&self) -> MutexGuard<'_, BudgetMeter> {
        self.meter.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A conversation about one task.
pub(super) struct Conversation<'a> {
    context: &'a MiningContext<'a>,
    task: &'a TaskView,
    place: usize,
    meter: BudgetMeter,
    messages: Vec<ChatMessage>,
}

/// How a conversation ended.
pub(super) enum ConversationEnd {
    /// An answer passed, or all attempts are used.
    Done,
    /// The task's own budget is used up.
    TaskBudget(String),
    /// The source has no further answer to this task.
    NoAnswer {
        /// The attempt, from 1.
        attempt: u32,
        /// Why.
        reason: String,
    },
    /// The source failed.
    Failed(String),
    /// The run ends.
    Stopped,
}

/// The estimated usage of replies to one question that were cut off: their cost is unknown, but not zero.
#[derive(Default)]
struct AbortedReplies {
    asked_bytes: usize,
    /// Bytes of the reply that is arriving.
    received_bytes: AtomicUsize,
    usage: Mutex<TokenUsage>,
}

impl AbortedReplies {
    fn observe(&self, progress: &ModelProgress) {
        match progress {
            ModelProgress::Received { bytes } => {
                self.received_bytes.store(*bytes, Ordering::Relaxed);
            }
            ModelProgress::Retrying { .. } => self.count(),
        }
    }

    /// Counts the reply that was arriving. A request without any reply counts nothing.
    fn count(&self) {
        let received_bytes = self.received_bytes.swap(0, Ordering::Relaxed);
        if received_bytes > 0 {
            *self.lock() += TokenUsage::estimated(self.asked_bytes, received_bytes);
        }
    }

    fn usage(&self) -> TokenUsage {
        *self.lock()
    }

    fn lock(&self) -> MutexGuard<'_, TokenUsage> {
        self.usage.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A reply and the attempt that it belongs to.
struct AttemptedReply {
    attempt: u32,
    reply: ModelReply,
    wall_ms: u64,
}

/// The result of examining a reply.
#[derive(Default)]
struct ExaminedReply {
    /// The code, if it is worth keeping.
    answer: Option<String>,
    /// Its score, if it was tried.
    score: Option<TaskScore>,
    /// What was wrong, in one line, if anything.
    failed: Option<String>,
    /// More detailed feedback for the model.
    feedback: Option<String>,
}

impl ExaminedReply {
    fn failed(reason: impl Into<String>) -> Self {
        Self { failed: Some(reason.into()), ..Self::default() }
    }
}

impl<'a> Conversation<'a> {
    pub(super) fn new(context: &'a MiningContext<'a>, task: &'a TaskView, place: usize) -> Self {
        let meter = BudgetMeter::start(context.plan.settings.task_budget);
        Self { context, task, place, meter, messages: prompt::opening(task) }
    }

    pub(super) async fn run(mut self) -> Result<ConversationEnd, MineError> {
        if self.context.is_stopping.load(Ordering::Relaxed) {
            return Ok(ConversationEnd::Stopped);
        }
        if self.continue_from_kept_answer().await? {
            return Ok(ConversationEnd::Done);
        }
        let learns = self.context.source.learns();
        let attempts = if learns { self.context.plan.settings.attempts.max(1) } else { 1 };
        for attempt in 1..=attempts {
            if let Some(what) = self.meter.used_up() {
                return Ok(ConversationEnd::TaskBudget(what));
            }
            let reserved = self.context.reserve(self.most_usage()).await;
            let reservation = reserved.map_err(MineError::Budget)?;
            if self.context.is_stopping.load(Ordering::Relaxed) {
                self.context.meter().settle(reservation, TokenUsage::default());
                self.context.settled.notify_waiters();
                return Ok(ConversationEnd::Stopped);
            }
            let (task, place) = (self.task.id.clone(), self.place);
            (self.context.on_event)(MiningEvent::Asking { task, place, attempt });
            let asked = Instant::now();
            let reply = match self.ask(attempt, reservation).await {
                Some(Ok(reply)) => reply,
                Some(Err(AnswerSourceError::NoAnswer(reason))) => {
                    return Ok(ConversationEnd::NoAnswer { attempt, reason });
                }
                Some(Err(AnswerSourceError::Failed(reason))) => {
                    return Ok(ConversationEnd::Failed(reason));
                }
                Some(Err(error)) => return Err(MineError::Source(error)),
                // The time is used up, and the next iteration reports which limit.
                None => continue,
            };
            let wall_ms = u64::try_from(asked.elapsed().as_millis()).unwrap_or(u64::MAX);
            let examined = self.examine(&reply).await?;
            let passed = self.keep(&AttemptedReply { attempt, reply, wall_ms }, examined);
            if self.context.meter().is_blind() || self.meter.is_blind() {
                return Err(MineError::Source(AnswerSourceError::Unusable(NO_PRICE.to_owned())));
            }
            if passed {
                break;
            }
        }
        Ok(ConversationEnd::Done)
    }

    /// Tries the answer that an earlier run kept, and begins the conversation with it and its feedback. Returns
    /// whether it passes.
    async fn continue_from_kept_answer(&mut self) -> Result<bool, MineError> {
        let kept = self.context.answers.get(&self.task.id);
        let (Some(kept), Some(tryout)) = (kept, self.tryout()) else { return Ok(false) };
        let ExaminedReply { score, failed, feedback, .. } =
            self.try_out(tryout, kept.answer.clone()).await?;
        let reply = format!("```python\n{}```\n", kept.answer);
        self.context.answers.offer(&self.task.id, KeptAnswer { score, ..kept });
        let Some(failed) = failed else { return Ok(true) };
        self.add_feedback(&reply, &feedback.unwrap_or(failed));
        Ok(false)
    }

    fn add_feedback(&mut self, reply: &str, what_failed: &str) {
        self.messages.push(prompt::repeated(reply));
        self.messages.push(prompt::feedback(self.task, what_failed));
    }

    /// Asks within the remaining time and tokens. Returns none if the time is used up.
    async fn ask(
        &mut self,
        attempt: u32,
        reservation: Reservation,
    ) -> Option<Result<ModelReply, AnswerSourceError>> {
        let time = self.context.meter().time_left();
        let time = [time, self.meter.time_left()].into_iter().flatten().min();
        let asked_bytes = self.asked_bytes();
        let aborted = AbortedReplies { asked_bytes, ..AbortedReplies::default() };
        let on_progress = |progress| {
            aborted.observe(&progress);
            let task = self.task.id.clone();
            (self.context.on_event)(MiningEvent::Progress { task, progress });
        };
        let request = ModelRequest {
            task: self.task,
            attempt,
            messages: &self.messages,
            max_output_tokens: reservation.max_output_tokens.max(1),
            on_progress: &on_progress,
        };
        let answer = self.context.source.answer(&request);
        let replied = match time {
            Some(time) => tokio::time::timeout(time + Duration::from_millis(1), answer).await.ok(),
            None => Some(answer.await),
        };
        let replied = replied.map(|reply| {
            reply.map(|reply| ModelReply { usage: self.priced(reply.usage), ..reply })
        });
        let usage = if let Some(Ok(reply)) = &replied {
            reply.usage
        } else {
            aborted.count();
            TokenUsage::default()
        };
        let mut spent = usage;
        spent += self.priced(aborted.usage());
        self.settle(reservation, spent);
        replied
    }

    fn asked_bytes(&self) -> usize {
        self.messages.iter().map(|message| message.text.len()).sum()
    }

    /// The most that the next request may spend.
    fn most_usage(&self) -> TokenUsage {
        let max_output_tokens = self.context.plan.settings.max_output_tokens;
        let output_tokens = self.meter.tokens_left().unwrap_or(u64::MAX).min(max_output_tokens);
        let input = TokenUsage::estimated(self.asked_bytes(), 0);
        self.priced(TokenUsage { output_tokens, ..input })
    }

    fn priced(&self, usage: TokenUsage) -> TokenUsage {
        self.context.plan.settings.price.map_or(usage, |price| crate::budget::priced(usage, price))
    }

    fn settle(&mut self, reservation: Reservation, usage: TokenUsage) {
        self.meter.spend(usage);
        let spent = {
            let mut meter = self.context.meter();
            meter.settle(reservation, usage);
            meter.spent()
        };
        self.context.settled.notify_waiters();
        (self.context.on_event)(MiningEvent::Spent(spent));
    }

    /// Keeps the answer if it is worth it, reports the exchange and adds feedback. Returns whether the answer
    /// passes.
    fn keep(&mut self, attempted: &AttemptedReply, examined: ExaminedReply) -> bool {
        let AttemptedReply { attempt, reply, wall_ms } = attempted;
        let ExaminedReply { answer, score, failed, feedback } = examined;
        let id = &self.task.id;
        if let Some(answer) = answer {
            let prompt_sha256 = prompt_sha256(self.task);
            let kept =
                KeptAnswer { answer, score: score.clone(), attempt: *attempt, prompt_sha256 };
            self.context.answers.offer(id, kept);
        }
        (self.context.on_event)(MiningEvent::Exchanged(Box::new(ModelExchange {
            model: self.context.source.name(),
            task: id.clone(),
            attempt: *attempt,
            messages: self.messages.clone(),
            reply: reply.clone(),
            wall_ms: *wall_ms,
            verdict: score.as_ref().map(|score| score.verdict),
            cases: score.as_ref().map(|score| (score.passed, score.total)),
            failed: failed.clone(),
        })));
        let Some(failed) = failed else { return true };
        self.add_feedback(&reply.text, &feedback.unwrap_or(failed));
        false
    }

    /// Finds out what is wrong with a reply, with the cheap checks first.
    async fn examine(&self, reply: &ModelReply) -> Result<ExaminedReply, MineError> {
        match flaw_of(reply) {
            None => match self.code(reply) {
                Ok(answer) => self.examine_code(answer).await,
                Err(reason) => Ok(ExaminedReply::failed(reason)),
            },
            // The part that is missing may be prose after the code, so the code is tried.
            Some(ReplyFlaw::Truncated) => match (self.code(reply), self.tryout()) {
                (Ok(answer), Some(tryout)) => self.try_out(tryout, answer).await,
                _ => Ok(ExaminedReply {
                    feedback: Some("your answer reached its token limit: be shorter".to_owned()),
                    ..ExaminedReply::failed(
                        "the answer ends in the middle at its token limit; raise --max-output-tokens",
                    )
                }),
            },
            Some(ReplyFlaw::Refused) => Ok(ExaminedReply::failed("the model refused to answer")),
            Some(ReplyFlaw::OnlyReasoning) => Ok(ExaminedReply {
                feedback: Some(
                    "your reasoning reached the token limit; reason less, and answer".to_owned(),
                ),
                ..ExaminedReply::failed(
                    "the model's reasoning reached the token limit; raise --max-output-tokens",
                )
            }),
            Some(ReplyFlaw::TooLong) => {
                Ok(ExaminedReply::failed("the answer was cut off because it is far too long"))
            }
        }
    }

    /// The code of a reply, or the reason why it cannot run.
    fn code(&self, reply: &ModelReply) -> Result<String, String> {
        let name = prompt::required_name(self.task);
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

    /// Where answers to this task can be tried. The answers of a source that cannot learn are tried together, at the
    /// end of the run.
    fn tryout(&self) -> Option<&'a Tryout> {
        let learns = self.context.source.learns();
        self.context.plan.tryout_for(self.task).filter(|_| learns)
    }

    async fn examine_code(&self, answer: String) -> Result<ExaminedReply, MineError> {
        match self.tryout() {
            Some(tryout) => self.try_out(tryout, answer).await,
            None => Ok(ExaminedReply { answer: Some(answer), ..ExaminedReply::default() }),
        }
    }

    async fn try_out(&self, tryout: &Tryout, answer: String) -> Result<ExaminedReply, MineError> {
        let (task, note) = (self.task.clone(), String::new());
        let part = AgentPart { task, answer: answer.clone(), note };
        let agent = match assembly::assemble(&[part], &AgentHeader::default()) {
            Ok(agent) => agent,
            Err(error) => return Ok(ExaminedReply::failed(error.to_string())),
        };
        let tasks = std::slice::from_ref(self.task);
        let permit = self.context.trials.acquire().await.expect("the semaphore is never closed");
        let mut checked = tryout.run(&agent, tasks, Arc::new(|_| ())).await?;
        drop(permit);
        let Some(trial) = checked.trials.pop().map(|trial| trial.record) else {
            return Err(MineError::Trial(checked.faults.join("; ")));
        };
        Ok(examined_by_trial(answer, &trial))
    }
}

/// The flaw of a reply, including those that its source does not report.
fn flaw_of(reply: &ModelReply) -> Option<ReplyFlaw> {
    let is_reasoning = || without_reasoning(&reply.text).trim().is_empty();
    match reply.flaw {
        _ if reply.text.len() > MAX_REPLY_BYTES => Some(ReplyFlaw::TooLong),
        Some(ReplyFlaw::Truncated) if is_reasoning() => Some(ReplyFlaw::OnlyReasoning),
        flaw => flaw,
    }
}

fn examined_by_trial(answer: String, trial: &DisclosedRecord) -> ExaminedReply {
    let (answer, score) = (Some(answer), Some(trial.score()));
    if trial.verdict == Verdict::Accepted {
        return ExaminedReply { answer, score, ..ExaminedReply::default() };
    }
    let failed = Some(format!("{}, {} of {} cases", trial.verdict, trial.passed, trial.total));
    ExaminedReply { answer, score, failed, feedback: Some(trial.failure()) }
}
