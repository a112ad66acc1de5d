//! Group anagrams; the order of the groups is free.

use std::collections::BTreeMap;

use crate::prelude::*;

pub fn task() -> Task {
    Task::code(Family::Collections, "group_anagrams", "Groups of anagrams")
        .asks(
            "Implement a function group_anagrams(words: list[str]) -> list[list[str]] that puts \
             words made of exactly the same characters, each as often, into one list. Every word \
             of the input stands in exactly one list, as often as in the input. The order of the \
             lists, and of the words in them, does not matter. Upper and lower case are different \
             characters.",
        )
        .solved_by(
            r#"
from collections import defaultdict


def group_anagrams(words: list[str]) -> list[list[str]]:
    groups = defaultdict(list)
    for word in words:
        groups["".join(sorted(word))].append(word)
    return list(groups.values())
"#,
        )
        .mutant("forgets_how_often", "sorted(word)", "sorted(set(word))")
        .mutant("ignores_case", "sorted(word)", "sorted(word.lower())")
        .mutant("drops_repeated_words", "in words:", "in set(words):")
        .mutant("returns_a_dict", "list(groups.values())", "dict(groups)")
        .example((vec!["eat", "tea", "tan", "ate"],), groups(&["eat", "tea", "tan", "ate"]))
        .case("none", (Vec::<String>::new(),), groups::<&str>(&[]))
        .case("empty_words", (vec!["", ""],), groups(&["", ""]))
        .case("how_often_matters", (vec!["aab", "abb"],), groups(&["aab", "abb"]))
        .generated(36, || (words(),), |(words,)| groups(words))
}

/// Lists with a repeated word, a pair that differs in case, and a pair that differs in letter counts.
fn words() -> impl Strategy<Value = Vec<String>> {
    let some = collection::vec(
        prop_oneof![4 => "[abB]{1,4}".prop_map(String::from), 1 => texts(4)],
        2..16,
    );
    (some, "[ab]{2,3}", any::<sample::Index>()).prop_map(|(mut words, seedling, at)| {
        let at = at.index(words.len());
        words.insert(at, seedling.clone());
        words.extend([
            seedling.clone(),
            seedling.to_uppercase(),
            format!("a{seedling}"),
            format!("aa{seedling}"),
        ]);
        words
    })
}

fn groups<T: AsRef<str>>(words: &[T]) -> Check {
    let mut groups = BTreeMap::<Vec<char>, Vec<&str>>::new();
    for word in words.iter().map(AsRef::as_ref) {
        let mut letters: Vec<char> = word.chars().collect();
        letters.sort_unstable();
        groups.entry(letters).or_default().push(word);
    }
    let groups: Vec<Value> = groups.into_values().map(Value::from).collect();
    let expected = Value::from(groups);
    let name = format!("the groups {expected}, in any order and each in any order");
    let expected = unordered(&expected);
    Check::holds(name, move |value| unordered(value).equals(&expected))
}

/// Converts lists to sets of sets, which ignore order but count repeated members.
fn unordered(value: &Value) -> Value {
    match value {
        Value::List(items) => Value::Set(items.iter().map(unordered).collect()),
        other => other.clone(),
    }
}
