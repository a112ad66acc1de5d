//! One row of the table: figures of the arena, those of a peer, and a target.

use comfy_table::{CellAlignment, Table, presets};
use serde::Serialize;

/// Which way a figure is better.
#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum BetterWhen {
    Higher,
    Lower,
}

/// What is measured, against what, and in which unit.
pub struct RowSubject {
    /// The thing measured
    pub what: String,
    /// The peer; empty for a figure that stands alone
    pub against: String,
    /// Unit of the figures
    pub unit: &'static str,
}

/// Figures of both sides, one for each run.
pub struct RowFigures {
    /// The arena's
    pub ours: Vec<f64>,
    /// The peer's; empty for a figure that stands alone
    pub theirs: Vec<f64>,
}

/// The bound that the ratio has to keep, or the figure itself of a row without a peer.
#[derive(Clone, Copy)]
pub struct RowTarget {
    /// Which way the figure is better
    pub better: BetterWhen,
    /// The bound
    pub bound: f64,
}

/// One row.
#[derive(Serialize)]
pub struct BenchRow {
    what: String,
    against: String,
    unit: &'static str,
    ours: Vec<f64>,
    theirs: Vec<f64>,
    /// Median of ours / median of theirs
    ratio: Option<f64>,
    better: BetterWhen,
    to_reach: String,
    reached: bool,
}

impl RowTarget {
    /// At least `bound`.
    pub fn at_least(bound: f64) -> Self {
        Self { better: BetterWhen::Higher, bound }
    }

    /// At most `bound`.
    pub fn at_most(bound: f64) -> Self {
        Self { better: BetterWhen::Lower, bound }
    }

    fn is_reached_by(self, figure: f64) -> bool {
        match self.better {
            BetterWhen::Higher => figure >= self.bound,
            BetterWhen::Lower => figure <= self.bound,
        }
    }

    fn in_words(self, unit: &str) -> String {
        let direction = match self.better {
            BetterWhen::Higher => "more",
            BetterWhen::Lower => "less",
        };
        let space = if unit.is_empty() { "" } else { " " };
        format!("{}{space}{unit} or {direction}", self.bound)
    }
}

impl BenchRow {
    /// A row with a peer; the target is a ratio.
    pub fn ratio(subject: RowSubject, figures: RowFigures, target: RowTarget) -> Self {
        let RowFigures { ours, theirs } = figures;
        let ratio = median(&ours) / median(&theirs);
        Self {
            what: subject.what,
            against: subject.against,
            unit: subject.unit,
            ours,
            theirs,
            ratio: Some(ratio),
            better: target.better,
            to_reach: target.in_words(""),
            reached: target.is_reached_by(ratio),
        }
    }

    /// A row without a peer; the target is a bound of the median.
    pub fn alone(what: String, unit: &'static str, ours: Vec<f64>, target: RowTarget) -> Self {
        Self {
            what,
            against: String::new(),
            unit,
            reached: target.is_reached_by(median(&ours)),
            ours,
            theirs: Vec::new(),
            ratio: None,
            better: target.better,
            to_reach: target.in_words(unit),
        }
    }

    /// A figure that is reported and promises nothing.
    pub fn without_target(what: String, unit: &'static str, ours: Vec<f64>) -> Self {
        let row = Self::alone(what, unit, ours, RowTarget::at_least(0.0));
        Self { to_reach: "no target".to_owned(), ..row }
    }

    /// A count that has to be complete in every run.
    pub fn complete(what: String, counts: Vec<f64>, all: f64) -> Self {
        let reached = counts.iter().all(|count| *count >= all);
        let row = Self::alone(what, "", counts, RowTarget::at_least(all));
        Self { reached, to_reach: format!("{all} in every run"), ..row }
    }

    /// The row in one line, with the figures of every run.
    pub fn summary(&self) -> String {
        let Self { what, unit, ours, against, theirs, .. } = self;
        let theirs =
            if theirs.is_empty() { String::new() } else { format!("; {against}: {theirs:.3?}") };
        format!("{what}: {ours:.3?} {unit}{theirs}")
    }
}

/// The rows as a Markdown table.
pub fn table(rows: &[BenchRow]) -> String {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    table.set_header(["what", "against", "ours", "theirs", "ratio", "to reach", ""]);
    for column in 2..5 {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    for row in rows {
        table.add_row([
            row.what.clone(),
            row.against.clone(),
            figure(&row.ours, row.unit),
            figure(&row.theirs, row.unit),
            row.ratio.map(|ratio| format!("{ratio:.3}")).unwrap_or_default(),
            row.to_reach.clone(),
            if row.reached { "reached" } else { "NOT reached" }.to_owned(),
        ]);
    }
    format!("{table}\n\nMedians; ratio is ours / theirs.\n")
}

/// The middle figure; of an even number, the mean of the two in the middle. NaN for none.
pub fn median(figures: &[f64]) -> f64 {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => f64::NAN,
        count if count % 2 == 0 => f64::midpoint(sorted[middle - 1], sorted[middle]),
        _ => sorted[middle],
    }
}

/// A count as a figure.
pub fn number(count: impl TryInto<u32>) -> f64 {
    count.try_into().map_or(f64::INFINITY, f64::from)
}

fn figure(figures: &[f64], unit: &str) -> String {
    let digits = match median(figures) {
        none if none.is_nan() => return String::new(),
        large if large >= 100.0 => format!("{large:.0}"),
        small => format!("{small:.2}"),
    };
    format!("{digits} {unit}").trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::{BenchRow, RowFigures, RowSubject, RowTarget, median};

    #[test]
    #[expect(clippy::float_cmp, reason = "halves are exact")]
    fn median_is_the_middle_figure() {
        assert!(median(&[]).is_nan());
        assert_eq!(median(&[9.0, 1.0, 5.0]), 5.0);
        assert_eq!(median(&[4.0, 1.0, 9.0, 3.0]), 3.5);
    }

    #[test]
    fn target_is_compared_with_the_ratio_of_medians() {
        let row = |bound| {
            let subject = RowSubject { what: "x".into(), against: "y".into(), unit: "s" };
            let figures = RowFigures { ours: vec![1.0, 9.0, 2.0], theirs: vec![4.0] };
            BenchRow::ratio(subject, figures, RowTarget::at_most(bound))
        };
        assert!(row(0.5).reached);
        assert!(!row(0.4).reached);
        assert_eq!(row(0.5).to_reach, "0.5 or less");
    }

    #[test]
    fn complete_needs_every_run() {
        assert!(BenchRow::complete("x".into(), vec![164.0, 164.0], 164.0).reached);
        assert!(!BenchRow::complete("x".into(), vec![164.0, 163.0, 164.0], 164.0).reached);
    }
}
