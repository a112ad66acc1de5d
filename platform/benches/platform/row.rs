//! One line of the table: a figure of ours beside what it is held against.

use serde::Serialize;

/// Which way is up.
#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Better {
    Higher,
    Lower,
}

/// What was measured, run by run.
#[derive(Serialize)]
pub struct Row {
    what: String,
    against: String,
    unit: &'static str,
    ours: Vec<f64>,
    /// Empty where the figure to reach is an absolute one.
    theirs: Vec<f64>,
    /// Of the medians, ours by theirs.
    ratio: Option<f64>,
    better: Better,
    to_reach: String,
    reached: bool,
}

impl Row {
    /// A figure of ours against one of the same kind, measured in turns.
    pub fn ratio(
        (what, against, unit): (&str, &str, &'static str),
        (ours, theirs): (Vec<f64>, Vec<f64>),
        (better, bound): (Better, f64),
    ) -> Self {
        let ratio = median(&ours) / median(&theirs);
        Self {
            what: what.into(),
            against: against.into(),
            unit,
            ours,
            theirs,
            ratio: Some(ratio),
            better,
            to_reach: format!("{bound} times {}", better.or_so()),
            reached: better.reaches(ratio, bound),
        }
    }

    /// A figure that has to do by itself.
    pub fn absolute(
        what: &str,
        unit: &'static str,
        ours: Vec<f64>,
        (better, bound): (Better, f64),
    ) -> Self {
        Self {
            what: what.into(),
            against: String::new(),
            unit,
            reached: better.reaches(median(&ours), bound),
            ours,
            theirs: Vec::new(),
            ratio: None,
            better,
            to_reach: format!("{bound} {unit} {}", better.or_so()),
        }
    }
}

impl Better {
    fn or_so(self) -> &'static str {
        match self {
            Self::Higher => "or more",
            Self::Lower => "or less",
        }
    }

    fn reaches(self, value: f64, bound: f64) -> bool {
        match self {
            Self::Higher => value >= bound,
            Self::Lower => value <= bound,
        }
    }
}

/// The rows for people.
pub fn print(rows: &[Row]) {
    println!("{:<58} {:>10} {:>10} {:>7}  to reach", "what", "ours", "theirs", "ratio");
    for row in rows {
        let figure = |runs: &[f64]| {
            if runs.is_empty() { String::new() } else { format!("{:.1}", median(runs)) }
        };
        let ratio = row.ratio.map_or_else(String::new, |ratio| format!("{ratio:.2}"));
        println!(
            "{:<58} {:>10} {:>10} {:>7}  {}: {}",
            format!("{}, {}", row.what, row.unit),
            figure(&row.ours),
            figure(&row.theirs),
            ratio,
            row.to_reach,
            if row.reached { "reached" } else { "NOT reached" },
        );
        if !row.against.is_empty() {
            println!("    against {}", row.against);
        }
    }
}

/// The middle one; of an even number, the mean of the two in the middle.
pub fn median(runs: &[f64]) -> f64 {
    let mut sorted = runs.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 {
        sorted[middle]
    } else {
        f64::midpoint(sorted[middle - 1], sorted[middle])
    }
}
