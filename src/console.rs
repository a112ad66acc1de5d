//! Everything the command line prints: results on stdout, and progress and messages on stderr. Progress bars
//! appear on a terminal only. Text from an agent, a model or a platform cannot move the cursor.

pub mod mining;

use std::io::{ErrorKind, IsTerminal as _, Write as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use harness::benchmark::samples::SamplesListener;
use harness::round::events::{RoundEvent, RoundListener};
use harness::sandbox::{Image, ImageEvent, ImageOrigin};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::exit::{CommandError, Result};
use crate::output::text::without_controls;

/// How often a spinner turns.
const TICK: Duration = Duration::from_millis(120);

/// Prints text on stdout. A reader that closes the pipe early, such as `head`, is not an error.
pub fn print(text: &str) -> Result {
    let mut stdout = anstream::stdout();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(CommandError::Fault(format!("cannot write to stdout: {error}")))
        }
        _ => Ok(()),
    }
}

/// Prints one JSON document on stdout.
pub fn print_json(document: &impl serde::Serialize) -> Result {
    let text = serde_json::to_string_pretty(document).expect("documents are plain data");
    print(&format!("{text}\n"))
}

/// Prints one line on stderr. If stderr cannot be written to, the command goes on.
pub fn print_line(line: &str) {
    let _ = writeln!(anstream::stderr(), "{}", without_controls(line));
}

/// Prints why the program ends, in one or more lines.
pub fn print_error(message: &str) {
    let lines: Vec<_> = message.split('\n').map(without_controls).collect();
    let _ = writeln!(anstream::stderr(), "arena: {}", lines.join("\n"));
}

/// Shows progress on stderr.
#[derive(Clone)]
pub struct Console {
    bar: ProgressBar,
    plain: Arc<Mutex<PlainProgress>>,
}

/// Progress where stderr is not a terminal: a line for each tenth.
#[derive(Default)]
struct PlainProgress {
    noun: String,
    length: usize,
    position: usize,
    tenths: usize,
}

impl PlainProgress {
    /// Counts one more. Returns a line if another tenth is done.
    fn advance(&mut self) -> Option<String> {
        let Self { noun, length, position, tenths } = self;
        *position += 1;
        let done = (10 * *position).checked_div(*length).unwrap_or_default();
        if done <= *tenths {
            return None;
        }
        *tenths = done;
        let percent = 100 * *position / *length;
        Some(format!("{position} of {length} {noun} ({percent} %)"))
    }
}

impl Console {
    /// A console without a bar on the screen yet.
    pub fn new() -> Self {
        let target = if std::io::stderr().is_terminal() {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(None, target);
        Self { bar, plain: Arc::default() }
    }

    /// Prints one line above the bar.
    pub fn print_line(&self, line: &str) {
        self.bar.suspend(|| print_line(line));
    }

    /// Shows the progress of pulling or building an image.
    pub fn image_event(&self, event: ImageEvent) {
        match event {
            ImageEvent::Pulling(reference) => self.spin(&format!("pulling {reference}")),
            ImageEvent::Pulled(bytes, of) => {
                self.bar.set_message(format!("pulling: {} of {} MiB", bytes >> 20, of >> 20));
            }
            ImageEvent::PullFailed(reference, reason) => {
                self.print_line(&format!("cannot pull {reference}: {reason}"));
            }
            ImageEvent::Building(reference) => {
                self.print_line(&format!(
                    "building {reference} from Debian bookworm packages instead"
                ));
                self.spin("");
            }
            ImageEvent::BuildStep(step) => {
                if self.bar.is_hidden() {
                    self.print_line(&format!("  {step}"));
                } else {
                    self.bar.set_message(step);
                }
            }
        }
    }

    /// Prints which image is used and where it came from.
    pub fn image(&self, image: &Image) {
        self.bar.reset();
        self.bar.set_message("");
        let origin = match image.origin {
            ImageOrigin::Present => "present",
            ImageOrigin::Pulled => "pulled",
            ImageOrigin::Built => "built from Debian bookworm packages",
        };
        self.print_line(&format!("image: {} ({origin}), {}", image.reference, image.id));
    }

    /// Returns a listener that shows a round's progress, and prints a line for each problem.
    pub fn round_listener(&self) -> RoundListener {
        let console = self.clone();
        Arc::new(move |event| console.round_event(&event))
    }

    fn round_event(&self, event: &RoundEvent) {
        match event {
            RoundEvent::Started { trials } => self.count(*trials, "trials"),
            RoundEvent::Finished { miner_id, task, score, .. } => {
                self.bar.set_message(format!("{miner_id} on {task}: {}", score.verdict));
                self.advance();
            }
            RoundEvent::Retrying { miner_id, task, fault } => {
                self.print_line(&format!("retrying {miner_id} on {task}: {fault}"));
            }
            RoundEvent::Faulted { miner_id, task, fault } => {
                self.print_line(&format!("fault: {miner_id} on {task}: {fault}"));
                self.advance();
            }
            RoundEvent::UnsoundTask { task, reason } => {
                self.print_line(&format!("{task} must not enter a round: {reason}"));
            }
            RoundEvent::Skipped { miner_id, trials } => {
                self.bar.set_message(format!("{miner_id} was stopped"));
                for _ in 0..*trials {
                    self.advance();
                }
            }
            RoundEvent::Proven => {}
            RoundEvent::Warning(text) => self.print_line(&format!("warning: {text}")),
        }
    }

    /// Returns a listener that shows which canonical solution is running.
    pub fn reference_listener(&self) -> Arc<dyn Fn(&str) + Send + Sync> {
        let console = self.clone();
        Arc::new(move |name| {
            if !console.bar.is_hidden() {
                console.spin(&format!("expected values: {name}"));
            }
        })
    }

    /// Returns a listener that shows how many of `count` samples are judged.
    pub fn samples_listener(&self, count: usize) -> SamplesListener {
        self.count(count, "samples");
        let console = self.clone();
        Arc::new(move |judged| {
            let verdict = judged.plus.unwrap_or(judged.base);
            console.bar.set_message(format!("{}: {verdict}", judged.task_id));
            console.advance();
        })
    }

    /// Removes the bar from the screen.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }

    /// Shows one live line in place of the bar.
    fn show_line(&self, line: &str) {
        self.bar.set_style(template("{spinner} {wide_msg}"));
        self.bar.enable_steady_tick(TICK);
        self.bar.set_message(without_controls(line));
    }

    fn count(&self, length: usize, noun: &str) {
        self.bar.reset();
        self.bar.set_style(template(&format!(
            "{{bar:30}} {{pos}}/{{len}} {noun}  {{elapsed}}  {{msg}}"
        )));
        self.bar.set_length(length as u64);
        self.bar.set_position(0);
        let noun = noun.to_owned();
        *self.plain() = PlainProgress { noun, length, ..PlainProgress::default() };
    }

    fn advance(&self) {
        self.bar.inc(1);
        let line = self.plain().advance().filter(|_| self.bar.is_hidden());
        if let Some(line) = line {
            print_line(&line);
        }
    }

    fn plain(&self) -> MutexGuard<'_, PlainProgress> {
        self.plain.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn spin(&self, message: &str) {
        self.bar.set_style(template("{spinner} {msg}"));
        self.bar.enable_steady_tick(TICK);
        self.bar.set_message(message.to_owned());
    }
}

fn template(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("the templates of this file are valid")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_progress_has_a_line_for_each_tenth() {
        let lines = |length| {
            let mut plain = PlainProgress { length, noun: "trials".into(), ..Default::default() };
            (0..length).filter_map(|_| plain.advance()).collect::<Vec<_>>()
        };
        assert_eq!(lines(620).len(), 10);
        assert_eq!(lines(620)[1], "124 of 620 trials (20 %)");
        assert_eq!(lines(3)[1], "2 of 3 trials (66 %)");
        assert_eq!(lines(2), ["1 of 2 trials (50 %)", "2 of 2 trials (100 %)"]);
        assert_eq!(lines(0), [""; 0]);
    }
}
