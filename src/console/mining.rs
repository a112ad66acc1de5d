//! What a mining run shows: a live line for the request under way, and a printed line for each task.

use std::sync::{Mutex, PoisonError};

use harness::round::check::CheckOutcome;
use miner::mine::answers::KeptAnswer;
use miner::mine::event::MiningEvent;
use miner::model::source::{ModelProgress, TokenUsage};
use tasks::Verdict;

use super::Console;

/// Shows the progress of a mining run.
pub struct MiningConsole {
    console: Console,
    /// Number of tasks of the run.
    tasks: usize,
    live: Mutex<LiveLine>,
}

/// What the live line shows.
#[derive(Default)]
struct LiveLine {
    request: String,
    received_bytes: usize,
    passing: usize,
    spent: TokenUsage,
}

impl MiningConsole {
    /// A console for a run over this many tasks.
    pub fn new(console: Console, tasks: usize) -> Self {
        Self { console, tasks, live: Mutex::default() }
    }

    /// The console below it, for messages and trials.
    pub fn console(&self) -> &Console {
        &self.console
    }

    /// What the run has used so far.
    pub fn spent(&self) -> TokenUsage {
        self.update(|live| live.spent)
    }

    /// Shows an event. `passing` is the number of tasks that have a passing answer.
    pub fn event(&self, event: MiningEvent, passing: usize) {
        match event {
            MiningEvent::Asking { task, place, attempt } => self.update(|live| {
                live.request = format!("{task} ({place} of {}), attempt {attempt}", self.tasks);
                live.received_bytes = 0;
            }),
            MiningEvent::Progress(ModelProgress::Received { bytes }) => {
                self.update(|live| live.received_bytes = bytes);
            }
            MiningEvent::Progress(ModelProgress::Retrying { reason, wait_ms }) => {
                let (seconds, tenths) = (wait_ms / 1000, wait_ms % 1000 / 100);
                self.print_line(&format!("  {reason}; retrying in {seconds}.{tenths} s"));
            }
            MiningEvent::Exchanged(exchange) => {
                if let Some(failed) = &exchange.failed {
                    self.print_line(&format!(
                        "  {}, attempt {}: {failed}",
                        exchange.task, exchange.attempt
                    ));
                }
            }
            MiningEvent::Done { best: Some(KeptAnswer { score: None, .. }), .. }
            | MiningEvent::Skipped { .. } => {}
            MiningEvent::Spent(spent) => self.update(|live| live.spent = spent),
            MiningEvent::Done {
                task,
                best: Some(KeptAnswer { score: Some(score), attempt, .. }),
            } => {
                let (passed, total) = (score.passed, score.total);
                let spent = self.spent();
                self.print_line(&format!(
                    "{task}: {passed} of {total} cases, attempt {attempt} ({spent})"
                ));
            }
            MiningEvent::Done { task, best: None } => {
                self.print_line(&format!("{task}: no usable answer"));
            }
            MiningEvent::Left { task, reason } => {
                self.print_line(&format!("{task}: skipped: {reason}"));
            }
            MiningEvent::EarlierAnswersMoved { path } => {
                self.print_line(&format!("answers of an earlier run: moved to {}", path.display()));
            }
            MiningEvent::StoppedEarly { reason } => {
                self.print_line(&format!("stopped early: {reason}"));
            }
            // From here on the trials have the bar.
            MiningEvent::TryingAgent { .. } => {
                return self.console.finish();
            }
        }
        let line = self.update(|live| {
            live.passing = passing;
            let LiveLine { request, received_bytes, passing, spent } = live;
            format!("{request}: {received_bytes} bytes; {passing} tasks pass, {spent}")
        });
        self.console.show_line(&line);
    }

    /// Prints the result of checking the whole agent.
    pub fn checked(&self, checked: &CheckOutcome) {
        self.console.finish();
        let verdicts = checked.trials.iter().map(|trial| trial.record.verdict);
        let accepted = verdicts.filter(|verdict| *verdict == Verdict::Accepted).count();
        let of = checked.trials.len();
        let score = checked.score.map_or_else(
            || format!("not judged, because of {} faults", checked.faults.len()),
            |score| format!("score {score:.2}"),
        );
        let rest = match self.tasks.saturating_sub(of) {
            0 => String::new(),
            count => format!("; {count} tasks have no answer"),
        };
        self.print_line(&format!("checked: {accepted} of {of} tasks pass, {score}{rest}"));
    }

    fn print_line(&self, line: &str) {
        self.console.print_line(line);
    }

    fn update<T>(&self, change: impl FnOnce(&mut LiveLine) -> T) -> T {
        change(&mut self.live.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
