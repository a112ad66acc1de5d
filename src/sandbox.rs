//! The one place where commands open a sandbox and remove its containers.

use std::future::Future;

use harness::sandbox::{Sandbox, SandboxSettings};

use crate::console::Console;
use crate::exit::Result;
use crate::interrupt::abort_on_signal;

/// Opens a sandbox, runs `work` in it, and removes every container, also after an error or a signal.
pub async fn with_sandbox<T, W>(
    settings: &SandboxSettings,
    console: &Console,
    work: impl FnOnce(Sandbox) -> W,
) -> Result<T>
where
    W: Future<Output = Result<T>>,
{
    let on_event = |event| console.image_event(event);
    let opening = async { Ok(harness::sandbox::open(settings, &on_event).await?) };
    let sandbox = abort_on_signal(opening).await?;
    console.image(sandbox.image());
    let worked = abort_on_signal(work(sandbox.clone())).await;
    console.finish();
    let cleaned = sandbox.cleanup().await;
    let value = worked?;
    cleaned?;
    Ok(value)
}
