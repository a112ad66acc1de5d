//! The part of the gateway that belongs to one attempt at a trial.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use platform::api::ModelUsage;
use tasks::Sha256;
use tokio::sync::watch;

use super::budget::{BudgetLedger, ModelBudget};
use super::clock::WaitClock;
use super::journal::{ExchangeOutcome, Journal};
use super::model::ModelSettings;
use super::round::{Gateway, journal_path, lock};
use crate::Fault;

/// One attempt at a trial.
#[derive(Debug)]
pub struct ModelSession {
    pub(super) gateway: Arc<Gateway>,
    /// What the provider may know of the trial
    pub(super) trial: String,
    pub(super) state: Mutex<SessionState>,
    pub(super) clock: WaitClock,
    pub(super) fault: watch::Sender<Option<SessionFault>>,
}

/// What the requests of an attempt share.
#[derive(Debug)]
pub(super) struct SessionState {
    pub journal: Journal,
    pub ledger: BudgetLedger,
    /// How many requests of each digest this attempt has made
    pub asked: HashMap<Sha256, u64>,
}

/// Why an attempt cannot be judged. The agent has no part in it.
#[derive(Clone, Debug)]
pub(super) enum SessionFault {
    /// No more requests are sent in this round.
    Over(String),
    /// A response broke off. Another attempt continues where this one was.
    BrokeOff(String),
    /// There is no recording.
    NoRecording(String),
    /// The journal cannot be written.
    Journal(String),
}

impl ModelSession {
    /// Begins an attempt at the trial with this key. It gets the responses that earlier attempts got.
    pub fn begin(gateway: &Arc<Gateway>, key: &Sha256) -> Result<Arc<Self>, Fault> {
        let journal = match &gateway.journals {
            Some(directory) => Journal::open(&journal_path(directory, key))?,
            None => Journal::in_memory(),
        };
        let mut ledger = BudgetLedger::new(gateway.settings.trial_budget);
        for exchange in journal.exchanges() {
            // Answers count when they are given again.
            if !matches!(exchange.outcome, ExchangeOutcome::Answered(_)) {
                ledger.spend(exchange.usage);
            }
        }
        let state = SessionState { journal, ledger, asked: HashMap::new() };
        Ok(Arc::new(Self {
            gateway: Arc::clone(gateway),
            // A name that says nothing about the miner, the task or the round.
            trial: Sha256::of(format!("trial {key}").as_bytes()).to_string(),
            state: Mutex::new(state),
            clock: WaitClock::new(gateway.settings.patience),
            fault: watch::channel(None).0,
        }))
    }

    /// The model.
    pub fn settings(&self) -> &ModelSettings {
        &self.gateway.settings
    }

    /// Whether the agent's clock stands still, and each change of that.
    pub fn clock_stopped(&self) -> watch::Receiver<bool> {
        self.clock.subscribe()
    }

    /// What this attempt has used, and what is left of its budget.
    pub fn usage(&self) -> (ModelUsage, ModelBudget) {
        let state = lock(&self.state);
        (state.ledger.spent(), state.ledger.left())
    }

    /// Waits until the attempt cannot be judged any more, and says why.
    pub async fn fault(&self) -> Fault {
        let mut fault = self.fault.subscribe();
        let fault =
            fault.wait_for(Option::is_some).await.expect("the session has the sender").clone();
        let model = self.settings().name();
        match fault.expect("waited for one") {
            SessionFault::Over(why) => Fault::Model { model, why },
            SessionFault::BrokeOff(why) => Fault::ModelBrokeOff { model, why },
            SessionFault::NoRecording(request) => Fault::NoRecording {
                directory: self.settings().recordings.clone().unwrap_or_default(),
                request,
            },
            SessionFault::Journal(why) => Fault::ModelJournal(why),
        }
    }

    /// Makes the attempt void.
    pub(super) fn void(&self, why: SessionFault) {
        self.fault.send_if_modified(|fault| {
            let is_first = fault.is_none();
            if is_first {
                *fault = Some(why);
            }
            is_first
        });
    }
}
