//! The similarity of two programs.

use std::collections::HashSet;

use super::fingerprint::Fingerprints;
use super::passage::{Passage, passages};
use super::symbols::Symbols;

/// What two programs share.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// Of the fingerprints of the program that has fewer, the share that the other one has as well, from 0 to 1. So an
    /// agent with another one inside it, and one that is half of another, are as similar to it as a whole copy.
    pub similarity: f64,
    /// Of the fingerprints of both, the share that both have: lower if one of them has much else.
    pub jaccard: f64,
    /// Number of fingerprints that both have.
    pub shared: usize,
    /// The places, longest first.
    pub passages: Vec<Passage>,
}

/// Compares two programs, leaving out the `excluded` fingerprints.
pub fn compare(a: &Symbols, b: &Symbols, excluded: &HashSet<u64>) -> Comparison {
    let prints = |symbols: &Symbols| -> HashSet<u64> {
        let prints = Fingerprints::of(symbols).prints.into_iter();
        prints.filter(|print| !excluded.contains(print)).collect()
    };
    let (of_a, of_b) = (prints(a), prints(b));
    let shared = of_a.intersection(&of_b).count();
    let PairFigures { similarity, jaccard } = PairFigures::of(shared, of_a.len(), of_b.len());
    Comparison { similarity, jaccard, shared, passages: passages(a, b, excluded) }
}

/// How similar two sets are, by their sizes.
pub(super) struct PairFigures {
    pub(super) similarity: f64,
    pub(super) jaccard: f64,
}

impl PairFigures {
    pub(super) fn of(shared: usize, of_a: usize, of_b: usize) -> Self {
        let share = |of: usize| if of == 0 { 0.0 } else { number(shared) / number(of) };
        Self { similarity: share(of_a.min(of_b)), jaccard: share(of_a + of_b - shared) }
    }
}

fn number(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::INFINITY, f64::from)
}
