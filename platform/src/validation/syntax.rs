//! The parser's part: is it Python 3.11, and what does it import?
//!
//! Parsing, walking and freeing the tree all recurse, so all three happen on a thread whose stack is
//! large enough for the deepest tree that [`super::nesting`] lets through. The pages of that stack are
//! only taken when they are touched. Should the parser panic, the thread ends and the server does not.

use std::io;
use std::thread;

use ruff_python_ast::{Mod, PythonVersion};
use ruff_python_parser::{Mode, ParseOptions, parse_unchecked};
use ruff_text_size::Ranged as _;

use super::{Finding, MAX_FINDINGS, finding_at, imports, meaning, whole_file};

/// Enough for the deepest tree at the frame sizes of a build without optimisation; `tests/fuzz.rs`
/// tries.
const STACK_BYTES: usize = 512 << 20;

/// Everything that the parser and the imports give cause for. Fails when the system has no thread to
/// spare.
pub(super) fn check(text: &str) -> io::Result<Vec<Finding>> {
    thread::scope(|scope| {
        let parser = thread::Builder::new().name("parser".into()).stack_size(STACK_BYTES);
        let thread = parser.spawn_scoped(scope, || findings(text))?;
        let gave_up = |_| vec![whole_file("the parser gave up on this file: simplify it")];
        Ok(thread.join().unwrap_or_else(gave_up))
    })
}

fn findings(text: &str) -> Vec<Finding> {
    let options = ParseOptions::from(Mode::Module).with_target_version(PythonVersion::PY311);
    let parsed = parse_unchecked(text, options);
    let mut findings = Vec::new();
    // One mistake can lead to as many errors as the file has bytes.
    for error in parsed.errors().iter().take(MAX_FINDINGS) {
        let reason = format!("this is not Python 3.11: {}", error.error);
        findings.push(finding_at(text, error.location.start().to_usize(), reason));
    }
    for error in parsed.unsupported_syntax_errors().iter().take(MAX_FINDINGS) {
        let reason = format!("this is not Python 3.11: {error}");
        findings.push(finding_at(text, error.range().start().to_usize(), reason));
    }
    if let Mod::Module(module) = parsed.syntax() {
        // In a file that does not parse, what the parser guessed means nothing.
        if findings.is_empty() {
            for error in meaning::check(text, &module.body).iter().take(MAX_FINDINGS) {
                let reason = format!("this is not Python 3.11: {error}");
                findings.push(finding_at(text, error.range().start().to_usize(), reason));
            }
        }
        findings.extend(imports::check(text, &module.body));
    }
    findings
}
