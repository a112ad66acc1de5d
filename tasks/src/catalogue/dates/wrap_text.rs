//! Wrap text to a width.

use crate::prelude::*;

pub fn task() -> Task {
    Task::code(Family::Dates, "wrap_text", "Wrap a text")
        .asks(
            "Implement a function wrap_text(text: str, width: int) -> list[str] that puts the \
             words of the text into lines of at most width characters (code points). Words are \
             runs of characters other than the space; every other character, '\\n' included, \
             belongs to words. The words of a line are separated by one space, and each line holds \
             as many of the next words as fit. A word longer than width stands on a line of its \
             own, whole. A text without words has no lines. ValueError is raised if width is less \
             than 1.",
        )
        .solved_by(
            r#"
def wrap_text(text: str, width: int) -> list[str]:
    if width < 1:
        raise ValueError("no room")
    lines = []
    for word in filter(None, text.split(" ")):
        if lines and len(lines[-1]) + 1 + len(word) <= width:
            lines[-1] += " " + word
        else:
            lines.append(word)
    return lines
"#,
        )
        .mutant("forgets_the_space", "+ 1 + len(word)", "+ len(word)")
        .mutant("one_less_fits", "<= width", "< width")
        .mutant("splits_at_all_white_space", r#"filter(None, text.split(" "))"#, "text.split()")
        .mutant("empty_words", r#"filter(None, text.split(" "))"#, r#"text.split(" ")"#)
        .mutant(
            "no_width_is_some_width",
            "    if width < 1:\n        raise ValueError(\"no room\")\n",
            "",
        )
        .wrong(
            "breaks_long_words",
            "
import textwrap


def wrap_text(text, width):
    return textwrap.wrap(text, width)
",
        )
        .example(("the quick brown fox", 10), vec!["the quick", "brown fox"])
        .example(("a", 0), Check::raises("ValueError"))
        .case("nothing", ("   ", 5), Vec::<String>::new())
        .case("too_long", ("a extraordinary b", 4), vec!["a", "extraordinary", "b"])
        .case("other_white_space", ("a\nb\tc d", 3), vec!["a\nb\tc", "d"])
        .generated(36, || (words(), 3_usize..24), |(text, width)| wrapped(text, *width))
}

/// Words separated by one to three spaces, some not ASCII or longer than any line.
fn words() -> impl Strategy<Value = String> {
    let word =
        prop_oneof![12 => "[a-z]{1,9}", 3 => "[é😀\u{301}\n\u{a0}-]{1,4}", 1 => "[a-z]{25,30}"];
    collection::vec((word, " {1,2}"), 4..24)
        .prop_map(|words| words.into_iter().map(|(word, gap)| word + &gap).collect())
}

fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<Vec<&str>> = Vec::new();
    let length = |words: &[&str]| words.iter().map(|word| word.chars().count() + 1).sum::<usize>();
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        match lines.last_mut() {
            Some(line) if length(line) + word.chars().count() <= width => line.push(word),
            _ => lines.push(vec![word]),
        }
    }
    lines.iter().map(|line| line.join(" ")).collect()
}
