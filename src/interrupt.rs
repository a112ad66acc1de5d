//! Ctrl-C and SIGTERM: the first one lets a command clean up, a second Ctrl-C ends the process at once.

use std::future::Future;
use std::pin::pin;
use std::sync::OnceLock;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::console;
use crate::exit::{CommandError, INTERRUPTED, Result};

/// Becomes true with the first signal and stays so, so that a signal between two waits is not lost.
static RECEIVED: OnceLock<watch::Receiver<bool>> = OnceLock::new();

/// Starts to listen for signals; until then they end the process. A second Ctrl-C ends it where it is. A
/// parent process may pass the first Ctrl-C on as SIGTERM, so repeated SIGTERMs do not count.
pub fn listen() -> Result {
    if RECEIVED.get().is_some() {
        return Ok(());
    }
    let failed = |error| CommandError::Fault(format!("cannot listen for Ctrl-C: {error}"));
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let (sender, receiver) = watch::channel(false);
    RECEIVED.get_or_init(|| receiver);
    tokio::spawn(async move {
        let mut interrupts = 0;
        while interrupts < 2 {
            tokio::select! {
                _ = interrupt.recv() => interrupts += 1,
                _ = terminate.recv() => {}
            }
            sender.send_replace(true);
        }
        std::process::exit(INTERRUPTED.into());
    });
    Ok(())
}

/// Waits for the first signal since [`listen`].
pub async fn received() {
    if let Some(receiver) = RECEIVED.get()
        && receiver.clone().wait_for(|received| *received).await.is_ok()
    {
        return;
    }
    std::future::pending::<()>().await;
}

/// Runs `work` until it ends or a signal comes.
pub async fn abort_on_signal<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    listen()?;
    tokio::select! {
        ended = work => ended,
        () = received() => Err(CommandError::Interrupted(String::new())),
    }
}

/// Runs `work` to its end even if a signal comes, and prints then that it goes on.
pub async fn finish_despite_signal<T>(name: &str, work: impl Future<Output = T>) -> Result<T> {
    listen()?;
    let mut work = pin!(work);
    tokio::select! {
        done = &mut work => return Ok(done),
        () = received() => {}
    }
    console::print_line(&format!("finishing {name} first; press Ctrl-C again to stop at once"));
    Ok(work.await)
}
