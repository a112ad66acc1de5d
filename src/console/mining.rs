//! What a mining run shows: one live line for all requests under way, and a printed line for each task.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use harness::round::check::CheckOutcome;
use miner::mine::answers::KeptAnswer;
use miner::mine::event::MiningEvent;
use miner::model::source::{ModelProgress, TokenUsage};
use tasks::{TaskId, Verdict};

use super::Console;
use crate::output::text::counted;

/// Shows the progress of a mining run.
pub struct MiningConsole {
    console: Console,
    /// Number of tasks of the run.
    tasks: usize,
    live: Mutex<LiveLine>,
}

/// What the live line shows.
struct LiveLine {
    since: Instant,
    /// The requests under way.
    requests: BTreeMap<TaskId, LiveRequest>,
    /// Number of tasks that are asked about.
    asked: usize,
    /// Number of these that are finished.
    finished: usize,
    passing: usize,
    spent: TokenUsage,
    /// Why the source has no answer, for each such task.
    skipped: Vec<String>,
}

struct LiveRequest {
    attempt: u32,
    received_bytes: usize,
}

impl LiveLine {
    fn new() -> Self {
        Self {
            since: Instant::now(),
            requests: BTreeMap::new(),
            asked: 0,
            finished: 0,
            passing: 0,
            spent: TokenUsage::default(),
            skipped: Vec::new(),
        }
    }

    fn finish(&mut self, task: &TaskId) {
        self.requests.remove(task);
        self.finished += 1;
    }

    fn text(&self) -> String {
        let bytes: usize = self.requests.values().map(|request| request.received_bytes).sum();
        let requests = match self.requests.first_key_value() {
            Some((task, request)) if self.requests.len() == 1 => {
                format!("{task}, attempt {}: {bytes} bytes; ", request.attempt)
            }
            Some(_) => format!("{} requests: {bytes} bytes; ", self.requests.len()),
            None => String::new(),
        };
        let Self { asked, finished, passing, spent, .. } = self;
        let left = self.time_left(self.since.elapsed()).map_or(String::new(), |left| {
            let seconds = left.as_secs();
            match seconds / 60 {
                0 => format!(", about {seconds} s left"),
                minutes => format!(", about {minutes} min left"),
            }
        });
        format!("{requests}{finished} of {asked} tasks, {passing} pass, {spent}{left}")
    }

    /// The estimated time until all tasks are finished, as soon as one is. Requests under way count as half done.
    fn time_left(&self, elapsed: Duration) -> Option<Duration> {
        let halves = |count: usize| u32::try_from(count).ok();
        let done = halves(2 * self.finished + self.requests.len())?;
        let all = halves(2 * self.asked)?;
        (self.finished > 0).then(|| elapsed * all.saturating_sub(done) / done)
    }
}

impl MiningConsole {
    /// A console for a run over this many tasks.
    pub fn new(console: Console, tasks: usize) -> Self {
        Self { console, tasks, live: Mutex::new(LiveLine::new()) }
    }

    /// The console below it, for messages and trials.
    pub fn console(&self) -> &Console {
        &self.console
    }

    /// Shows an event. `passing` is the number of tasks that have a passing answer.
    pub fn event(&self, event: MiningEvent, passing: usize) {
        match event {
            MiningEvent::Started { tasks } => self.update(|live| live.asked = tasks),
            MiningEvent::Asking { task, attempt, .. } => self.update(|live| {
                live.requests.insert(task, LiveRequest { attempt, received_bytes: 0 });
            }),
            MiningEvent::Progress { task, progress: ModelProgress::Received { bytes } } => {
                self.update(|live| {
                    if let Some(request) = live.requests.get_mut(&task) {
                        request.received_bytes = bytes;
                    }
                });
            }
            MiningEvent::Progress {
                task,
                progress: ModelProgress::Retrying { reason, wait_ms },
            } => {
                let (seconds, tenths) = (wait_ms / 1000, wait_ms % 1000 / 100);
                self.print_line(&format!("  {task}: {reason}; retrying in {seconds}.{tenths} s"));
            }
            MiningEvent::Exchanged(exchange) => {
                self.update(|live| live.requests.remove(&exchange.task));
                if let Some(failed) = &exchange.failed {
                    let (task, attempt) = (&exchange.task, exchange.attempt);
                    self.print_line(&format!("  {task}, attempt {attempt}: {failed}"));
                }
            }
            MiningEvent::Spent(spent) => self.update(|live| live.spent = spent),
            MiningEvent::Done { task, best } => {
                self.update(|live| live.finish(&task));
                self.done(&task, best);
            }
            MiningEvent::Skipped { task, reason } => self.update(|live| {
                live.finish(&task);
                live.skipped.push(reason);
            }),
            MiningEvent::Left { task, reason } => {
                self.update(|live| live.finish(&task));
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
            live.text()
        });
        self.console.show_line(&line);
    }

    fn done(&self, task: &TaskId, best: Option<KeptAnswer>) {
        match best {
            Some(KeptAnswer { score: Some(score), attempt, .. }) => {
                let (passed, total) = (score.passed, score.total);
                let run = self
                    .update(|live| format!("{} of {}, {}", live.finished, live.asked, live.spent));
                self.print_line(&format!(
                    "{task}: {passed} of {total} cases, attempt {attempt} ({run})"
                ));
            }
            Some(KeptAnswer { score: None, .. }) => {}
            None => self.print_line(&format!("{task}: no usable answer")),
        }
    }

    /// Removes the live line, and prints how many tasks the source has no answer to.
    pub fn finish(&self) {
        self.console.finish();
        let skipped = self.update(|live| std::mem::take(&mut live.skipped));
        if let Some(first) = skipped.first() {
            self.print_line(&format!("{} skipped: {first}", counted(skipped.len(), "task")));
        }
    }

    /// Prints the result of checking the whole agent.
    pub fn checked(&self, checked: &CheckOutcome) {
        self.console.finish();
        let verdicts = checked.trials.iter().map(|trial| trial.record.verdict);
        let accepted = verdicts.filter(|verdict| *verdict == Verdict::Accepted).count();
        let of = checked.trials.len();
        let score = checked.score.map_or_else(
            || format!("not judged, because of {}", counted(checked.faults.len(), "fault")),
            |score| format!("score {score:.2}"),
        );
        let rest = match self.tasks.saturating_sub(of) {
            0 => String::new(),
            count => format!("; no answer to {}", counted(count, "task")),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_shows_all_requests_and_the_time_left() {
        let mut live = LiveLine::new();
        live.asked = 10;
        let id = |task: &str| task.parse::<TaskId>().unwrap();
        for task in ["a", "b", "c", "d"] {
            live.requests.insert(id(task), LiveRequest { attempt: 2, received_bytes: 50 });
        }
        assert_eq!(live.text(), "4 requests: 200 bytes; 0 of 10 tasks, 0 pass, 0 tokens");
        let minute = Duration::from_mins(1);
        assert_eq!(live.time_left(minute), None);
        live.finish(&id("a"));
        live.finish(&id("b"));
        // Two of ten are done and two are half done.
        assert_eq!(live.time_left(minute), Some(Duration::from_secs(140)));
        live.finish(&id("c"));
        assert!(
            live.text().starts_with("d, attempt 2: 50 bytes; 3 of 10 tasks"),
            "{}",
            live.text()
        );
    }
}
