//! All that `miner` shows. What is for people goes to stderr; stdout carries results and, with `--json`, one
//! document and nothing else. Nothing that a platform or a model said can move the cursor.

use std::io::Write as _;

use harness::check::Checked;
use harness::round::Listener;
use harness::sandbox::ImageEvent;
use miner::mine::{Best, Event};
use miner::source::Progress;
use platform::store::Receipt;
use tasks::Verdict;

use crate::commands::Failure;

/// Shows what happens.
pub struct Console {
    harness: harness::console::Console,
}

impl Console {
    /// A console on stderr.
    pub fn new() -> Self {
        Self { harness: harness::console::Console::new() }
    }

    /// Says one line, above whatever bar is shown.
    pub fn say(&self, line: &str) {
        self.harness.say(&plain(line));
    }

    /// Shows the progress of getting an image.
    pub fn image_event(&self, event: ImageEvent) {
        self.harness.image_event(event);
    }

    /// A listener that shows trials.
    pub fn listener(&self) -> Listener {
        self.harness.listener()
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        self.harness.finish();
    }

    /// Shows what happens in the loop.
    pub fn mine_event(&self, event: Event) {
        match event {
            Event::Asking { .. }
            | Event::Progress(Progress::Received { .. })
            | Event::Done { best: Some(Best { score: None, .. }), .. } => {}
            Event::Progress(Progress::Retrying { reason, wait_ms }) => {
                self.say(&format!("  {reason}; trying again in {:.1} s", seconds(wait_ms)));
            }
            Event::Failed { task, attempt, why } => {
                self.say(&format!("  {task}, attempt {attempt}: {why}"));
            }
            Event::Done { task, best: Some(Best { score: Some(score), attempts, .. }) } => {
                let (passed, total) = (score.passed, score.total);
                self.say(&format!(
                    "{task}: {passed} of {total} cases, attempt {attempts} is the best"
                ));
            }
            Event::Done { task, best: None } => self.say(&format!("{task}: no usable answer")),
            Event::NoAnswer { task, why } => self.say(&format!("{task}: not answered: {why}")),
        }
    }

    /// Says what came of trying the whole agent.
    pub fn tried(&self, checked: &Checked) {
        self.finish();
        let verdicts = checked.trials.iter().map(|trial| trial.result.verdict);
        let accepted = verdicts.filter(|verdict| *verdict == Verdict::Accepted).count();
        let (of, score) = (checked.trials.len(), checked.score);
        self.say(&format!("tried: {accepted} of {of} tasks pass, score {score:.2}"));
        for fault in &checked.faults {
            self.say(&format!("fault: {fault}"));
        }
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
    let Receipt { miner_id, version, sha256, .. } = receipt;
    say(&format!("uploaded {miner_id}, version {version}, sha256 {}", sha256.short()));
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
