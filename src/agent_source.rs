//! Where the agents of an evaluation come from: a platform or the store.

use harness::round::agent::{Agent, VersionLimit, stored_agents};
use harness::round::remote::RemoteValidator;
use platform::MinerId;
use platform::store::Store;

use crate::console::Console;
use crate::exit::Result;

/// Loads the agents of the platform whose validator this is, or else of the store.
pub async fn load_agents(
    store: &Store,
    validator: Option<&RemoteValidator<'_>>,
    limit: VersionLimit,
    console: &Console,
) -> Result<Vec<Agent>> {
    if let Some(validator) = validator {
        let found = validator.agents(limit).await?;
        if found.damaged > 0 {
            console.print_line(&format!(
                "warning: {} of the platform's agents cannot be evaluated because their metadata is damaged; its \
                 operator can see which",
                found.damaged
            ));
        }
        print_later(&found.later, console);
        return Ok(found.agents);
    }
    store.add_missing_programs()?;
    let found = stored_agents(store, limit)?;
    for damaged in &found.damaged {
        console.print_line(&format!("warning: {damaged}"));
    }
    print_later(&found.later, console);
    if found.agents.is_empty() {
        console.print_line(&format!(
            "{} holds no agents; 'arena mine' makes one, 'arena upload' uploads one",
            store.root().display()
        ));
    }
    Ok(found.agents)
}

fn print_later(later: &[MinerId], console: &Console) {
    for miner_id in later {
        console
            .print_line(&format!("{miner_id} was uploaded after the round was opened: not judged"));
    }
}
