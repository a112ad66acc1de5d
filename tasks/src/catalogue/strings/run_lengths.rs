//! The runs of equal characters of a text.

use crate::prelude::*;

pub fn task() -> Task {
    Task::code(Family::Strings, "run_lengths", "Run lengths")
        .asks(
            "Implement a function run_lengths(text: str) -> list[tuple[str, int]] that returns the \
             runs of equal characters (code points) of the text, in order, each as a tuple of the \
             character and the length of its run. The empty text has no runs.",
        )
        .solved_by(
            r"
from itertools import groupby


def run_lengths(text: str) -> list[tuple[str, int]]:
    return [(c, len(list(run))) for c, run in groupby(text)]
",
        )
        .mutant("lists_for_tuples", "(c, len(list(run)))", "[c, len(list(run))]")
        .mutant("ignores_case", "groupby(text)", "groupby(text.lower())")
        .mutant("one_run_per_character", "groupby(text)", "groupby(sorted(text))")
        .wrong(
            "loses_the_last_run",
            r"
def run_lengths(text):
    runs, start = [], 0
    for i in range(1, len(text)):
        if text[i] != text[start]:
            runs.append((text[start], i - start))
            start = i
    return runs
",
        )
        .example(("aaB",), vec![("a", 2), ("B", 1)])
        .case("empty", ("",), runs(""))
        .case("combining_marks", ("e\u{301}e\u{301}",), runs("e\u{301}e\u{301}"))
        .case("beyond_the_basic_plane", ("😀😀😁",), runs("😀😀😁"))
        .generated(20, || ("[a-cA]{2,30}",), |(text,)| runs(text))
        .generated(16, || (texts(30),), |(text,)| runs(text))
}

fn runs(text: &str) -> Vec<(String, usize)> {
    let mut runs: Vec<(String, usize)> = Vec::new();
    for c in text.chars() {
        match runs.last_mut() {
            Some((last, length)) if last.chars().eq([c]) => *length += 1,
            _ => runs.push((c.to_string(), 1)),
        }
    }
    runs
}
