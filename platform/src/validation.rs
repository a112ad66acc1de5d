//! An early, friendly check of a submission: is it a Python 3.11 program that runs with nothing but the
//! standard library?
//!
//! It is not the security border; that is the sandbox. But it runs in the server on untrusted bytes, so no
//! input may end the process: whatever could overflow the parser's stack is refused before it is parsed, and
//! a file that nests deep is parsed on a thread with a large stack.

use std::io;
use std::panic::UnwindSafe;

use ruff_python_ast::Mod;
use ruff_python_parser::Parsed;

mod effects;
mod imports;
mod nesting;
mod position;
mod syntax;
mod text;

#[cfg(test)]
mod tests;

use crate::api::Violation;
use position::{MAX_VIOLATIONS, whole_file};

/// Returns every violation in a submission as the error. A later step runs only on what passed the earlier
/// ones.
pub fn validate(source: &[u8]) -> Result<(), Vec<Violation>> {
    let not_checked = |_| vec![whole_file("the file could not be checked: try again later")];
    match violations(source).unwrap_or_else(not_checked) {
        none if none.is_empty() => Ok(()),
        violations => Err(violations),
    }
}

/// Like [`validate`], for callers that distinguish a bad file from a check that failed: an error means that
/// the system had no resources for the check.
pub fn violations(source: &[u8]) -> io::Result<Vec<Violation>> {
    let (text, depth) = match parsable(source) {
        Ok(parsable) => parsable,
        Err(violation) => return Ok(vec![violation]),
    };
    let mut violations = syntax::check(text, depth)?;
    violations.sort_by_key(|violation| (violation.line, violation.column));
    violations.dedup();
    violations.truncate(MAX_VIOLATIONS);
    Ok(violations)
}

/// Has `work` read a valid Python 3.11 program, with the same care as the check of a submission. Returns `None` for any
/// other text, and fails when the system has no resources for it.
pub(crate) fn read_program<T: Send>(
    source: &str,
    work: impl FnOnce(&Parsed<Mod>) -> T + Send + UnwindSafe,
) -> io::Result<Option<T>> {
    let Ok((text, depth)) = parsable(source.as_bytes()) else { return Ok(None) };
    let read =
        syntax::parse(text, depth, |parsed| parsed.has_no_syntax_errors().then(|| work(parsed)))?;
    Ok(read.flatten())
}

/// Returns the text and its nesting depth if it is safe to parse.
fn parsable(source: &[u8]) -> Result<(&str, usize), Violation> {
    let text = text::check(source)?;
    text::check_coding(text)?;
    let depth = nesting::check(text)?;
    Ok((text, depth))
}
