//! Reports: what a round or a check looks like, as text and as JSON. Pure; [`crate::console`] prints.

use std::fmt::Write as _;

use comfy_table::{CellAlignment, Table, presets};
use platform::rankings::{Ranking, Rankings, Round};
use serde::Serialize;
use serde::ser::{SerializeSeq as _, Serializer};
use tasks::{Family, Verdict};

use crate::Fault;
use crate::round::check::Checked;
use crate::trial::record::TrialRecord;

/// How many agents the table of families has room for: the best ones.
const FAMILY_COLUMNS: usize = 6;

/// A score without needless digits: `100`, `66.67`.
pub fn score(score: f64) -> String {
    format!("{score:.2}").trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// The line of one agent: `good: 100 (reward: 50 'TAO')`.
pub fn line(ranking: &Ranking) -> String {
    let Ranking { miner_id, reward_tao, .. } = ranking;
    format!("{miner_id}: {} (reward: {reward_tao} 'TAO')", score(ranking.score))
}

/// The rankings as a table, followed by each agent's line.
pub fn rankings(rankings: &Rankings) -> String {
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY);
    table.set_header(["#", "agent", "score", "tasks passed", "reward 'TAO'", ""]);
    for column in [0, 2, 3, 4] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    for ranking in &rankings.rankings {
        let passed = ranking.tasks.values().filter(|t| t.verdict == Verdict::Accepted).count();
        let copy = ranking.copy_of.as_ref();
        table.add_row([
            ranking.rank.to_string(),
            ranking.miner_id.to_string(),
            score(ranking.score),
            format!("{passed} of {}", ranking.tasks.len()),
            ranking.reward_tao.clone(),
            copy.map(|original| format!("copy of {original}")).unwrap_or_default(),
        ]);
    }
    let mut text = format!("{table}\n\n");
    let some = &rankings.rankings[..rankings.rankings.len().min(FAMILY_COLUMNS)];
    if !some.is_empty() {
        text.push_str(&families(some));
        text.push('\n');
    }
    for ranking in &rankings.rankings {
        let _ = writeln!(text, "{}", line(ranking));
    }
    text
}

/// The agents' scores in each family of tasks, as a table: a row for each family.
pub fn families(rankings: &[Ranking]) -> String {
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY);
    let names = rankings.iter().map(|ranking| ranking.miner_id.to_string());
    table.set_header(std::iter::once("family".to_owned()).chain(names));
    for family in Family::ALL {
        let scores = rankings.iter().map(|ranking| ranking.families.get(family));
        let cells: Vec<_> = scores.map(|s| s.map(|s| score(*s)).unwrap_or_default()).collect();
        if cells.iter().any(|cell| !cell.is_empty()) {
            table.add_row(std::iter::once(family.to_string()).chain(cells));
        }
    }
    for column in 1..=rankings.len() {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    format!("{table}\n")
}

/// What came of a check, for the agent's author.
pub fn checked(checked: &Checked) -> String {
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY);
    table.set_header(["task", "verdict", "score", "cases", "CPU ms", "MiB"]);
    for column in 2..6 {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    for TrialRecord { result, .. } in &checked.trials {
        table.add_row([
            result.task.to_string(),
            result.verdict.to_string(),
            score(result.score),
            format!("{} of {}", result.passed, result.total),
            result.cpu_ms.to_string(),
            (result.peak_memory_bytes >> 20).to_string(),
        ]);
    }
    let mut text = format!("{table}\n");
    for TrialRecord { result, .. } in &checked.trials {
        if result.verdict != Verdict::Accepted {
            let _ = write!(text, "\n{}", result.failure());
        }
    }
    let _ = writeln!(text, "\nscore: {}", score(checked.score));
    text
}

/// The document of `check --json`.
#[derive(Serialize)]
pub struct CheckDocument<'a> {
    /// One record per task
    pub trials: &'a [TrialRecord],
    /// The mean of the task scores
    pub score: f64,
}

/// Writes the document of `evaluate --json`. Trials come one at a time, so that a round of any size
/// needs no more memory than its largest trial.
pub fn write_evaluation(
    out: impl std::io::Write,
    round: &Round,
    trials: impl Iterator<Item = Result<TrialRecord, Fault>>,
    rankings: &[Ranking],
) -> Result<(), Fault> {
    #[derive(Serialize)]
    struct Document<'a, T: Serialize> {
        round: &'a Round,
        trials: T,
        rankings: &'a [Ranking],
    }
    let trials = Streamed(std::cell::RefCell::new(Some(trials)), std::cell::Cell::new(None));
    let written = serde_json::to_writer_pretty(out, &Document { round, trials: &trials, rankings });
    match (trials.1.take(), written) {
        (Some(fault), _) => Err(fault),
        (None, Err(error)) => Err(Fault::File {
            action: "write the report to",
            path: "standard output".into(),
            cause: error.into(),
        }),
        (None, Ok(())) => Ok(()),
    }
}

/// Serialises what an iterator yields, once, and keeps the fault that ended it early.
struct Streamed<I>(std::cell::RefCell<Option<I>>, std::cell::Cell<Option<Fault>>);

impl<I: Iterator<Item = Result<TrialRecord, Fault>>> Serialize for Streamed<I> {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        let mut list = out.serialize_seq(None)?;
        for record in self.0.borrow_mut().take().into_iter().flatten() {
            match record {
                Ok(record) => list.serialize_element(&record)?,
                Err(fault) => {
                    self.1.set(Some(fault));
                    return Err(serde::ser::Error::custom("a record could not be read"));
                }
            }
        }
        list.end()
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_score_has_no_needless_digits() {
        for (number, text) in
            [(100.0, "100"), (0.0, "0"), (66.67, "66.67"), (66.5, "66.5"), (10.0, "10")]
        {
            assert_eq!(super::score(number), text);
        }
    }
}
