//! Which tests may use the machine at the same time, where tests are threads of one process. Where each is a process
//! of its own (cargo-nextest), `.config/nextest.toml` does the same.

use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

static MACHINE: RwLock<()> = RwLock::const_new(());

/// Uses the machine together with other tests, until the guard is dropped.
pub async fn shared() -> RwLockReadGuard<'static, ()> {
    MACHINE.read().await
}

/// Uses the machine alone, until the guard is dropped.
pub async fn alone() -> RwLockWriteGuard<'static, ()> {
    MACHINE.write().await
}
