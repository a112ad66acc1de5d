//! The gateway of a round to its model: what all trials share.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use platform::api::ModelUsage;
use tasks::Sha256;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::budget::BudgetLedger;
use super::journal::Journal;
use super::model::ModelSettings;
use super::outage::{AskingIsOver, ProviderHealth};
use super::upstream::Upstream;
use crate::Fault;

/// The gateway of a round: what all of its trials share.
#[derive(Debug)]
pub struct Gateway {
    pub(super) settings: ModelSettings,
    pub(super) upstream: Upstream,
    pub(super) health: ProviderHealth,
    pub(super) permits: Arc<Semaphore>,
    pub(super) ledger: Mutex<BudgetLedger>,
    /// Directory of the journals of trials; none are kept without one
    pub(super) journals: Option<PathBuf>,
}

impl Gateway {
    /// A gateway to the model of these settings. What journals in this directory say was spent counts for the round.
    pub fn open(settings: ModelSettings, journals: Option<PathBuf>) -> Result<Arc<Self>, Fault> {
        let mut ledger = BudgetLedger::new(settings.round_budget);
        if let Some(directory) = &journals {
            ledger.spend(spent_before(directory)?);
        }
        Ok(Arc::new(Self {
            upstream: Upstream::new(&settings)?,
            health: ProviderHealth::new(settings.patience),
            permits: Arc::new(Semaphore::new(settings.jobs.max(1))),
            ledger: Mutex::new(ledger),
            journals,
            settings,
        }))
    }

    /// The model.
    pub const fn settings(&self) -> &ModelSettings {
        &self.settings
    }

    /// What the round's trials have used so far, those of earlier runs included.
    pub fn spent(&self) -> ModelUsage {
        lock(&self.ledger).spent()
    }

    /// Whether the provider works, after a request failed at this time. The check goes on if the caller is dropped.
    pub(super) async fn check(self: &Arc<Self>, failed_at: Instant) -> Result<(), AskingIsOver> {
        let gateway = Arc::clone(self);
        let checking = tokio::spawn(async move {
            gateway.health.check(failed_at, || gateway.upstream.canary()).await
        });
        checking.await.expect("checking a provider does not panic")
    }
}

/// The journal of a trial.
pub fn journal_path(directory: &Path, key: &Sha256) -> PathBuf {
    directory.join(format!("{key}.jsonl"))
}

fn spent_before(directory: &Path) -> Result<ModelUsage, Fault> {
    let fault = |cause| Fault::File { action: "read", path: directory.to_owned(), cause };
    let entries = match std::fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => {
            return Ok(ModelUsage::default());
        }
        Err(cause) => return Err(fault(cause)),
    };
    let mut spent = ModelUsage::default();
    for entry in entries {
        for exchange in Journal::read(&entry.map_err(fault)?.path())? {
            spent = spent.plus(exchange.usage);
        }
    }
    Ok(spent)
}

/// Locks what a panic elsewhere cannot have left half-changed: every change is a few assignments.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
