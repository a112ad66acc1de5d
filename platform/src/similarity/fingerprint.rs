//! Fingerprints: hashes of runs of symbols, and which of them are kept.

use std::collections::HashSet;

use tasks::Sha256;

use super::symbols::Symbols;
use super::{GRAM_TOKENS, GRAM_WORDS, WINDOW};

/// The fingerprints of a program.
#[derive(Clone, Debug)]
pub(super) struct Fingerprints {
    /// Sorted, each once.
    pub(super) prints: Vec<u64>,
    /// Equal for programs that differ in names and values alone.
    pub(super) symbols: Sha256,
}

impl Fingerprints {
    /// The fingerprints of a program.
    pub(super) fn of(symbols: &Symbols) -> Self {
        let mut prints: Vec<_> = winnow(symbols).into_iter().map(|(print, _)| print).collect();
        prints.sort_unstable();
        prints.dedup();
        Self { prints, symbols: symbols.sha256() }
    }
}

/// Returns every fingerprint of some programs, kept or not: what is shared with one of these does not count as evidence.
pub(super) fn all_of<'a>(programs: impl IntoIterator<Item = &'a Symbols>) -> HashSet<u64> {
    programs.into_iter().flat_map(grams).flatten().collect()
}

/// The hash of the symbols from each position on; none for runs that are data and not code.
fn grams(symbols: &Symbols) -> impl Iterator<Item = Option<u64>> {
    // A polynomial modulo 2^64: the next hash follows from the one before.
    const BASE: u64 = 0x9e37_79b9_7f4a_7c15;
    let oldest = (1..GRAM_TOKENS).fold(1_u64, |power, _| power.wrapping_mul(BASE));
    let (mut hash, mut words) = (0_u64, 0);
    let Symbols { codes, words: is_word, .. } = symbols;
    (0..codes.len()).filter_map(move |end| {
        if let Some(start) = end.checked_sub(GRAM_TOKENS) {
            hash = hash.wrapping_sub(codes[start].wrapping_mul(oldest));
            words -= usize::from(is_word[start]);
        }
        hash = hash.wrapping_mul(BASE).wrapping_add(codes[end]);
        words += usize::from(is_word[end]);
        (end + 1 >= GRAM_TOKENS).then(|| (words >= GRAM_WORDS).then(|| mixed(hash)))
    })
}

/// Returns the smallest fingerprint of each window, and the symbol that it starts with. Of equal ones the last is
/// taken, and one that still is the smallest stays: that is robust winnowing.
pub(super) fn winnow(symbols: &Symbols) -> Vec<(u64, usize)> {
    let grams: Vec<_> = grams(symbols).collect();
    let mut kept: Vec<(u64, usize)> = Vec::new();
    // A program that is shorter than a window is one.
    let windows = grams.len().saturating_sub(WINDOW - 1).max(1);
    for start in 0..windows {
        let end = grams.len().min(start + WINDOW);
        let smallest = (start..end).filter_map(|at| Some((grams[at]?, at)));
        let Some((print, at)) = smallest.min_by_key(|(print, at)| (*print, usize::MAX - at)) else {
            continue;
        };
        match kept.last() {
            Some((last, place)) if *last == print && *place >= start => {}
            _ => kept.push((print, at)),
        }
    }
    kept
}

/// Spreads a hash, so that the smallest is any (the finalizer of `SplitMix64`).
fn mixed(hash: u64) -> u64 {
    let hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}
