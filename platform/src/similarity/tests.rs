//! Which programs are copies, which are near copies, and which are neither.

mod copies;
mod many;
mod near_copies;
mod stored;

use std::collections::HashSet;

use super::fingerprint::Fingerprints;
use super::index::SimilarityFigures;
use super::passage::{Passage, passages};
use super::symbols::Symbols;

const ORIGINAL: &str = include_str!("tests/original.py");
const UNRELATED: &str = include_str!("tests/unrelated.py");
const RENAMED: &str = include_str!("tests/renamed.py");

fn symbols(source: &str) -> Symbols {
    Symbols::of(source).unwrap()
}

/// What two programs share if no code is published.
fn compared(a: &Symbols, b: &Symbols) -> (SimilarityFigures, Vec<Passage>) {
    let prints = |symbols| HashSet::<_>::from_iter(Fingerprints::of(symbols).prints);
    let (of_a, of_b) = (prints(a), prints(b));
    let shared = of_a.intersection(&of_b).count();
    let figures = SimilarityFigures::of(shared, of_a.len(), of_b.len());
    (figures, passages(a, b, &HashSet::new()))
}
