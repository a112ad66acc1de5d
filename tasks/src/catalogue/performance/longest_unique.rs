//! The longest substring without a repeated character.

use std::collections::HashMap;

use super::noise;
use crate::prelude::*;

pub fn task() -> Task {
    Task::code(Family::Performance, "longest_unique", "Longest stretch of unique characters")
        .asks(
            "Implement a function longest_unique(text: str) -> int that returns the length of the \
             longest run of neighbouring characters (code points) of the text in which no \
             character occurs twice. The text has up to 20000 characters, of up to 10000 kinds, \
             and a call may take 0.25 seconds of CPU time: starting anew at every character takes \
             too long.",
        )
        .solved_by(
            r"
def longest_unique(text: str) -> int:
    last, start, longest = {}, 0, 0
    for i, c in enumerate(text):
        start = max(start, last.get(c, -1) + 1)
        last[c] = i
        longest = max(longest, i - start + 1)
    return longest
",
        )
        .call_cpu_ms(250)
        .mutant("start_goes_back", "max(start, last.get(c, -1) + 1)", "last.get(c, start - 1) + 1")
        .mutant("one_too_few", "i - start + 1", "i - start")
        .mutant("counts_all_kinds", "return longest", "return len(last)")
        .wrong(
            "starts_anew",
            r"
def longest_unique(text):
    longest = 0
    for i in range(len(text)):
        seen = set()
        for c in text[i:]:
            if c in seen:
                break
            seen.add(c)
        longest = max(longest, len(seen))
    return longest
",
        )
        .example(("abcabcbb",), 3)
        .example(("",), 0)
        .case("one", ("z",), 1)
        .case("back_and_forth", ("abba",), 2)
        .case("all_different", ("abcdef😀é",), 8)
        .generated(24, || (stretches(),), |(text,)| longest(text))
        .generated(
            6,
            || ((texts(40), "[a-c]{6,9}").prop_map(|(odd, plain)| format!("{plain}{odd}cab")),),
            |(text,)| longest(text),
        )
        .generated(2, || (huge(),), |(text,)| longest(text))
}

/// Up to 50 different characters in the middle of few.
fn stretches() -> impl Strategy<Value = String> {
    ("[a-r]{0,9}", 0_u32..40, "[ab]{3,12}").prop_map(|(before, count, after)| {
        let different = (0..count).filter_map(|n| char::from_u32(0x3b1 + n));
        before.chars().chain(different).chain(after.chars()).collect()
    })
}

/// A long alphabet repeated many times, with a few characters moved.
fn huge() -> impl Strategy<Value = String> {
    (any::<u64>(), 8_000_usize..10_000).prop_map(|(start, kinds)| {
        let mut letters: Vec<char> = ('\u{4e00}'..='\u{9fff}').take(kinds).collect();
        for (i, j) in (0..kinds).zip(noise::numbers(start, kinds, kinds as u64)) {
            letters.swap(i, usize::try_from(j).expect("it is below kinds"));
        }
        let mut text: Vec<char> = letters.iter().cycle().take(19_000).copied().collect();
        for place in noise::numbers(start, 4, 19_000) {
            text[usize::try_from(place).expect("it is in the text")] = '\u{1f600}';
        }
        text.into_iter().collect()
    })
}

fn longest(text: &str) -> usize {
    let mut last = HashMap::new();
    let (mut start, mut longest) = (0, 0);
    for (i, c) in text.chars().enumerate() {
        if let Some(before) = last.insert(c, i) {
            start = start.max(before + 1);
        }
        longest = longest.max(i + 1 - start);
    }
    longest
}
