//! What a request of an agent gets: the response that it got before, a recording, or the model's.

use std::sync::Arc;

use super::budget::BudgetExhausted;
use super::journal::{ExchangeOutcome, Journal, RecordedResponse};
use super::model::ModelMode;
use super::open_request::{ModelResponse, OpenRequest, RequestStep};
use super::request::ModelQuery;
use super::round::{journal_path, lock};
use super::session::{ModelSession, SessionFault};

/// Why an agent gets no response of the model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AskError {
    /// There is no budget left.
    Exhausted(BudgetExhausted),
    /// The attempt is void: whatever the agent gets is of no importance.
    Void,
}

impl ModelSession {
    /// Asks the model. `is_repeat` says that the agent's client sends a request again.
    pub async fn ask(
        self: &Arc<Self>,
        query: ModelQuery,
        is_repeat: bool,
    ) -> Result<ModelResponse, AskError> {
        let (ordinal, recorded) = self.recorded(&query, is_repeat);
        if let Some(response) = recorded {
            return Ok(ModelResponse::Whole(response));
        }
        if self.settings().mode == ModelMode::Replay {
            return self.replay(&query, ordinal);
        }
        let mut request =
            OpenRequest::reserve(Arc::clone(self), query, ordinal).map_err(AskError::Exhausted)?;
        loop {
            match request.attempt().await {
                RequestStep::Answered(response) => return Ok(response),
                RequestStep::Again => {}
                RequestStep::Void => return Err(AskError::Void),
                RequestStep::Exhausted(limit) => return Err(AskError::Exhausted(limit)),
            }
        }
    }

    /// The number of a request among those that are equal, and the response that it got in an earlier attempt, or
    /// before the agent's client repeated it.
    fn recorded(&self, query: &ModelQuery, is_repeat: bool) -> (u64, Option<RecordedResponse>) {
        let mut state = lock(&self.state);
        let asked = state.asked.entry(query.digest.clone()).or_default();
        let ordinal = if is_repeat { asked.saturating_sub(1) } else { *asked };
        let is_new = ordinal == *asked;
        *asked = ordinal + 1;
        let answered = state.journal.answered(&query.digest, ordinal);
        let answered = answered.map(|(response, usage)| (response.clone(), usage));
        if let (Some((_, usage)), true) = (&answered, is_new) {
            state.ledger.spend(*usage);
        }
        (ordinal, answered.map(|(response, _)| response))
    }

    fn replay(&self, query: &ModelQuery, ordinal: u64) -> Result<ModelResponse, AskError> {
        let directory = self.settings().recordings.clone().unwrap_or_default();
        let recording = Journal::read(&journal_path(&directory, &query.digest));
        let exchange = match recording {
            Ok(exchanges) => exchanges.into_iter().find(|exchange| exchange.ordinal == ordinal),
            Err(fault) => return Err(self.void_error(SessionFault::Journal(fault.to_string()))),
        };
        let Some(exchange) = exchange else {
            let last = query.recorded_body()["messages"].as_array().and_then(|all| {
                all.last()?["content"]
                    .as_str()
                    .map(|text| text.chars().take(80).collect::<String>())
            });
            let last = last.unwrap_or_default();
            let digest = &query.digest;
            return Err(self.void_error(SessionFault::NoRecording(format!(
                "{digest} (number {ordinal}, its last message begins with '{}')",
                last.escape_debug()
            ))));
        };
        let ExchangeOutcome::Answered(response) = &exchange.outcome else {
            return Err(self.void_error(SessionFault::NoRecording(query.digest.to_string())));
        };
        let response = response.clone();
        let mut state = lock(&self.state);
        state
            .ledger
            .room(query.input_tokens, query.max_output_tokens, self.settings().prices)
            .map_err(AskError::Exhausted)?;
        state.ledger.spend(exchange.usage);
        lock(&self.gateway.ledger).spend(exchange.usage);
        match state.journal.append(exchange) {
            Ok(()) => Ok(ModelResponse::Whole(response)),
            Err(fault) => {
                drop(state);
                Err(self.void_error(SessionFault::Journal(fault.to_string())))
            }
        }
    }

    /// Makes the attempt void.
    fn void_error(&self, why: SessionFault) -> AskError {
        self.void(why);
        AskError::Void
    }
}
