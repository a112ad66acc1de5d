//! All that the harness shows on a terminal: progress while it works, and messages. People's text goes to
//! stderr, so that stdout carries results only; bars appear on a terminal only.

use std::io::{IsTerminal as _, Write as _};
use std::sync::Arc;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::benchmark::samples;
use crate::round::events::{RoundEvent, RoundListener};
use crate::sandbox::{Image, ImageEvent, ImageOrigin};

/// How often a spinner turns.
const TICK: Duration = Duration::from_millis(120);

/// Shows what happens.
#[derive(Clone)]
pub struct Console {
    bar: ProgressBar,
}

impl Default for Console {
    fn default() -> Self {
        Self::new()
    }
}

impl Console {
    /// A console on stderr.
    pub fn new() -> Self {
        let target = if std::io::stderr().is_terminal() {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        Self { bar: ProgressBar::with_draw_target(None, target) }
    }

    /// Says one line, above whatever bar is shown.
    pub fn say(&self, line: &str) {
        self.bar.suspend(|| {
            let _ = writeln!(anstream::stderr(), "{line}");
        });
    }

    /// Shows the progress of getting an image.
    pub fn image_event(&self, event: ImageEvent) {
        match event {
            ImageEvent::Pulling(reference) => {
                self.spin(format!("pulling {reference}"));
            }
            ImageEvent::Pulled(bytes, of) => {
                self.bar.set_message(format!("pulling: {} of {} MiB", bytes >> 20, of >> 20));
            }
            ImageEvent::PullFailed(reference, reason) => {
                self.say(&format!("cannot pull {reference}: {reason}"));
            }
            ImageEvent::Building(reference) => {
                self.say(&format!("building {reference} from Debian bookworm packages instead"));
                self.spin(String::new());
            }
            ImageEvent::BuildStep(step) => {
                if self.bar.is_hidden() {
                    self.say(&format!("  {step}"));
                } else {
                    self.bar.set_message(step);
                }
            }
        }
    }

    /// Says which image is used, and how it came to be there.
    pub fn image(&self, image: &Image) {
        self.bar.reset();
        self.bar.set_message("");
        let how = match image.origin {
            ImageOrigin::Present => "present",
            ImageOrigin::Pulled => "pulled",
            ImageOrigin::Built => "built from Debian bookworm packages",
        };
        self.say(&format!("image: {} ({how}), {}", image.reference, image.id));
    }

    /// A listener that shows a round's events: a bar, and a line for what must not be overlooked.
    pub fn listener(&self) -> RoundListener {
        let console = self.clone();
        Arc::new(move |event| console.round_event(&event))
    }

    fn round_event(&self, event: &RoundEvent) {
        match event {
            RoundEvent::Started { trials } => {
                self.count(*trials, "trials");
            }
            RoundEvent::Finished { miner_id, task, score, .. } => {
                self.bar.set_message(format!("{miner_id} on {task}: {}", score.verdict));
                self.bar.inc(1);
            }
            RoundEvent::Retrying { miner_id, task, fault } => {
                self.say(&format!("trying {miner_id} on {task} again: {fault}"));
            }
            RoundEvent::Faulted { miner_id, task, fault } => {
                self.bar.inc(1);
                self.say(&format!("fault: {miner_id} on {task} could not be run: {fault}"));
            }
            RoundEvent::UnsoundTask { task, reason } => {
                self.say(&format!("{task} must not enter a round: {reason}"));
            }
            RoundEvent::Warning(text) => self.say(&format!("warning: {text}")),
        }
    }

    /// Says that a canonical solution is being run.
    pub fn working_out(&self, name: &str) {
        if !self.bar.is_hidden() {
            self.spin(format!("expected values: {name}"));
        }
    }

    /// A listener that shows how many of a model's samples are judged.
    pub fn samples(&self, count: usize) -> samples::SamplesListener {
        self.count(count, "samples");
        let bar = self.bar.clone();
        Arc::new(move |judged| {
            let verdict = judged.plus.unwrap_or(judged.base);
            bar.set_message(format!("{}: {verdict}", judged.task_id));
            bar.inc(1);
        })
    }

    fn count(&self, of: usize, what: &str) {
        let style = format!("{{bar:30}} {{pos}}/{{len}} {what}  {{elapsed}}  {{msg}}");
        self.bar.set_style(ProgressStyle::with_template(&style).expect("the template is right"));
        self.bar.set_length(of as u64);
        self.bar.set_position(0);
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }

    fn spin(&self, message: String) {
        self.bar.set_style(
            ProgressStyle::with_template("{spinner} {msg}").expect("the template is right"),
        );
        self.bar.enable_steady_tick(TICK);
        self.bar.set_message(message);
    }
}
