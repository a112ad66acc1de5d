//! What an operator does with a store: look at it, check it, help a miner who has lost a token.

use std::fmt::Write as _;
use std::io::{self, Write as _};

use anyhow::Context as _;
use platform::api::AgentView;
use platform::log::log_line;
use platform::store::Repair;

use super::{Agents, Failure, Token, Verify};

pub(crate) fn agents(args: &Agents) -> Result<(), Failure> {
    let listing = args.store.open_existing()?.agents()?;
    for damaged in &listing.damaged {
        log_line(format_args!("platform: {damaged}"));
    }
    let mut text = String::new();
    if args.json {
        let views: Vec<_> = listing.agents.into_iter().map(AgentView::from).collect();
        text = serde_json::to_string_pretty(&views)? + "\n";
    } else {
        for agent in listing.agents {
            writeln!(
                text,
                "{:<24} v{:<4} {} {:>7} bytes  {}",
                agent.miner_id,
                agent.version,
                agent.sha256.short(),
                agent.size,
                agent.uploaded_at
            )?;
        }
    }
    print(&text)
}

pub(crate) fn verify(args: &Verify) -> Result<(), Failure> {
    let store = args.store.open_existing()?;
    let issues = if args.repair { store.fsck_and_repair()? } else { store.fsck()? };
    let left = issues.iter().filter(|issue| !matches!(issue.repair, Repair::Done(_))).count();
    let mut text = String::new();
    if args.json {
        text = serde_json::to_string_pretty(&issues)? + "\n";
    } else {
        for issue in &issues {
            writeln!(text, "{issue}")?;
        }
        if issues.is_empty() {
            writeln!(text, "{} is in order", store.root().display())?;
        }
    }
    print(&text)?;
    match left {
        0 => Ok(()),
        1 => Err(anyhow::anyhow!("1 file is not in order").into()),
        left => Err(anyhow::anyhow!("{left} files are not in order").into()),
    }
}

pub(crate) fn token(args: &Token) -> Result<(), Failure> {
    let token = args.store.open_existing()?.reset_token(&args.miner_id)?;
    // Unlike a list, a token that nobody has read is a loss.
    write(&format!("{token}\n"))
        .context("the old token is void and the new one could not be told: ask for another")?;
    Ok(())
}

/// Writes to stdout. Whoever has read enough, as `head` has, closes the pipe, and that is no failure.
fn print(text: &str) -> Result<(), Failure> {
    match write(text) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(anyhow::Error::from(error).context("cannot write to stdout").into())
        }
        _ => Ok(()),
    }
}

fn write(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}
