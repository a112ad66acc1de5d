//! Parses the file as Python 3.11 and checks its imports.
//!
//! Parsing, walking and freeing the tree all recurse, so the stack is sized by how deep the source nests,
//! which [`super::nesting`] has measured. Most files need no more stack than there is; the others get a
//! thread, whose pages are allocated only when they are touched. A panic of the parser does not end the
//! server.

use std::io;
use std::panic::{UnwindSafe, catch_unwind};
use std::thread;

use ruff_python_ast::{Mod, PythonVersion};
use ruff_python_parser::{Mode, ParseOptions, Parsed, parse_unchecked};
use ruff_text_size::Ranged as _;

use super::position::{MAX_VIOLATIONS, violation_at, whole_file};
use super::{effects, imports};
use crate::api::Violation;

/// Stack per level of nesting, and for the parser itself. An unoptimized build was measured at 2 KiB per
/// level; 4 MiB were enough for every input of `tests/it/fuzz.rs`.
const LEVEL_BYTES: usize = 16 << 10;
const BASE_BYTES: usize = 512 << 10;

/// Returns every violation of syntax and imports in a text of this nesting depth. Fails when the system
/// cannot start a thread.
pub(super) fn check(text: &str, depth: usize) -> io::Result<Vec<Violation>> {
    let checked = parse(text, depth, |parsed| violations(text, parsed))?;
    Ok(checked
        .unwrap_or_else(|| vec![whole_file("the parser failed on this file: simplify the code")]))
}

/// Parses a text of this nesting depth and has `work` read the result, on a stack that both fit on. Returns `None` if
/// the parser or `work` panicked, and fails when the system cannot start a thread.
pub(super) fn parse<T: Send>(
    text: &str,
    depth: usize,
    work: impl FnOnce(&Parsed<Mod>) -> T + Send + UnwindSafe,
) -> io::Result<Option<T>> {
    let options = ParseOptions::from(Mode::Module).with_target_version(PythonVersion::PY311);
    let run = move || work(&parse_unchecked(text, options));
    let stack = BASE_BYTES + depth * LEVEL_BYTES;
    let done = if stacker::remaining_stack().is_some_and(|left| left > stack) {
        catch_unwind(run)
    } else {
        thread::scope(|scope| {
            let parser = thread::Builder::new().name("parser".into()).stack_size(stack);
            Ok::<_, io::Error>(parser.spawn_scoped(scope, run)?.join())
        })?
    };
    Ok(done.ok())
}

fn violations(text: &str, parsed: &Parsed<Mod>) -> Vec<Violation> {
    let mut violations = Vec::new();
    // One mistake can lead to as many errors as the file has bytes.
    for error in parsed.errors().iter().take(MAX_VIOLATIONS) {
        let reason = format!("not valid Python 3.11: {}", error.error);
        violations.push(violation_at(text, error.location.start().to_usize(), reason));
    }
    for error in parsed.unsupported_syntax_errors().iter().take(MAX_VIOLATIONS) {
        let reason = format!("not valid Python 3.11: {error}");
        violations.push(violation_at(text, error.range().start().to_usize(), reason));
    }
    if let Mod::Module(module) = parsed.syntax() {
        violations.extend(imports::check(text, &module.body));
        if violations.is_empty() && module.body.iter().all(effects::is_idle) {
            violations.push(whole_file(
                "the program defines nothing and does nothing, so it prints no answer: send a program that \
                 prints one",
            ));
        }
    }
    violations
}
