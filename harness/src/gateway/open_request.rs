//! A request under way: its budget is reserved, it waits for its turn, is sent, and is settled however it ends.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use platform::api::ModelUsage;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::time::{Instant, timeout};

use super::budget::{BudgetExhausted, ReservedUsage};
use super::clock::RequestPhase;
use super::journal::{Exchange, ExchangeOutcome, Journal, RecordedResponse};
use super::model::ModelMode;
use super::outage::AskingIsOver;
use super::receive::{self, BegunResponse, MAX_RESPONSE_BYTES, StartedEvents};
use super::request::ModelQuery;
use super::response::{StatedTokens, error_body};
use super::round::{journal_path, lock};
use super::session::{ModelSession, SessionFault};
use super::upstream::UpstreamFailure;
use crate::Fault;

/// How often the provider may fail on a request, while it works otherwise, before that is the request's own doing.
const MAX_FAILURES: usize = 3;
/// The errors that agents get then, and for a response that has no end.
const FAILS_ON_IT: &str = "the provider fails on this request, and works otherwise";
const TOO_LONG: &str = "the response is too long";

/// What an agent gets.
#[derive(Debug)]
pub enum ModelResponse {
    /// A response in one piece.
    Whole(RecordedResponse),
    /// Events as they come.
    Events(mpsc::UnboundedReceiver<Result<Bytes, BrokenStream>>, EventsGuard),
}

/// A stream has no end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the response broke off")]
pub struct BrokenStream;

/// The stream of a response. Dropping it ends the request to the provider.
#[derive(Debug)]
pub struct EventsGuard(tokio::task::AbortHandle);

impl Drop for EventsGuard {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The attempt at the trial cannot be judged.
struct VoidAttempt;

/// A request whose budget is reserved. If it is dropped before it is settled, the agent has hung up, and all that is
/// reserved counts as spent.
#[derive(Debug)]
pub(super) struct OpenRequest {
    session: Arc<ModelSession>,
    query: ModelQuery,
    ordinal: u64,
    reserved: ReservedUsage,
    /// When the provider began to work on it
    asked_at: Option<Instant>,
    is_settled: bool,
}

/// What became of one attempt at a request.
pub(super) enum RequestStep {
    Answered(ModelResponse),
    /// The provider was busy or failed, and the host has seen that it works now.
    Again,
    Void,
    Exhausted(BudgetExhausted),
}

impl OpenRequest {
    /// Reserves what a request may use at most, of the trial's budget and of the round's.
    pub fn reserve(
        session: Arc<ModelSession>,
        query: ModelQuery,
        ordinal: u64,
    ) -> Result<Self, BudgetExhausted> {
        let prices = session.settings().prices;
        let (mut state, mut round) = (lock(&session.state), lock(&session.gateway.ledger));
        let most = state.ledger.room(query.input_tokens, query.max_output_tokens, prices)?;
        let output = round.room(query.input_tokens, most, prices)?;
        let reserved = state.ledger.reserve(query.input_tokens, output, prices);
        let _the_same = round.reserve(query.input_tokens, output, prices);
        drop((state, round));
        Ok(Self { session, query, ordinal, reserved, asked_at: None, is_settled: false })
    }

    /// Asks once. The budget stays reserved until the request is settled.
    pub async fn attempt(&mut self) -> RequestStep {
        let session = Arc::clone(&self.session);
        let permit = match self.turn().await {
            Ok(permit) => permit,
            Err(AskingIsOver(why)) => {
                self.settle(None, ModelUsage::default());
                session.void(SessionFault::Over(why));
                return RequestStep::Void;
            }
        };
        let asking = session.clock.enter(RequestPhase::Asking);
        let begun = Instant::now();
        self.asked_at = Some(begun);
        let left =
            lock(&session.state).ledger.time_left_ms().map_or(Duration::MAX, Duration::from_millis);
        let body = self.query.body_with(self.reserved.max_output_tokens(), &session.trial);
        let sent = timeout(left, async {
            let upstream = &session.gateway.upstream;
            let response = upstream.send(self.query.dialect, &body).await?;
            receive::begin(response, &self.query, upstream).await
        });
        let Ok(sent) = sent.await else {
            drop(asking);
            return self.out_of_time();
        };
        match sent {
            Ok(BegunResponse::Whole(response, stated)) => {
                drop(asking);
                self.answered(&response, stated).map_or(RequestStep::Void, |()| {
                    RequestStep::Answered(ModelResponse::Whole(response))
                })
            }
            Ok(BegunResponse::Events(events)) => {
                drop(asking);
                RequestStep::Answered(self.stream(events, permit, left))
            }
            Err(failure) => {
                drop((asking, permit));
                self.failed(failure, begun).await
            }
        }
    }

    /// Waits until the provider works and it is this request's turn.
    async fn turn(&self) -> Result<OwnedSemaphorePermit, AskingIsOver> {
        let session = &self.session;
        let gateway = &session.gateway;
        let _waiting = session.clock.enter(RequestPhase::Waiting);
        let turn = async {
            loop {
                gateway.health.well().await?;
                let permit = Arc::clone(&gateway.permits).acquire_owned().await;
                let permit = permit.expect("the semaphore is never closed");
                // The provider may have failed meanwhile.
                if gateway.health.is_well() {
                    return Ok(permit);
                }
            }
        };
        timeout(session.clock.left(), turn).await.unwrap_or_else(|_| {
            let seconds = gateway.settings.patience.as_secs();
            Err(AskingIsOver(format!(
                "the requests of this trial waited for {seconds} s, because it is busy"
            )))
        })
    }

    async fn failed(&mut self, failure: UpstreamFailure, begun: Instant) -> RequestStep {
        let session = Arc::clone(&self.session);
        let _waiting = session.clock.enter(RequestPhase::Waiting);
        let gateway = &session.gateway;
        let why = match failure {
            UpstreamFailure::Busy(wait) => {
                gateway.health.pause(wait);
                return RequestStep::Again;
            }
            UpstreamFailure::NoCredit(why) => {
                gateway.health.end(&format!("the provider's credit is gone: {why}"));
                return RequestStep::Again;
            }
            UpstreamFailure::Refused(status, why) => {
                // A request of the host's own shows whether every request would be refused.
                if let Err(AskingIsOver(_)) = gateway.check(begun).await {
                    return RequestStep::Again;
                }
                return self.refused(status, &why);
            }
            UpstreamFailure::TooLong => return self.refused(502, TOO_LONG),
            UpstreamFailure::Ill(why) => why,
        };
        if gateway.check(begun).await.is_err() {
            return RequestStep::Again;
        }
        if self.record_failure(&why) < MAX_FAILURES {
            return RequestStep::Again;
        }
        self.refused(502, FAILS_ON_IT)
    }

    /// Gives the agent an error and records it. Nothing of what was reserved is given back, unless the provider refused
    /// to work on the request.
    fn refused(&mut self, status: u16, why: &str) -> RequestStep {
        let body = error_body(self.query.dialect, "upstream_error", why);
        let content_type = "application/json".to_owned();
        let response = RecordedResponse { status, content_type, body };
        let stated = if status < 500 {
            StatedTokens { input: Some(0), output: Some(0) }
        } else {
            StatedTokens::default()
        };
        match self.answered(&response, stated) {
            Ok(()) => RequestStep::Answered(ModelResponse::Whole(response)),
            Err(VoidAttempt) => RequestStep::Void,
        }
    }

    /// Records that the provider failed on the request. Returns how often it has.
    fn record_failure(&self, why: &str) -> usize {
        let exchange =
            self.exchange(ExchangeOutcome::Failed(why.to_owned()), ModelUsage::default());
        let mut state = lock(&self.session.state);
        if let Err(fault) = state.journal.append(exchange) {
            self.session.void(SessionFault::Journal(fault.to_string()));
        }
        state.journal.failures(&self.query.digest, self.ordinal)
    }

    /// The model has used up its time.
    fn out_of_time(&mut self) -> RequestStep {
        let usage = self.used(StatedTokens::default());
        self.settle(Some(ExchangeOutcome::HungUp), usage);
        RequestStep::Exhausted(BudgetExhausted("model time"))
    }

    /// Passes events on as they come, in a task of its own.
    fn stream(
        &mut self,
        events: StartedEvents,
        permit: OwnedSemaphorePermit,
        left: Duration,
    ) -> ModelResponse {
        let (to_agent, received) = mpsc::unbounded_channel();
        let request = self.take();
        let task = tokio::spawn(request.pass_on(events, to_agent, left, permit));
        ModelResponse::Events(received, EventsGuard(task.abort_handle()))
    }

    async fn pass_on(
        mut self,
        events: StartedEvents,
        to_agent: mpsc::UnboundedSender<Result<Bytes, BrokenStream>>,
        left: Duration,
        permit: OwnedSemaphorePermit,
    ) {
        let session = Arc::clone(&self.session);
        let asking = session.clock.enter(RequestPhase::Asking);
        let StartedEvents { mut response, mut reader, mut passed_on, content_type } = events;
        // The last events only follow once the response is on the disk.
        let mut last = Bytes::copy_from_slice(&passed_on);
        let begun = self.asked_at.unwrap_or_else(Instant::now);
        let reading = async {
            while !reader.ended {
                let _ = to_agent.send(Ok(std::mem::take(&mut last)));
                let chunk = response
                    .chunk()
                    .await
                    .map_err(|error| Some(session.gateway.upstream.shown(&error)))?;
                let chunk = chunk.ok_or_else(|| Some("a response has no end".to_owned()))?;
                last = reader.feed(&chunk).map_err(|error| Some(error.to_string()))?;
                passed_on.extend_from_slice(&last);
                if passed_on.len() > MAX_RESPONSE_BYTES {
                    return Err(None);
                }
            }
            Ok(())
        };
        // Why it broke off; none if it is too long.
        let read: Result<Result<(), Option<String>>, _> = timeout(left, reading).await;
        drop(asking);
        match read {
            Ok(Ok(())) => {
                let body = String::from_utf8_lossy(&passed_on).into_owned();
                let response = RecordedResponse { status: 200, content_type, body };
                let answered = self.answered(&response, reader.stated);
                let _ = to_agent.send(answered.map(|()| last).map_err(|_| BrokenStream));
            }
            Ok(Err(broken)) => {
                drop(permit);
                match broken {
                    Some(why) => self.broke_off(&why, begun).await,
                    None => {
                        let _ = self.refused(502, TOO_LONG);
                    }
                }
                let _ = to_agent.send(Err(BrokenStream));
            }
            Err(_) => {
                let _ = self.out_of_time();
                let _ = to_agent.send(Err(BrokenStream));
            }
        }
    }

    /// A stream broke off after a part of it was passed on. Another attempt at the trial asks again.
    async fn broke_off(&mut self, why: &str, begun: Instant) {
        let session = Arc::clone(&self.session);
        if let Err(AskingIsOver(why)) = session.gateway.check(begun).await {
            self.settle(None, ModelUsage::default());
            session.void(SessionFault::Over(why));
            return;
        }
        if self.record_failure(why) < MAX_FAILURES {
            let usage = self.used(StatedTokens::default());
            self.settle(Some(ExchangeOutcome::HungUp), usage);
            session.void(SessionFault::BrokeOff(why.to_owned()));
            return;
        }
        let _ = self.refused(502, FAILS_ON_IT);
    }

    /// Records a response and settles what it used. An error means that the attempt is void.
    fn answered(
        &mut self,
        response: &RecordedResponse,
        stated: StatedTokens,
    ) -> Result<(), VoidAttempt> {
        let usage = self.used(stated);
        self.settle(Some(ExchangeOutcome::Answered(response.clone())), usage);
        if self.session.fault.borrow().is_some() { Err(VoidAttempt) } else { Ok(()) }
    }

    /// What the request used: as stated, else all that is reserved.
    fn used(&self, stated: StatedTokens) -> ModelUsage {
        let whole = self.reserved.whole();
        let input_tokens = stated.input.unwrap_or(whole.input_tokens);
        let output_tokens = stated.output.unwrap_or(whole.output_tokens);
        let cost_micro_usd = self.session.settings().prices.cost(input_tokens, output_tokens);
        let model_ms = self.asked_at.map_or(0, |at| at.elapsed().as_millis());
        let model_ms = u64::try_from(model_ms).unwrap_or(u64::MAX);
        ModelUsage { calls: 1, input_tokens, output_tokens, cost_micro_usd, model_ms }
    }

    /// Ends the reservation, and records how the request ended.
    fn settle(&mut self, outcome: Option<ExchangeOutcome>, usage: ModelUsage) {
        if self.is_settled {
            return;
        }
        self.is_settled = true;
        let session = &self.session;
        let mut state = lock(&session.state);
        state.ledger.settle(self.reserved, usage);
        lock(&session.gateway.ledger).settle(self.reserved, usage);
        let Some(outcome) = outcome else { return };
        let exchange = self.exchange(outcome, usage);
        let kept = self.keep_recording(&exchange).and_then(|()| state.journal.append(exchange));
        drop(state);
        if let Err(fault) = kept {
            session.void(SessionFault::Journal(fault.to_string()));
        }
    }

    /// Keeps a response as a recording, if the mode asks for it.
    fn keep_recording(&self, exchange: &Exchange) -> Result<(), Fault> {
        let settings = self.session.settings();
        let (ModelMode::Record, Some(directory)) = (settings.mode, &settings.recordings) else {
            return Ok(());
        };
        let ExchangeOutcome::Answered(_) = exchange.outcome else { return Ok(()) };
        let mut recording = Journal::open(&journal_path(directory, &exchange.digest))?;
        if recording.answered(&exchange.digest, exchange.ordinal).is_some() {
            return Ok(());
        }
        recording.append(exchange.clone())
    }

    fn exchange(&self, outcome: ExchangeOutcome, usage: ModelUsage) -> Exchange {
        let (digest, request) = (self.query.digest.clone(), self.query.recorded_body());
        Exchange { digest, ordinal: self.ordinal, request, outcome, usage }
    }

    /// Moves the request out of its owner, which has nothing more to settle.
    fn take(&mut self) -> Self {
        let session = Arc::clone(&self.session);
        let taken = Self {
            session,
            query: self.query.clone(),
            ordinal: self.ordinal,
            reserved: self.reserved,
            asked_at: self.asked_at,
            is_settled: self.is_settled,
        };
        self.is_settled = true;
        taken
    }
}

impl Drop for OpenRequest {
    fn drop(&mut self) {
        if !self.is_settled {
            let usage = if self.asked_at.is_some() {
                self.used(StatedTokens::default())
            } else {
                ModelUsage::default()
            };
            self.settle(Some(ExchangeOutcome::HungUp), usage);
        }
    }
}
