//! `arena clean`: removes containers left by crashed runs.

use harness::sandbox;

use crate::console::print;
use crate::exit::Result;

/// Removes leftovers and prints their names.
pub async fn run() -> Result {
    let docker = sandbox::connect().await?;
    let leftovers = sandbox::remove_leftovers(&docker).await?;
    let (removed, kept): (Vec<_>, Vec<_>) = leftovers.iter().partition(|found| found.removed);
    let mut text = String::new();
    for found in &removed {
        text.push_str(&format!("removed {}\n", found.container));
    }
    for found in &kept {
        let container = &found.container;
        text.push_str(&format!("left {container}: its run is alive, or on another machine\n"));
    }
    text.push_str(&format!("{} removed, {} left\n", removed.len(), kept.len()));
    print(&text)
}
