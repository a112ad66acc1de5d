//! Which programs are copies, which are near copies, and which are neither.

mod copies;
mod many;
mod near_copies;
mod stored;

use std::collections::HashSet;

use super::*;

const ORIGINAL: &str = include_str!("tests/original.py");
const UNRELATED: &str = include_str!("tests/unrelated.py");
const RENAMED: &str = include_str!("tests/renamed.py");

fn symbols(source: &str) -> Symbols {
    Symbols::of(source).unwrap()
}

fn compared(a: &str, b: &str) -> Comparison {
    compare(&symbols(a), &symbols(b), &HashSet::new())
}
