//! Reports: a round or a check as text and as JSON. Nothing here prints.

use std::cell::{Cell, RefCell};
use std::fmt::Write as _;

use comfy_table::{CellAlignment, Table, presets};
use platform::api::{Ranking, Rankings, Round, RoundStatus};
use serde::Serialize;
use serde::ser::{SerializeSeq as _, Serializer};
use serde_json::Value;
use tasks::{Family, Verdict};

use crate::Fault;
use crate::round::check::CheckOutcome;
use crate::scoring::digest::ReportDigest;
use crate::trial::record::DisclosedTrial;

/// Number of agents in the table of families: the best ones.
const FAMILY_COLUMNS: usize = 6;

/// Formats a score without trailing zeros: `100`, `66.67`.
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
    let mut text = heading(&rankings.round);
    let _ = write!(text, "{table}\n\n");
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

/// The outcome of a check, for the agent's author.
pub fn checked(checked: &CheckOutcome) -> String {
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY);
    table.set_header(["task", "verdict", "score", "cases", "CPU ms", "MiB"]);
    for column in 2..6 {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    for DisclosedTrial { record, .. } in &checked.trials {
        table.add_row([
            record.task.to_string(),
            record.verdict.to_string(),
            score(record.score),
            format!("{} of {}", record.passed, record.total),
            record.cpu_ms.to_string(),
            (record.peak_memory_bytes >> 20).to_string(),
        ]);
    }
    let mut text = format!("{table}\n");
    for DisclosedTrial { record, .. } in &checked.trials {
        if record.verdict != Verdict::Accepted {
            let _ = write!(text, "\n{}", record.failure());
        }
    }
    match checked.score {
        Some(number) => {
            let _ = writeln!(text, "\nscore: {}", score(number));
        }
        None => {
            let _ =
                writeln!(text, "\nscore: not judged, because of {} faults", checked.faults.len());
        }
    }
    text
}

/// The document of `check --json`.
#[derive(Serialize)]
pub struct CheckDocument<'a> {
    /// One record per task
    pub trials: &'a [DisclosedTrial],
    /// The mean of the task scores; null if a trial was not judged
    pub score: Option<f64>,
    /// One sentence per trial that was not judged
    pub faults: &'a [String],
}

/// Writes the document of `evaluate --json`. Trials come one at a time, so that a round of any size
/// needs no more memory than its largest trial. Its last field is the digest of the others.
pub fn write_evaluation(
    out: impl std::io::Write,
    round: &Round,
    trials: impl Iterator<Item = Result<DisclosedTrial, Fault>>,
    rankings: &[Ranking],
) -> Result<(), Fault> {
    #[derive(Serialize)]
    struct EvaluationDocument<'a, T: Serialize> {
        round: &'a Round,
        trials: T,
        rankings: &'a [Ranking],
        digest: LastDigest<'a>,
    }
    let digest = RefCell::new(ReportDigest::of_round(&to_value(round)));
    let trials = StreamedTrials {
        trials: RefCell::new(Some(trials)),
        digest: &digest,
        fault: Cell::new(None),
    };
    let last = LastDigest { digest: &digest, rankings };
    let document = EvaluationDocument { round, trials: &trials, rankings, digest: last };
    let written = serde_json::to_writer_pretty(out, &document);
    match (trials.fault.take(), written) {
        (Some(fault), _) => Err(fault),
        (None, Err(error)) => Err(Fault::File {
            action: "write the report to",
            path: "standard output".into(),
            cause: error.into(),
        }),
        (None, Ok(())) => Ok(()),
    }
}

/// Serializes what an iterator yields, once, and keeps the fault that ended it early.
struct StreamedTrials<'a, I> {
    trials: RefCell<Option<I>>,
    digest: &'a RefCell<ReportDigest>,
    fault: Cell<Option<Fault>>,
}

impl<I: Iterator<Item = Result<DisclosedTrial, Fault>>> Serialize for StreamedTrials<'_, I> {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        let mut list = out.serialize_seq(None)?;
        for trial in self.trials.borrow_mut().take().into_iter().flatten() {
            match trial {
                Ok(trial) => {
                    self.digest.borrow_mut().add_trial(&to_value(&trial));
                    list.serialize_element(&trial)?;
                }
                Err(fault) => {
                    self.fault.set(Some(fault));
                    return Err(serde::ser::Error::custom("a record could not be read"));
                }
            }
        }
        list.end()
    }
}

/// Serializes the digest of the report, after its trials.
struct LastDigest<'a> {
    digest: &'a RefCell<ReportDigest>,
    rankings: &'a [Ranking],
}

impl Serialize for LastDigest<'_> {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        let mut digest = self.digest.borrow_mut();
        for ranking in self.rankings {
            digest.add_ranking(&to_value(ranking));
        }
        digest.value().serialize(out)
    }
}

fn to_value(part: &impl Serialize) -> Value {
    serde_json::to_value(part).expect("reports are plain data")
}

#[cfg(test)]
mod tests {
    #[test]
    fn formats_scores_without_trailing_zeros() {
        for (number, text) in
            [(100.0, "100"), (0.0, "0"), (66.67, "66.67"), (66.5, "66.5"), (10.0, "10")]
        {
            assert_eq!(super::score(number), text);
        }
    }
}
