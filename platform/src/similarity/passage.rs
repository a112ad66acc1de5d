//! Where two programs share code: the longest runs of equal symbols around shared fingerprints.

use std::collections::{BTreeSet, HashMap, HashSet};

use serde::{Deserialize, Serialize};

use super::GRAM_TOKENS;
use super::fingerprint::winnow;
use super::symbols::Symbols;

/// Passages whose gap is at most this many tokens in both programs are one: a changed line does not split a place.
const GAP_TOKENS: usize = 20;

/// Places of each program at which a fingerprint is followed. Code that repeats itself has more, and the first ones
/// suffice; with all of them, a file of one repeated line would take minutes.
const MAX_REPEATS: usize = 8;

/// Lines of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineRange {
    /// The first line, from 1.
    pub first: u32,
    /// The last line.
    pub last: u32,
}

/// A part that two programs share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passage {
    /// The lines in the earlier one.
    pub earlier: LineRange,
    /// The lines in the later one.
    pub later: LineRange,
    /// Number of tokens that are the same in both.
    pub tokens: usize,
}

/// A run of equal symbols, or several with small gaps.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Run {
    a: usize,
    b: usize,
    a_end: usize,
    b_end: usize,
    tokens: usize,
}

/// Returns the parts that two programs share, longest first. What is `excluded` begins no passage.
pub(super) fn passages(a: &Symbols, b: &Symbols, excluded: &HashSet<u64>) -> Vec<Passage> {
    let mut places = HashMap::<u64, Vec<usize>>::new();
    for (print, at) in winnow(b) {
        places.entry(print).or_default().push(at);
    }
    let (mut runs, mut repeats) = (BTreeSet::new(), HashMap::<u64, usize>::new());
    // By how far `b` is behind `a`: where the last run ended.
    let mut ends = HashMap::<usize, usize>::new();
    for (print, at) in winnow(a) {
        let Some(places) = places.get(&print).filter(|_| !excluded.contains(&print)) else {
            continue;
        };
        let repeat = repeats.entry(print).or_default();
        *repeat += 1;
        if *repeat > MAX_REPEATS {
            continue;
        }
        for place in places.iter().take(MAX_REPEATS) {
            let end = ends.entry(place.wrapping_sub(at)).or_default();
            if at >= *end {
                let run = run_around(a, b, at, *place);
                *end = run.a_end;
                runs.insert(run);
            }
        }
    }
    let mut passages: Vec<_> = merged(disjoint(runs))
        .into_iter()
        .map(|run| Passage {
            earlier: lines(a, run.a, run.a_end),
            later: lines(b, run.b, run.b_end),
            tokens: run.tokens,
        })
        .collect();
    passages.sort_by_key(|passage| (usize::MAX - passage.tokens, passage.earlier.first));
    passages
}

/// The longest run of equal symbols that contains these places.
fn run_around(a: &Symbols, b: &Symbols, at: usize, place: usize) -> Run {
    let before = a.codes[..at].iter().rev().zip(b.codes[..place].iter().rev());
    let before = before.take_while(|(a, b)| a == b).count();
    let after = a.codes[at..].iter().zip(&b.codes[place..]).take_while(|(a, b)| a == b).count();
    Run {
        a: at - before,
        b: place - before,
        a_end: at + after,
        b_end: place + after,
        tokens: before + after,
    }
}

/// Returns runs of which no two overlap in either program. The longest ones are preferred.
fn disjoint(runs: BTreeSet<Run>) -> Vec<Run> {
    let mut longest_first: Vec<_> =
        runs.into_iter().filter(|run| run.tokens >= GRAM_TOKENS).collect();
    longest_first.sort_by_key(|run| usize::MAX - run.tokens);
    let mut taken: Vec<Run> = Vec::new();
    for run in longest_first {
        let overlaps = |other: &Run| {
            run.a < other.a_end && other.a < run.a_end || run.b < other.b_end && other.b < run.b_end
        };
        if !taken.iter().any(overlaps) {
            taken.push(run);
        }
    }
    taken
}

/// Joins runs that follow each other closely in both programs.
fn merged(mut runs: Vec<Run>) -> Vec<Run> {
    runs.sort_unstable();
    let mut merged: Vec<Run> = Vec::new();
    for run in runs {
        let is_near = |end: usize, start: usize| start >= end && start - end <= GAP_TOKENS;
        match merged.last_mut() {
            Some(last) if is_near(last.a_end, run.a) && is_near(last.b_end, run.b) => {
                (last.a_end, last.b_end) = (run.a_end, run.b_end);
                last.tokens += run.tokens;
            }
            _ => merged.push(run),
        }
    }
    merged
}

fn lines(symbols: &Symbols, start: usize, end: usize) -> LineRange {
    // A change of indentation stands on the line of the next statement.
    let lines = (start..end).filter(|at| !symbols.is_indentation(*at)).map(|at| symbols.lines[at]);
    let first = lines.clone().min().unwrap_or(1);
    LineRange { first, last: lines.max().unwrap_or(first) }
}
