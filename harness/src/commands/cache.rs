//! `harness cache`: what the stored results take up, and which of them are still of use; `harness merge`:
//! results of other machines.

use std::collections::BTreeSet;
use std::path::Path;

use harness::console::Console;
use harness::round::cache::{self, Merged};
use harness::round::results::Results;
use harness::trial::instance::Prepared;
use platform::store::{RoundFile, Store};

use super::standings::stored_agents;
use super::{Failure, print, print_json, stored_tasks};
use crate::cli::{Cache, Merge};

/// Prints what lies among the results, and removes what no round finds again.
pub fn run(args: &Cache) -> Result<(), Failure> {
    let console = Console::new();
    let store = Store::open(&args.store.store)?;
    let mut wanted = BTreeSet::new();
    let round = store.round()?;
    // What the round finds again can only be told of one that was run, on agents that are here.
    let known = round.as_ref().is_none_or(|round| !round.image.is_empty());
    let agents = stored_agents(&store, &console)?;
    if args.prune && (!known || agents.is_empty()) {
        return Err(Failure::Input(format!(
            "{} holds no agents, or a round that was not run yet, so every result would look stale; nothing was \
             removed: run 'harness evaluate' first",
            store.root().display()
        )));
    }
    if let Some(round) = round {
        let tasks = stored_tasks(args.suite.as_ref(), &store, &round)?;
        let prepared: Vec<_> =
            tasks.into_iter().map(|task| Prepared::new(task, round.seed)).collect();
        let controls = harness::round::controls::controls(&prepared);
        for agent in agents.iter().chain(&controls) {
            let keys = prepared.iter().map(|task| Results::key(&agent.sha256, task, &round.image));
            wanted.extend(keys);
        }
    }
    let contents = cache::contents(&store, &wanted, args.prune)?;
    if args.json {
        return print_json(&contents);
    }
    let stale = contents.results - contents.hits;
    let mib = |bytes: u64| format!("{}.{} MiB", bytes >> 20, ((bytes & 0xf_ffff) * 10) >> 20);
    print(&format!(
        "{} results, {}; {} are of the present round\n{}\n",
        contents.results,
        mib(contents.bytes),
        contents.hits,
        match (stale, contents.pruned) {
            (0, _) => "nothing to prune".to_owned(),
            (_, true) => format!("removed {stale}, {}", mib(contents.stale_bytes)),
            (_, false) => {
                format!(
                    "'harness cache --prune' removes the other {stale}, {}",
                    mib(contents.stale_bytes)
                )
            }
        }
    ))
}

/// Takes over the results of other stores, and their round if there is none here.
pub fn merge(args: &Merge) -> Result<(), Failure> {
    let console = Console::new();
    let store = Store::open(&args.store.store)?;
    let mut round = store.round()?;
    let mut refused = Vec::new();
    for folder in &args.folders {
        let theirs = read_round(folder)?;
        match &round {
            None => {
                store.put_round(&theirs)?;
                round = Some(theirs);
            }
            Some(ours) if ours.seed == theirs.seed && ours.image == theirs.image => {
                if ours.tasks != theirs.tasks {
                    return Err(Failure::Input(format!(
                        "the part in {} was run on other tasks than the one in {}; run it again with the same \
                         --task and --suite",
                        folder.display(),
                        store.root().display()
                    )));
                }
            }
            Some(ours) => {
                return Err(Failure::Input(format!(
                    "{} holds another round (seed {}, image {}) than {} (seed {}, image {}); only parts of \
                     one round can be merged",
                    folder.display(),
                    theirs.seed,
                    theirs.image,
                    store.root().display(),
                    ours.seed,
                    ours.image
                )));
            }
        }
        let merged = cache::merge(&store, folder)?;
        let Merged { taken, known, .. } = &merged;
        console.say(&format!("{}: {taken} results taken, {known} known", folder.display()));
        refused.extend(merged.refused);
    }
    for sentence in &refused {
        console.say(&format!("refused: {sentence}"));
    }
    if refused.is_empty() { Ok(()) } else { Err(Failure::Faults) }
}

fn read_round(folder: &Path) -> Result<RoundFile, Failure> {
    let path = folder.join("round.json");
    let bytes = std::fs::read(&path).map_err(|cause| {
        Failure::Input(format!(
            "cannot read {}: {cause}; name the store of a part of the round",
            path.display()
        ))
    })?;
    serde_json::from_slice(&bytes)
        .map_err(|error| Failure::Input(format!("{} holds no round: {error}", path.display())))
}
