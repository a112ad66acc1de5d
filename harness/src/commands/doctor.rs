//! `harness doctor`: says what is wrong with this machine, and how to mend it.

use harness::Fault;
use harness::sandbox;
use platform::store::Store;

use super::{Failure, print};
use crate::cli::{SandboxArgs, StoreArgs};

/// Checks one thing after the other, and goes on with the rest when one is wrong.
pub async fn run(store: &StoreArgs, options: &SandboxArgs) -> Result<(), Failure> {
    let mut doctor = Doctor { well: true };
    let daemon = sandbox::daemon_facts().await;
    let reachable = daemon.is_ok();
    doctor.tell("Docker", daemon.map(|facts| facts.to_string()))?;
    if reachable {
        let present = sandbox::find_image(options.image.as_deref()).await;
        doctor.tell("image", present.map(|image| image.pinned()))?;
        doctor.tell("sandbox", try_sandbox(options).await)?;
        doctor.tell("leftovers", leftovers().await)?;
    }
    let opened = Store::open(&store.store).and_then(|store| Ok((store.agents()?, store)));
    let opened = opened.map_err(Fault::from).map(|(listing, store)| {
        let mut fact = format!("{} with {} agents", store.root().display(), listing.agents.len());
        for damaged in &listing.damaged {
            fact.push_str(&format!("\n    {damaged}"));
        }
        fact
    });
    doctor.tell("store", opened)?;
    if doctor.well { print("all is well\n") } else { Err(Failure::Faults) }
}

struct Doctor {
    well: bool,
}

impl Doctor {
    fn tell(&mut self, what: &str, found: Result<String, Fault>) -> Result<(), Failure> {
        self.well &= found.is_ok();
        match found {
            Ok(fact) => print(&format!("ok    {what}: {fact}\n")),
            Err(fault) => print(&format!("wrong {what}: {fault}\n")),
        }
    }
}

/// Starts a container with every limit, and removes it.
async fn try_sandbox(options: &SandboxArgs) -> Result<String, Fault> {
    let sandbox = sandbox::open(&options.settings(), &|_| ()).await?;
    let started = std::time::Instant::now();
    let container = sandbox.start().await?;
    let took = started.elapsed().as_millis();
    container.remove().await?;
    Ok(format!("a container with every limit was ready after {took} ms"))
}

async fn leftovers() -> Result<String, Fault> {
    let docker = sandbox::connect().await?;
    let found = sandbox::remove_leftovers(&docker).await?;
    let removed = found.iter().filter(|leftover| leftover.removed).count();
    Ok(format!("{removed} removed, {} belong to harnesses at work", found.len() - removed))
}
