//! The parser's part: is it Python 3.11, and what does it import?
//!
//! Parsing, walking and freeing the tree all recurse. The stack for it is measured out by how deep the
//! source nests, which [`super::nesting`] has found: most files need no more than there is, and the others
//! get a thread of their own, whose pages are only taken when they are touched. Should the parser panic,
//! the server does not end.

use std::io;
use std::panic::catch_unwind;
use std::thread;

use ruff_python_ast::{Mod, PythonVersion};
use ruff_python_parser::{Mode, ParseOptions, parse_unchecked};
use ruff_text_size::Ranged as _;

use super::{Finding, MAX_FINDINGS, finding_at, imports, meaning, whole_file};

/// What one level of nesting may take, and what the parser needs besides. A build without optimisation was
/// seen to need 2 KiB for each level: 4 MiB were enough for all that `tests/fuzz.rs` tries.
const LEVEL_BYTES: usize = 16 << 10;
const BASE_BYTES: usize = 512 << 10;

/// Everything that the parser and the imports give cause for in a text that nests so deep. Fails when the
/// system has no thread to spare.
pub(super) fn check(text: &str, depth: usize) -> io::Result<Vec<Finding>> {
    let stack = BASE_BYTES + depth * LEVEL_BYTES;
    let checked = if stacker::remaining_stack().is_some_and(|left| left > stack) {
        catch_unwind(|| findings(text))
    } else {
        thread::scope(|scope| {
            let parser = thread::Builder::new().name("parser".into()).stack_size(stack);
            Ok::<_, io::Error>(parser.spawn_scoped(scope, || findings(text))?.join())
        })?
    };
    Ok(checked.unwrap_or_else(|_| vec![whole_file("the parser gave up on this file: simplify it")]))
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
