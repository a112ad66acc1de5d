//! `arena payout-sim`: what the closed rounds would have paid under another rule.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use clap::Args;
use harness::scoring::rank::ScoredTask;
use harness::scoring::replay::{ReplayedRound, replay};
use harness::scoring::reward::{Alpha, Payout, RewardPolicy};
use platform::MinerId;
use platform::api::{Rao, RoundStatus};
use serde::Serialize;

use crate::args::{StoreArgs, choice};
use crate::console::{print, print_json};
use crate::exit::{CommandError, Result};
use crate::output::format::{FormatArgs, OutputFormat};
use crate::output::sheet::Sheet;

/// Arguments of `payout-sim`.
#[derive(Args)]
pub struct PayoutSimArgs {
    #[command(flatten)]
    store: StoreArgs,
    /// How to split the pools
    #[arg(long, value_name = "RULE", value_parser = choice(Payout::ALL))]
    payout: Payout,
    /// Probability of a chance difference below which two agents count as different
    #[arg(long, value_name = "P", default_value_t)]
    alpha: Alpha,
    /// Reward pool of every round in simulated 'TAO' [default: that of the round]
    #[arg(long, value_name = "TAO")]
    pool: Option<Rao>,
    #[command(flatten)]
    output: FormatArgs,
}

/// The document of `payout-sim --json`.
#[derive(Serialize)]
struct PayoutDocument<'a> {
    payout: &'static str,
    alpha: f64,
    /// What each miner earned and would have earned, in units of 1e-9 'TAO'
    totals: &'a BTreeMap<MinerId, Earnings>,
    rounds: &'a [ReplayedRound],
}

#[derive(Clone, Copy, Default, Serialize)]
struct Earnings {
    paid: u64,
    replayed: u64,
}

/// Reads the closed rounds of the store, and prints what each miner earned and would have earned.
pub fn run(args: &PayoutSimArgs) -> Result {
    let store = args.store.open_existing()?;
    let mut rounds = store.rounds(usize::MAX)?;
    rounds.retain(|rankings| rankings.round.status == RoundStatus::Closed);
    if rounds.is_empty() {
        return Err(CommandError::Input(format!(
            "{} holds no closed round; 'arena evaluate --close' closes one",
            store.root().display()
        )));
    }
    let PayoutSimArgs { payout, alpha, .. } = *args;
    let policy = RewardPolicy { pool: args.pool.unwrap_or(Rao(0)), payout, alpha };
    let task = |id: &tasks::TaskId| tasks::find(id.as_str()).as_ref().map(ScoredTask::from);
    let replayed = replay(&rounds, policy, args.pool, task);
    let mut totals = BTreeMap::<MinerId, Earnings>::new();
    for round in &replayed {
        for (miner_id, rao) in &round.paid {
            totals.entry(miner_id.clone()).or_default().paid += rao;
        }
        for (miner_id, rao) in &round.replayed {
            totals.entry(miner_id.clone()).or_default().replayed += rao;
        }
    }
    match args.output.format() {
        OutputFormat::Text => print(&(text(&replayed, alpha) + &sheet(&totals).text())),
        OutputFormat::Json => print_json(&PayoutDocument {
            payout: payout.name(),
            alpha: alpha.value(),
            totals: &totals,
            rounds: &replayed,
        }),
        OutputFormat::Csv => print(&sheet(&totals).csv()),
        OutputFormat::Markdown => print(&sheet(&totals).markdown()),
        OutputFormat::Junit => Err(CommandError::Input(
            "payouts are not tests: choose text, json, csv or markdown with --format".to_owned(),
        )),
    }
}

/// Who would have held the first place in each round, and why.
fn text(rounds: &[ReplayedRound], alpha: Alpha) -> String {
    let mut text = String::new();
    for ReplayedRound { round, gate, .. } in rounds {
        let Some(gate) = gate else { continue };
        for sentence in gate.explanation(alpha.value()) {
            let _ = writeln!(text, "{round}: {sentence}");
        }
    }
    if !text.is_empty() {
        text.push('\n');
    }
    text
}

fn sheet(totals: &BTreeMap<MinerId, Earnings>) -> Sheet {
    let mut sheet = Sheet::new(["agent", "#paid 'TAO'", "#would have been paid"]);
    for (miner_id, Earnings { paid, replayed }) in totals {
        let tao = |rao: &u64| Rao(*rao).to_string();
        sheet.push([miner_id.to_string(), tao(paid), tao(replayed)]);
    }
    sheet
}
