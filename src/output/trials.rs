//! Trials of an agent or of many.

use std::collections::HashMap;
use std::fmt::Write as _;

use harness::scoring::report::score as number;
use harness::trial::ending::limits_behind;
use platform::api::{DisclosedTrial, FaultRecord, TaskScore, trial_name};
use tasks::{Limits, TaskId};

use super::sheet::Sheet;
use super::text::{painted, without_controls, wrapped};

/// From how many tasks on those that failed alike are shown together.
const ALIKE: usize = 3;
/// How many kinds of failure of a task are shown.
const KINDS: usize = 5;

/// A trial, in the form in which all formats take it.
pub struct TrialRow {
    /// The agent
    pub agent: String,
    /// The task
    pub task: String,
    /// How it ended
    pub outcome: RowOutcome,
}

/// How a trial ended.
pub enum RowOutcome {
    /// With a verdict
    Judged {
        /// The verdict and the score
        score: TaskScore,
        /// Wall-clock time in milliseconds
        wall_ms: u64,
        /// CPU time in milliseconds
        cpu_ms: u64,
        /// Largest memory in bytes
        memory: u64,
        /// What failed, as plain text
        failure: String,
    },
    /// With a fault, which is never a score
    NotJudged(String),
}

/// How much of trials is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TrialsView {
    /// Tasks that failed alike together
    #[default]
    Grouped,
    /// The same without the tasks that passed
    Failed,
    /// Every task by itself, with all kinds of failure
    Verbose,
}

impl TrialRow {
    /// A trial that has a verdict.
    pub fn judged(trial: &DisclosedTrial) -> Self {
        let record = &trial.record;
        Self {
            agent: trial.miner_id.to_string(),
            task: record.name(),
            outcome: RowOutcome::Judged {
                score: record.score(),
                wall_ms: record.wall_ms,
                cpu_ms: record.cpu_ms,
                memory: record.peak_memory_bytes,
                failure: if record.verdict.is_wrong() { record.failure() } else { String::new() },
            },
        }
    }

    /// A trial that ended in a fault.
    pub fn fault(fault: &FaultRecord) -> Self {
        Self {
            agent: fault.miner_id.to_string(),
            task: trial_name(&fault.task, fault.repetition),
            outcome: RowOutcome::NotJudged(fault.fault.clone()),
        }
    }
}

/// Trials as a table, a row for each.
pub fn sheet(rows: &[TrialRow]) -> Sheet {
    let mut sheet = Sheet::new([
        "agent",
        "task",
        "verdict",
        "#score",
        "#passed",
        "#cases",
        "#CPU ms",
        "#memory bytes",
        "detail",
    ]);
    for TrialRow { agent, task, outcome } in rows {
        let cells = match outcome {
            RowOutcome::Judged { score, cpu_ms, memory, failure, .. } => [
                score.verdict.to_string(),
                number(score.score),
                score.passed.to_string(),
                score.total.to_string(),
                cpu_ms.to_string(),
                memory.to_string(),
                failure.lines().nth(1).unwrap_or_default().trim().to_owned(),
            ],
            RowOutcome::NotJudged(fault) => {
                let mut cells: [String; 7] = Default::default();
                cells[6] = format!("not judged: {fault}");
                cells
            }
        };
        sheet.push([agent.clone(), task.clone()].into_iter().chain(cells));
    }
    sheet
}

/// The limits of tasks, by task.
pub type TaskLimits = HashMap<TaskId, Limits>;

/// The trials of one agent as text: a table, and what failed.
pub fn text(trials: &[DisclosedTrial], limits: &TaskLimits, view: TrialsView) -> String {
    let (mut shown, mut groups): (Vec<&DisclosedTrial>, Vec<Group<'_>>) = (Vec::new(), Vec::new());
    for trial in trials {
        let group = Group::of(trial).filter(|_| view != TrialsView::Verbose);
        match group {
            None if view == TrialsView::Failed && !trial.record.verdict.is_wrong() => {}
            None => shown.push(trial),
            Some(group) => match groups.iter_mut().find(|known| known.is_like(&group)) {
                Some(known) => known.trials.push(trial),
                None => groups.push(group),
            },
        }
    }
    let is_small = |group: &Group<'_>| group.trials.len() < ALIKE;
    let (small, groups): (Vec<_>, Vec<_>) = groups.into_iter().partition(is_small);
    shown.extend(small.into_iter().flat_map(|group| group.trials));
    shown.sort_by_key(|trial| trials.iter().position(|known| std::ptr::eq(known, *trial)));
    let mut text = table(&shown);
    for group in &groups {
        let _ = write!(text, "\n{}", group.text());
    }
    for trial in shown.iter().filter(|trial| trial.record.verdict.is_wrong()) {
        let _ = write!(text, "\n{}:\n{}", trial.record.task, failure(trial, limits, view));
    }
    text
}

fn table(trials: &[&DisclosedTrial]) -> String {
    let mut sheet = Sheet::new(["task", "verdict", "#score", "#cases", "#CPU ms", "#MiB"]);
    for DisclosedTrial { record, .. } in trials {
        sheet.push([
            record.task.to_string(),
            record.verdict.to_string(),
            number(record.score),
            format!("{} of {}", record.passed, record.total),
            record.cpu_ms.to_string(),
            (record.peak_memory_bytes >> 20).to_string(),
        ]);
    }
    if sheet.is_empty() { String::new() } else { sheet.text() }
}

/// What failed in a trial, indented.
fn failure(trial: &DisclosedTrial, limits: &TaskLimits, view: TrialsView) -> String {
    let mut text = String::new();
    let record = &trial.record;
    let failed = record.failed_cases();
    // A limit that only hidden cases exceeded stands in no case's explanation.
    let code = record.verdict.code();
    if !failed.iter().any(|case| case.verdict == code)
        && let Some(limits) = limits.get(&record.task)
        && let Some(limits) = limits_behind(record.verdict, limits)
    {
        let _ = writeln!(text, "  {} in hidden calls: the limit is {limits}", painted(code));
    }
    let most = if view == TrialsView::Verbose { usize::MAX } else { KINDS };
    for case in failed.iter().take(most) {
        let (names, verdict) = (case.names(), painted(case.verdict));
        let _ = match case.detail.as_str() {
            "" => writeln!(text, "  {verdict}: {names}"),
            detail => writeln!(text, "  {verdict} {names}: {}", without_controls(detail)),
        };
    }
    if failed.len() > most {
        let _ = writeln!(text, "  {} more kinds of failure", failed.len() - most);
    }
    text + &stderr(trial)
}

/// The end of what the agent wrote to stderr, indented.
pub fn stderr(trial: &DisclosedTrial) -> String {
    let mut text = String::new();
    for (index, line) in trial.record.stderr_tail().iter().enumerate() {
        let head = if index == 0 { "  stderr ends:\n" } else { "" };
        let _ = writeln!(text, "{head}    {}", without_controls(line));
    }
    text
}

/// Trials of which all cases failed for the same reason.
struct Group<'a> {
    verdict: &'static str,
    detail: String,
    trials: Vec<&'a DisclosedTrial>,
}

impl<'a> Group<'a> {
    /// The group of a trial, unless its cases did not end alike.
    fn of(trial: &'a DisclosedTrial) -> Option<Self> {
        let [failed] = &trial.record.failed_cases()[..] else { return None };
        let all = failed.count == trial.record.cases.len();
        let (verdict, detail) = (failed.verdict, failed.detail.clone());
        all.then(|| Self { verdict, detail, trials: vec![trial] })
    }

    fn is_like(&self, other: &Self) -> bool {
        let stderr = |group: &Self| group.trials[0].record.stderr_tail();
        (self.verdict, &self.detail) == (other.verdict, &other.detail)
            && stderr(self) == stderr(other)
    }

    fn text(&self) -> String {
        let names: Vec<_> = self.trials.iter().map(|t| t.record.task.to_string()).collect();
        let (count, detail) = (names.len(), without_controls(&self.detail));
        format!(
            "{count} tasks: {}, {detail}\n{}{}",
            painted(self.verdict),
            wrapped(&names.join(", ")),
            stderr(self.trials[0])
        )
    }
}
