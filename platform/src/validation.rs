//! An early, friendly check of a submission: is this a Python 3.11 file that can run where there is
//! only the standard library?
//!
//! It is not the security border; that is an image with nothing else in it and no network. But it
//! runs inside the server on bytes from strangers, so no input may take the process down: what could
//! overflow the parser's stack is refused before the parser sees it, and for a file that nests deep the
//! parser gets a thread with a large stack of its own.

use std::fmt;
use std::io;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

mod imports;
mod meaning;
mod nesting;
mod syntax;
mod text;

pub use crate::store::MAX_SOURCE_BYTES;

/// How many findings are told at once.
const MAX_FINDINGS: usize = 100;

/// One thing that is wrong with a submission.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Finding {
    /// The line, from 1.
    pub line: usize,
    /// The character in that line, from 1.
    pub column: usize,
    /// What is wrong, and what to do.
    pub reason: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {}", self.line, self.column, self.reason)
    }
}

/// Says everything that is wrong with a submission, from its bytes to its imports. A later step runs
/// only on what the earlier ones found in order.
pub fn validate(source: &[u8]) -> Result<(), Vec<Finding>> {
    let not_checked = |_| vec![whole_file("the file could not be checked just now: try again")];
    match findings(source).unwrap_or_else(not_checked) {
        none if none.is_empty() => Ok(()),
        findings => Err(findings),
    }
}

/// Like [`validate`], for whoever tells a file's faults from their own: an error says that the file could
/// not be checked, which is no fault of the file.
pub fn findings(source: &[u8]) -> io::Result<Vec<Finding>> {
    let (text, depth) = match parsable(source) {
        Ok(parsable) => parsable,
        Err(findings) => return Ok(findings),
    };
    let mut findings = syntax::check(text, depth)?;
    findings.sort_by_key(|finding| (finding.line, finding.column));
    findings.dedup();
    findings.truncate(MAX_FINDINGS);
    Ok(findings)
}

/// The text and how deep it nests, if it is one that the parser may see.
fn parsable(source: &[u8]) -> Result<(&str, usize), Vec<Finding>> {
    let text = text::check(source).map_err(|finding| vec![finding])?;
    text::check_coding(text)?;
    let depth = nesting::check(text).map_err(|finding| vec![finding])?;
    Ok((text, depth))
}

/// A finding that has no better place.
fn whole_file(reason: &str) -> Finding {
    Finding { line: 1, column: 1, reason: reason.into() }
}

/// A finding at a byte offset of the text.
fn finding_at(text: &str, offset: usize, reason: impl Into<String>) -> Finding {
    let before = &text[..text.floor_char_boundary(offset)];
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    Finding {
        line: before.matches('\n').count() + 1,
        column: before[line_start..].chars().count() + 1,
        reason: reason.into(),
    }
}

#[cfg(test)]
mod tests;
