//! Messages to the operator while a program keeps running.
//!
//! `eprintln!` panics when stderr cannot be written, for example on a full disk or into a closed pipe.
//! A lost message must not fail a request.

use std::fmt::Display;
use std::io::Write as _;

/// Writes one line to stderr and ignores a failure to do so.
pub fn log_line(message: impl Display) {
    let _ = writeln!(std::io::stderr(), "{message}");
}
