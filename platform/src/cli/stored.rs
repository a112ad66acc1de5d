//! What an operator does with a store: look at it, check it, help a miner who has lost a token.

use platform::api::AgentView;
use platform::store::Mend;

use super::{Agents, Failure, Token, Verify};

pub(crate) fn agents(args: &Agents) -> Result<(), Failure> {
    let listing = args.store.open()?.agents()?;
    for damaged in &listing.damaged {
        eprintln!("platform: {damaged}");
    }
    if args.json {
        let views: Vec<_> = listing.agents.into_iter().map(AgentView::from).collect();
        println!("{}", serde_json::to_string_pretty(&views)?);
    } else {
        for agent in listing.agents {
            println!(
                "{:<24} v{:<4} {} {:>7} bytes  {}",
                agent.miner_id,
                agent.version,
                agent.sha256.short(),
                agent.size,
                agent.uploaded_at
            );
        }
    }
    Ok(())
}

pub(crate) fn verify(args: &Verify) -> Result<(), Failure> {
    let store = args.store.open()?;
    let troubles = store.verify(args.repair)?;
    let left = troubles.iter().filter(|trouble| !matches!(trouble.mend, Mend::Done(_))).count();
    if args.json {
        println!("{}", serde_json::to_string_pretty(&troubles)?);
    } else {
        for trouble in &troubles {
            let mend = match &trouble.mend {
                Mend::Done(what) => format!("mended: {what}"),
                Mend::WithRepair(what) => format!("with --repair {what}"),
                Mend::ByHand(what) => what.clone(),
            };
            println!("{}: {}; {mend}", trouble.path.display(), trouble.what);
        }
        if troubles.is_empty() {
            println!("{} is in order", store.root().display());
        }
    }
    match left {
        0 => Ok(()),
        1 => Err(anyhow::anyhow!("1 file is not in order").into()),
        left => Err(anyhow::anyhow!("{left} files are not in order").into()),
    }
}

pub(crate) fn token(args: &Token) -> Result<(), Failure> {
    let token = args.store.open()?.reset_token(&args.miner_id)?;
    println!("{token}");
    Ok(())
}
