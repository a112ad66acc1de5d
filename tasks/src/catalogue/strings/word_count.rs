//! Count the words of a text.

use std::collections::BTreeMap;

use crate::prelude::*;

pub fn task() -> Task {
    Task::code(Family::Strings, "word_count", "Count words")
        .asks(
            "Implement a function word_count(text: str) -> dict[str, int] that says how often each \
             word occurs. Words are runs of ASCII letters and count in lower case; every other \
             character separates.",
        )
        .solved_by(
            r#"
import re
from collections import Counter


def word_count(text: str) -> dict[str, int]:
    return dict(Counter(word.lower() for word in re.findall("[A-Za-z]+", text)))
"#,
        )
        .mutant("keeps_the_case", "word.lower()", "word")
        .mutant("digits_are_letters", "[A-Za-z]+", "[A-Za-z0-9]+")
        .mutant("splits_at_spaces_only", r#"re.findall("[A-Za-z]+", text)"#, "text.split()")
        // 'İ'.lower() is two characters, the first of which is an ASCII letter.
        .mutant("lowers_before_it_looks", r#""[A-Za-z]+", text"#, r#""[a-z]+", text.lower()"#)
        .example(("The cat and the hat.",), counted("The cat and the hat."))
        .case("empty", ("",), counted(""))
        .case("no_words", ("12, 34; ...",), counted("12, 34; ..."))
        .case("digits_separate", ("a1b",), counted("a1b"))
        .case("no_ascii_letters", ("İstanbul ſoﬁa",), counted("İstanbul ſoﬁa"))
        .generated(26, || ("([a-cA-C]{1,2}[ ,.!\n-]{1,2}){0,30}",), |(text,)| counted(text))
        .generated(10, || (texts(60),), |(text,)| counted(text))
}

fn counted(text: &str) -> Value {
    let mut counts = BTreeMap::<String, u32>::new();
    for word in text.split(|c: char| !c.is_ascii_alphabetic()).filter(|word| !word.is_empty()) {
        *counts.entry(word.to_ascii_lowercase()).or_default() += 1;
    }
    Value::dict(counts)
}
