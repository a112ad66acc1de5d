//! `arena doctor`: diagnoses this machine, and says how to fix what is wrong.

use std::fmt::Display;
use std::time::Instant;

use clap::Args;
use harness::Fault;
use harness::sandbox;

use crate::args::{SandboxArgs, StoreArgs};
use crate::config;
use crate::console::print;
use crate::exit::{CommandError, Result};

/// Arguments of `doctor`.
#[derive(Args)]
pub struct DoctorArgs {
    #[command(flatten)]
    store: StoreArgs,
    #[command(flatten)]
    sandbox: SandboxArgs,
}

/// Runs every check that the earlier ones allow; the status is 1 if one fails.
pub async fn run(args: &DoctorArgs) -> Result {
    let mut diagnosis = Diagnosis { healthy: true };
    let settings = args.sandbox.settings();
    let daemon = sandbox::daemon_facts().await;
    let reachable = daemon.is_ok();
    diagnosis.report("Docker", daemon)?;
    if reachable {
        let present = sandbox::find_image(settings.image.as_deref()).await;
        diagnosis.report("image", present.map(|image| image.pinned()))?;
        diagnosis.report("sandbox", try_sandbox(args).await)?;
        diagnosis.report("leftovers", remove_leftovers().await)?;
    }
    diagnosis.report("store", store_facts(args))?;
    match config::find() {
        Ok(None) => {}
        Ok(Some(config)) => {
            diagnosis.report("settings", Ok::<_, Fault>(config.path().display()))?;
        }
        Err(error) => {
            diagnosis.report("settings", Err::<&str, _>(error.message().unwrap_or_default()))?;
        }
    }
    if diagnosis.healthy { print("no problems found\n") } else { Err(CommandError::Reported) }
}

struct Diagnosis {
    healthy: bool,
}

impl Diagnosis {
    fn report(
        &mut self,
        subject: &str,
        found: std::result::Result<impl Display, impl Display>,
    ) -> Result {
        self.healthy &= found.is_ok();
        match found {
            Ok(fact) => print(&format!("ok    {subject}: {fact}\n")),
            Err(problem) => print(&format!("wrong {subject}: {problem}\n")),
        }
    }
}

/// Starts a container with every limit, and removes it.
async fn try_sandbox(args: &DoctorArgs) -> std::result::Result<String, Fault> {
    let sandbox = sandbox::open(&args.sandbox.settings(), &|_| ()).await?;
    let started = Instant::now();
    let container = sandbox.start().await?;
    let took = started.elapsed().as_millis();
    container.remove().await?;
    Ok(format!("a container with every limit was ready after {took} ms"))
}

async fn remove_leftovers() -> std::result::Result<String, Fault> {
    let docker = sandbox::connect().await?;
    let found = sandbox::remove_leftovers(&docker).await?;
    let removed = found.iter().filter(|leftover| leftover.removed).count();
    Ok(format!("{removed} removed, {} belong to live runs", found.len() - removed))
}

fn store_facts(args: &DoctorArgs) -> std::result::Result<String, String> {
    let store = args.store.open_existing().map_err(|error| error.message().unwrap_or_default())?;
    let listing = store.agents().map_err(|error| error.to_string())?;
    let mut facts = format!("{} with {} agents", store.root().display(), listing.agents.len());
    for damaged in &listing.damaged {
        facts.push_str(&format!("\n    {damaged}"));
    }
    Ok(facts)
}
