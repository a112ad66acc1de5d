//! `arena agents`: lists the stored agents.

use std::fmt::Write as _;

use clap::Args;
use platform::api::AgentView;

use crate::args::{OutputArgs, StoreArgs};
use crate::console::{print, print_json, print_line};
use crate::exit::Result;

/// Arguments of `agents`.
#[derive(Args)]
pub struct AgentsArgs {
    #[command(flatten)]
    store: StoreArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// Prints every agent; damaged ones are named on stderr.
pub fn run(args: &AgentsArgs) -> Result {
    let listing = args.store.open_existing()?.agents()?;
    for damaged in &listing.damaged {
        print_line(&format!("warning: {damaged}"));
    }
    if args.output.json {
        return print_json(&listing.agents.into_iter().map(AgentView::from).collect::<Vec<_>>());
    }
    let mut text = String::new();
    for agent in listing.agents {
        let (miner_id, version, sha256) = (&agent.miner_id, &agent.version, agent.sha256.short());
        let (size, uploaded_at) = (agent.size, agent.uploaded_at);
        let _ =
            writeln!(text, "{miner_id:<24} v{version:<4} {sha256} {size:>7} bytes  {uploaded_at}");
    }
    print(&text)
}
