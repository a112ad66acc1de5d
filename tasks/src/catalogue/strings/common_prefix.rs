//! The longest common prefix of a list of words.

use crate::prelude::*;

pub fn task() -> Task {
    Task::code(Family::Strings, "common_prefix", "Common prefix")
        .asks(
            "Implement a function common_prefix(words: list[str]) -> str that returns the longest \
             text with which every one of the words begins. For an empty list it is the empty \
             text.",
        )
        .solved_by(
            r#"
def common_prefix(words: list[str]) -> str:
    if not words:
        return ""
    least, greatest = min(words), max(words)
    for i, c in enumerate(least):
        if c != greatest[i]:
            return least[:i]
    return least
"#,
        )
        .mutant("falls_over_nothing", "    if not words:\n        return \"\"\n", "")
        .mutant(
            "compares_the_first_two",
            "min(words), max(words)",
            "sorted(words[:2])[0], sorted(words[:2])[-1]",
        )
        .mutant("one_too_many", "least[:i]", "least[:i + 1]")
        .wrong(
            "common_letters_anywhere",
            r#"
def common_prefix(words):
    found = ""
    for letters in zip(*words):
        if len(set(letters)) == 1:
            found += letters[0]
    return found
"#,
        )
        .example((vec!["flower", "flow", "flight"],), "fl")
        .example((vec!["dog", "cat"],), "")
        .case("none", (Vec::<String>::new(),), "")
        .case("one", (vec!["alone"],), "alone")
        .case("an_empty_word", (vec!["abc", ""],), "")
        .case("later_letters_in_common", (vec!["axc", "ayc"],), "a")
        .generated(36, || (words(),), |(words,)| prefix(words))
}

/// Words with a common prefix of at least one letter: few cases have the empty one.
fn words() -> impl Strategy<Value = Vec<String>> {
    let start = ("[a-z]", texts(11)).prop_map(|(first, rest)| format!("{first}{rest}"));
    (start, collection::vec("[ab]{1,5}", 3..7))
        .prop_map(|(start, ends)| ends.iter().map(|end| format!("{start}{end}")).collect())
}

fn prefix(words: &[String]) -> String {
    let first: Vec<char> = words[0].chars().collect();
    let begins = |length: &usize| {
        let prefix: String = first[..*length].iter().collect();
        words.iter().all(|word| word.starts_with(&prefix))
    };
    let length = (0..=first.len()).rev().find(begins).unwrap_or(0);
    first[..length].iter().collect()
}
