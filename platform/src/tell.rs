//! What the operator is told while a program goes on with its work.
//!
//! `eprintln!` panics when stderr cannot be written, as on a full disk or into a pipe that nobody reads
//! any more. Words that are lost are no reason for a request to fail as well.

use std::fmt::Display;
use std::io::Write as _;

/// Writes one line to stderr, if it can be written.
pub fn tell(message: impl Display) {
    let _ = writeln!(std::io::stderr(), "{message}");
}
