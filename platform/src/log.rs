//! Messages to the operator while a program keeps running.
//!
//! `eprintln!` panics when stderr cannot be written, for example on a full disk or into a closed pipe.
//! A lost message must not fail a request.

use std::fmt::Display;
use std::io::Write as _;
use std::sync::OnceLock;

/// Where messages go in place of stderr.
type Sink = Box<dyn Fn(String) + Send + Sync>;

static SINK: OnceLock<Sink> = OnceLock::new();

/// Sends all further messages of this process to `sink`, such as the log of a server. Only the first call counts.
pub fn redirect(sink: impl Fn(String) + Send + Sync + 'static) {
    let _ = SINK.set(Box::new(sink));
}

/// Writes one line to stderr, or to where messages are redirected, and ignores a failure to do so.
pub fn log_line(message: impl Display) {
    match SINK.get() {
        Some(sink) => sink(message.to_string()),
        None => {
            let _ = writeln!(std::io::stderr(), "{message}");
        }
    }
}
