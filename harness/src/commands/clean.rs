//! `harness clean`: removes what harnesses that are dead left behind.

use harness::sandbox;

use super::{Failure, print};

/// Removes leftovers and says which.
pub async fn run() -> Result<(), Failure> {
    let docker = sandbox::connect().await?;
    let leftovers = sandbox::remove_leftovers(&docker).await?;
    let (removed, kept): (Vec<_>, Vec<_>) = leftovers.iter().partition(|found| found.removed);
    let mut text = String::new();
    for found in &removed {
        text.push_str(&format!("removed {}\n", found.container));
    }
    for found in &kept {
        text.push_str(&format!(
            "left {}: its harness is alive, or on another machine\n",
            found.container
        ));
    }
    text.push_str(&format!("{} removed, {} left\n", removed.len(), kept.len()));
    print(&text)
}
