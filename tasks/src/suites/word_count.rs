//! Count the words of a text.

use std::collections::BTreeMap;

use crate::prelude::*;

pub fn task() -> Task {
    Task::code("word_count", "Count words")
        .prompt(
            "Implement a function word_count(text: str) -> dict[str, int] that says how often each \
             word occurs. Words are runs of ASCII letters and count in lower case; every other \
             character separates.",
        )
        .reference(
            r#"
import re
from collections import Counter


def word_count(text: str) -> dict[str, int]:
    return dict(Counter(re.findall("[a-z]+", text.lower(), re.ASCII)))
"#,
        )
        .example(("The cat and the hat.",), counted("The cat and the hat."))
        .case("empty", ("",), counted(""))
        .case("no_words", ("12, 34; ...",), counted("12, 34; ..."))
        .case("digits_separate", ("a1b",), counted("a1b"))
        .generated(10, || ("([a-cA-C]{1,2}[ ,.!\n-]{1,2}){0,30}",), |(text,)| counted(text))
}

fn counted(text: &str) -> Value {
    let mut counts = BTreeMap::<String, u32>::new();
    for word in text.split(|c: char| !c.is_ascii_alphabetic()).filter(|word| !word.is_empty()) {
        *counts.entry(word.to_ascii_lowercase()).or_default() += 1;
    }
    Value::dict(counts)
}
