//! All that `miner` shows. What is for people goes to stderr; stdout carries results and, with `--json`, one
//! document and nothing else. Nothing that a platform or a model said can move the cursor.

use std::io::{IsTerminal as _, Write as _};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use harness::round::check::CheckOutcome;
use harness::round::events::RoundListener;
use harness::sandbox::ImageEvent;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use miner::answers::Best;
use miner::mine::{Event, Exchange};
use miner::source::{Progress, Usage};
use platform::api::Receipt;
use tasks::Verdict;

use crate::commands::Failure;

/// How often the live line is drawn again.
const TICK: Duration = Duration::from_millis(200);

/// Shows what happens.
pub struct Console {
    /// Shows trials and images.
    harness: harness::console::Console,
    /// One line that tells what the model is doing, on a terminal only.
    live: ProgressBar,
    tasks: usize,
    state: Mutex<State>,
}

/// What the live line tells.
#[derive(Default)]
struct State {
    asking: String,
    received: usize,
    passing: usize,
    spent: Usage,
}

impl Console {
    /// A console on stderr.
    pub fn new() -> Self {
        Self::for_tasks(0)
    }

    /// A console for a run over so many tasks.
    pub fn for_tasks(tasks: usize) -> Self {
        let live = if std::io::stderr().is_terminal() {
            ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr())
        } else {
            ProgressBar::hidden()
        };
        let style =
            ProgressStyle::with_template("{spinner} {wide_msg}").expect("the template is right");
        live.set_style(style);
        let harness = harness::console::Console::new();
        Self { harness, live, tasks, state: Mutex::default() }
    }

    /// Says one line, above whatever bar is shown.
    pub fn say(&self, line: &str) {
        self.live.suspend(|| say(line));
    }

    /// Shows the progress of getting an image.
    pub fn image_event(&self, event: ImageEvent) {
        self.harness.image_event(event);
    }

    /// A listener that shows trials.
    pub fn listener(&self) -> RoundListener {
        self.harness.listener()
    }

    /// Takes all bars away.
    pub fn finish(&self) {
        self.live.finish_and_clear();
        self.harness.finish();
    }

    /// What was used up so far.
    pub fn spent(&self) -> Usage {
        self.state(|state| state.spent)
    }

    /// Shows what happens in the loop. `passing` tasks have an answer that passes.
    pub fn mine_event(&self, event: Event, passing: usize) {
        match event {
            Event::Asking { task, place, attempt } => self.state(|state| {
                state.asking = format!("{task} ({place} of {}), attempt {attempt}", self.tasks);
                state.received = 0;
                self.live.enable_steady_tick(TICK);
            }),
            Event::Progress(Progress::Received { bytes }) => self.state(|s| s.received = bytes),
            Event::Progress(Progress::Retrying { reason, wait_ms }) => {
                self.say(&format!("  {reason}; trying again in {:.1} s", seconds(wait_ms)));
            }
            Event::Exchanged(exchange) => self.exchanged(&exchange),
            Event::Done { best: Some(Best { score: None, .. }), .. } | Event::Skipped { .. } => {}
            Event::Spent(spent) => self.state(|state| state.spent = spent),
            Event::Done { task, best: Some(Best { score: Some(score), attempt, .. }) } => {
                let (passed, total) = (score.passed, score.total);
                let spent = self.spent();
                self.say(&format!(
                    "{task}: {passed} of {total} cases, attempt {attempt} ({spent})"
                ));
            }
            Event::Done { task, best: None } => self.say(&format!("{task}: no usable answer")),
            Event::Left { task, why } => self.say(&format!("{task}: left: {why}")),
        }
        self.state(|state| state.passing = passing);
        self.draw();
    }

    fn exchanged(&self, exchange: &Exchange) {
        if let Some(failed) = &exchange.failed {
            self.say(&format!("  {}, attempt {}: {failed}", exchange.task, exchange.attempt));
        }
    }

    fn draw(&self) {
        let line = self.state(|State { asking, received, passing, spent }| {
            format!("{asking}: {received} bytes; {passing} tasks pass, {spent}")
        });
        self.live.set_message(plain(&line));
    }

    fn state<T>(&self, use_it: impl FnOnce(&mut State) -> T) -> T {
        use_it(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Says what came of trying the whole agent.
    pub fn tried(&self, checked: &CheckOutcome) {
        self.finish();
        let verdicts = checked.trials.iter().map(|trial| trial.record.verdict);
        let accepted = verdicts.filter(|verdict| *verdict == Verdict::Accepted).count();
        let (of, score) = (checked.trials.len(), checked.score);
        let unanswered = self.tasks.saturating_sub(of);
        let rest = match unanswered {
            0 => String::new(),
            count => format!("; {count} tasks have no answer"),
        };
        self.say(&format!("tried: {accepted} of {of} tasks pass, score {score:.2}{rest}"));
    }
}

/// Says one line.
pub fn say(line: &str) {
    let _ = writeln!(anstream::stderr(), "{}", plain(line));
}

/// Says why the program ends.
pub fn complain(sentence: &str) {
    let lines: Vec<_> = sentence.split('\n').map(plain).collect();
    let _ = writeln!(anstream::stderr(), "miner: {}", lines.join("\n"));
}

/// Says what was uploaded.
pub fn uploaded(receipt: &Receipt) {
    let Receipt { miner_id, version, sha256, unchanged, .. } = receipt;
    let how = if *unchanged { "is there already:" } else { "uploaded as" };
    say(&format!("{miner_id} {how} version {version}, sha256 {}", sha256.short()));
}

/// Prints one JSON document.
pub fn document(document: &impl serde::Serialize) -> Result<(), Failure> {
    let json = serde_json::to_string_pretty(document).expect("documents are plain data");
    text(&format!("{json}\n"))
}

/// Prints a text.
pub fn text(text: &str) -> Result<(), Failure> {
    let written = anstream::stdout().write_all(text.as_bytes());
    written.map_err(|cause| Failure::Fault(format!("cannot write to standard output: {cause}")))
}

/// A line without anything that moves the cursor.
fn plain(line: &str) -> String {
    line.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

#[allow(clippy::cast_precision_loss, reason = "nobody waits for that many milliseconds")]
fn seconds(ms: u64) -> f64 {
    ms as f64 / 1000.0
}
