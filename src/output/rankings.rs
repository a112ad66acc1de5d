//! The rankings of a round.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use harness::scoring::report::{line, score};
use platform::api::{Ranking, Rankings, Round, RoundStatus, ScoreInterval, dollars};
use tasks::{Family, Verdict};

use super::sheet::Sheet;

/// Number of agents in the table of families: the best ones.
const FAMILY_COLUMNS: usize = 6;

/// The name of a part of a round, and the score on it.
type PartScore = (&'static str, fn(&Ranking) -> Option<f64>);

/// The scores on the two parts of a round with private tasks.
const PARTS: [PartScore; 2] =
    [("public", |ranking| ranking.public_score), ("private", |ranking| ranking.private_score)];

/// The rankings as text: how the best agents did on each family of tasks, then the line of every agent.
pub fn text(rankings: &Rankings) -> String {
    let mut text = heading(&rankings.round);
    let best = &rankings.rankings[..rankings.rankings.len().min(FAMILY_COLUMNS)];
    if !best.is_empty() {
        let _ = writeln!(text, "{}", families(best).text());
    }
    for ranking in &rankings.rankings {
        let _ = writeln!(text, "{}", line(ranking));
    }
    for Ranking { miner_id, copy_of, .. } in &rankings.rankings {
        if let Some(original) = copy_of {
            let _ = writeln!(text, "{miner_id} is a copy of {original} and earns nothing");
        }
    }
    for stopped in &rankings.round.stopped {
        let _ = writeln!(text, "{}", stopped.explanation(&rankings.round));
    }
    if let Some(gate) = &rankings.round.gate {
        for sentence in gate.explanation(rankings.round.alpha) {
            let _ = writeln!(text, "{sentence}");
        }
    }
    if rankings.rankings.len() > 1 {
        let _ = writeln!(text, "\n{}", resolution(&rankings.round));
    }
    text
}

/// What differences between scores mean.
fn resolution(round: &Round) -> String {
    let alpha = round.alpha;
    match round.resolution.map(score) {
        Some(points) => format!(
            "agents of one group are not separated; differences below {points} points may be chance (p {alpha})"
        ),
        None => format!(
            "no difference between neighbours in the ranking is large enough to exclude chance (p {alpha})"
        ),
    }
}

/// The rankings as a table, a row for each agent. An agent that is not judged has no rank and no score.
pub fn sheet(rankings: &Rankings) -> Sheet {
    let has_model = rankings.round.model.is_some();
    let has_private = rankings.round.private.is_some();
    let names = [
        "#rank",
        "agent",
        "#score",
        "#public",
        "#private",
        "#low",
        "#high",
        "group",
        "#tasks passed",
        "#tasks",
        "#reward 'TAO'",
        "#cost USD",
        "note",
    ];
    let is_shown = |name: &str| match name {
        "#cost USD" => has_model,
        "#public" | "#private" => has_private,
        _ => true,
    };
    let mut sheet = Sheet::new(names.into_iter().filter(|name| is_shown(name)));
    let mut push = |cells: [String; 13]| {
        let all = names.into_iter().zip(cells);
        sheet.push(all.filter(|(name, _)| is_shown(name)).map(|(_, cell)| cell));
    };
    for ranking in &rankings.rankings {
        let copy = ranking.copy_of.as_ref();
        push([
            ranking.rank.to_string(),
            ranking.miner_id.to_string(),
            score(ranking.score),
            ranking.public_score.map(score).unwrap_or_default(),
            ranking.private_score.map(score).unwrap_or_default(),
            ranking.interval.map(|interval| score(interval.low)).unwrap_or_default(),
            ranking.interval.map(|interval| score(interval.high)).unwrap_or_default(),
            ranking.group.clone(),
            passed(ranking).to_string(),
            ranking.tasks.len().to_string(),
            ranking.reward_tao.clone(),
            ranking.cost_micro_usd.map(dollars).unwrap_or_default(),
            copy.map(|original| format!("copy of {original}")).unwrap_or_default(),
        ]);
    }
    for stopped in &rankings.round.stopped {
        let mut cells = <[String; 13]>::default();
        cells[1] = stopped.miner_id.to_string();
        cells[12] = format!("stopped: at most {}", score(stopped.bound));
        push(cells);
    }
    let mut unjudged = BTreeMap::<&str, usize>::new();
    for fault in &rankings.round.faults {
        *unjudged.entry(fault.miner_id.as_str()).or_default() += 1;
    }
    for (miner_id, trials) in unjudged {
        let mut cells = <[String; 13]>::default();
        miner_id.clone_into(&mut cells[1]);
        cells[12] = format!("not judged: {trials} faults");
        push(cells);
    }
    sheet
}

fn passed(ranking: &Ranking) -> usize {
    ranking.tasks.values().filter(|task| task.verdict == Verdict::Accepted).count()
}

/// What a reader must know before the table: nothing for the final ranking of a whole round.
fn heading(round: &Round) -> String {
    let mut text = String::new();
    if round.status == RoundStatus::Open {
        let _ = writeln!(text, "standings of open round {}", round.id);
    }
    if round.partial {
        let _ = writeln!(text, "partial: not all tasks or agents");
    }
    if round.is_provisional() {
        let _ = writeln!(
            text,
            "provisional: {} trials not judged, so ranks and rewards may change",
            round.faults.len()
        );
    }
    text
}

/// A column for each agent, and a row for each family of tasks.
fn families(rankings: &[Ranking]) -> Sheet {
    let names: Vec<_> = rankings.iter().map(|ranking| format!("#{}", ranking.miner_id)).collect();
    let mut sheet = Sheet::new(std::iter::once("").chain(names.iter().map(String::as_str)));
    let row = |name: &str, cell: &dyn Fn(&Ranking) -> String| -> Vec<String> {
        std::iter::once(name.to_owned()).chain(rankings.iter().map(cell)).collect()
    };
    sheet.push(row("rank", &|ranking| ranking.rank.to_string()));
    sheet.push(row("score", &|ranking| score(ranking.score)));
    for (name, part) in PARTS {
        if rankings.iter().any(|ranking| part(ranking).is_some()) {
            sheet.push(row(name, &|ranking| part(ranking).map(score).unwrap_or_default()));
        }
    }
    if rankings.iter().any(|ranking| ranking.interval.is_some()) {
        sheet.push(row("95 % interval", &|ranking| {
            let ends = |interval: ScoreInterval| {
                format!("{} to {}", score(interval.low), score(interval.high))
            };
            ranking.interval.map(ends).unwrap_or_default()
        }));
    }
    sheet.push(row("group", &|ranking| ranking.group.clone()));
    sheet.push(row("tasks passed", &|r| format!("{} of {}", passed(r), r.tasks.len())));
    if rankings.iter().any(|ranking| ranking.cost_micro_usd.is_some()) {
        sheet.push(row("cost per task, USD", &|ranking| {
            let tasks = (ranking.tasks.len() as u64).max(1);
            ranking.cost_micro_usd.map(|cost| dollars(cost / tasks)).unwrap_or_default()
        }));
    }
    for family in Family::ALL {
        let cell = |ranking: &Ranking| {
            ranking.families.get(family).map(|number| score(*number)).unwrap_or_default()
        };
        if rankings.iter().any(|ranking| ranking.families.contains_key(family)) {
            sheet.push(row(family.as_str(), &cell));
        }
    }
    sheet
}
