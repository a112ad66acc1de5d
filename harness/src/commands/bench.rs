//! `harness bench`: what the sandbox costs, beside the ways everybody knows.
//!
//! Every row is measured side by side in one run, in turns, and told as a ratio of medians: machines
//! drift, and a ratio drifts less than a time. What was measured elsewhere can be put into the same table.

mod docker_run;
mod evalplus;
mod large_round;
mod whole;

use std::path::{Path, PathBuf};

use comfy_table::{CellAlignment, Table, presets};
use harness::console::Console;
use serde::{Deserialize, Serialize};

use super::{Failure, print, print_json, processors, with_sandbox};
use crate::cli::Bench;

/// Which way a figure is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Better {
    Higher,
    Lower,
}

/// One line of the table.
#[derive(Debug, Serialize, Deserialize)]
struct Row {
    what: String,
    against: String,
    unit: String,
    /// One figure for each run
    ours: Vec<f64>,
    /// The rival's, if there is one
    theirs: Vec<f64>,
    /// Median of ours / median of theirs
    ratio: Option<f64>,
    better: Better,
    to_reach: String,
    reached: bool,
}

impl Row {
    /// A row with a rival. The ratio that is to be reached is said in words and as a number.
    fn new(
        what: String,
        against: String,
        unit: &str,
        (ours, theirs): (Vec<f64>, Vec<f64>),
        (better, to_reach, wanted): (Better, &str, f64),
    ) -> Self {
        let ratio = (!theirs.is_empty()).then(|| median(&ours) / median(&theirs));
        let figure = ratio.unwrap_or_else(|| median(&ours));
        let reached = match better {
            Better::Higher => figure >= wanted,
            Better::Lower => figure <= wanted,
        };
        let (unit, to_reach) = (unit.to_owned(), to_reach.to_owned());
        Self { what, against, unit, ours, theirs, ratio, better, to_reach, reached }
    }

    /// A row without a rival: the figure itself is what is to be reached.
    fn alone(what: String, unit: &str, ours: Vec<f64>, reach: (Better, &str, f64)) -> Self {
        Self::new(what, "itself".to_owned(), unit, (ours, Vec::new()), reach)
    }

    /// A count that has to be whole in every run.
    fn whole(what: String, counts: Vec<f64>, all: f64) -> Self {
        let reached = counts.iter().all(|count| *count >= all);
        let to_reach = format!("{all} in every run");
        Self { reached, ..Self::alone(what, "", counts, (Better::Higher, &to_reach, all)) }
    }
}

/// The rows so far. Measuring takes long, so each is told and kept as soon as it is there.
struct Report<'a> {
    rows: Vec<Row>,
    output: Option<&'a Path>,
    console: Console,
}

impl Report<'_> {
    fn add(&mut self, row: Row) -> Result<(), Failure> {
        let Row { what, against, unit, ours, theirs, .. } = &row;
        self.console.say(&format!("{what}: {ours:?} {unit}; {against}: {theirs:?}"));
        self.rows.push(row);
        let Some(path) = self.output else { return Ok(()) };
        let text = serde_json::to_string_pretty(&self.rows).expect("rows are plain data");
        std::fs::write(path, text)
            .map_err(|cause| Failure::Input(format!("cannot write {}: {cause}", path.display())))
    }

    fn say(&self, line: &str) {
        self.console.say(line);
    }
}

/// Measures, and prints what was measured.
pub async fn run(args: Bench) -> Result<(), Failure> {
    let console = Console::new();
    let jobs = args.jobs.map_or_else(processors, usize::from);
    let runs = args.runs.max(1);
    let output = args.output.as_deref();
    let mut report = Report { rows: Vec::new(), output, console: console.clone() };
    for path in &args.rows {
        for row in read_rows(path)? {
            report.add(row)?;
        }
    }
    if args.agents > 0 {
        let (sized, report) = ((args.agents, jobs, runs), &mut report);
        let work = |sandbox| async move { docker_run::rows(sandbox, sized, report).await };
        with_sandbox(&args.options, &console, work).await?;
    }
    match &args.suite {
        Some(suite) => evalplus::rows(suite, &args.peers, jobs, runs, &mut report).await?,
        None => console.say(
            "--suite evalplus:FILE names the data for the rows of HumanEval+; they are left out",
        ),
    }
    if args.large_agents > 0 {
        large_round::rows(args.large_agents, jobs, runs, &mut report).await?;
    }
    if args.demo {
        whole::demo(runs, &mut report).await?;
    }
    let rows = report.rows;
    if args.json { print_json(&rows) } else { print(&table(&rows)) }
}

fn read_rows(path: &PathBuf) -> Result<Vec<Row>, Failure> {
    let wrong = |what: String| {
        Failure::Input(format!("{} holds no rows of a benchmark: {what}", path.display()))
    };
    let bytes = std::fs::read(path).map_err(|cause| wrong(cause.to_string()))?;
    serde_json::from_slice(&bytes).map_err(|error| wrong(error.to_string()))
}

fn table(rows: &[Row]) -> String {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    table.set_header(["what", "against", "ours", "theirs", "ratio", "to reach", ""]);
    for column in 2..5 {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let figure = |figures: &[f64], unit: &str| match median(figures) {
        none if none.is_nan() => String::new(),
        large if large >= 100.0 => format!("{large:.0} {unit}"),
        small => format!("{small:.2} {unit}"),
    };
    for row in rows {
        table.add_row([
            row.what.clone(),
            row.against.clone(),
            figure(&row.ours, &row.unit),
            figure(&row.theirs, &row.unit),
            row.ratio.map(|ratio| format!("{ratio:.3}")).unwrap_or_default(),
            row.to_reach.clone(),
            if row.reached { "reached" } else { "NOT reached" }.to_owned(),
        ]);
    }
    format!("{table}\n\nMedians; ratio is ours / theirs.\n")
}

/// A count as a figure.
fn number(count: impl TryInto<u32>) -> f64 {
    count.try_into().map_or(f64::INFINITY, f64::from)
}

fn median(figures: &[f64]) -> f64 {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => f64::NAN,
        count if count % 2 == 0 => f64::midpoint(sorted[middle - 1], sorted[middle]),
        _ => sorted[middle],
    }
}

/// The running program, to be measured as a whole from outside.
fn myself() -> Result<PathBuf, Failure> {
    std::env::current_exe()
        .map_err(|cause| Failure::Input(format!("cannot find the running program: {cause}")))
}

/// A peer that is missing or does not do what it is measured for.
fn peer(what: &str, cause: impl std::fmt::Display) -> Failure {
    Failure::Input(format!("cannot measure beside {what}: {cause}"))
}

/// A folder of the benchmark's own.
fn scratch(parent: &Path, name: &str) -> Result<PathBuf, Failure> {
    let folder = parent.join(name);
    std::fs::create_dir_all(&folder)
        .map_err(|cause| Failure::Input(format!("cannot create {}: {cause}", folder.display())))?;
    Ok(folder)
}
