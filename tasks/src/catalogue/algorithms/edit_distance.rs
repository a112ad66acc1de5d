//! Levenshtein distance.

use crate::prelude::*;

pub fn task() -> Task {
    Task::code(Family::Algorithms, "edit_distance", "Edit distance")
        .asks(
            "Implement a function edit_distance(a: str, b: str) -> int that returns the least \
             number of edits that make the text b of the text a. An edit inserts, deletes or \
             replaces one character (code point). The texts have up to 300 characters, and a call \
             may take 0.5 seconds of CPU time.",
        )
        .solved_by(
            r"
def edit_distance(a: str, b: str) -> int:
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        above, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            above, row[j] = row[j], min(above + (x != y), row[j] + 1, row[j - 1] + 1)
    return row[-1]
",
        )
        .mutant("no_deletions", "row[j] + 1, row", "row")
        .mutant("a_replacement_is_two", "above + (x != y)", "above + 2 * (x != y)")
        .mutant(
            "counts_what_differs",
            "row[j] + 1, row[j - 1] + 1",
            "10**9 * (j > len(a)) + row[j] + abs(len(a) - len(b)) + 1",
        )
        .wrong(
            "place_by_place",
            r"
def edit_distance(a, b):
    return sum(x != y for x, y in zip(a, b)) + abs(len(a) - len(b))
",
        )
        .wrong(
            "without_a_table",
            r"
def edit_distance(a, b):
    if not a or not b:
        return len(a) + len(b)
    if a[0] == b[0]:
        return edit_distance(a[1:], b[1:])
    return 1 + min(edit_distance(a[1:], b), edit_distance(a, b[1:]), edit_distance(a[1:], b[1:]))
",
        )
        .call_cpu_ms(500)
        .example(("kitten", "sitting"), 3)
        .case("both_empty", ("", ""), 0)
        .case("one_empty", ("", "abc"), 3)
        .case("moved", ("abcdef", "fabcde"), 2)
        .generated(30, related, |(a, b)| distance(a, b))
        .generated(4, || ("[ab]{200,300}", "[abc]{200,300}"), |(a, b)| distance(a, b))
}

/// Two texts with common parts.
fn related() -> impl Strategy<Value = (String, String)> {
    (collection::vec(texts(6), 3), "[a-c]{0,40}", "[a-d]{1,40}").prop_map(|(parts, left, right)| {
        (
            format!("{}{left}{}x{}", parts[0], parts[1], parts[2]),
            format!("{}{right}{}{}y", parts[0], parts[1], parts[2]),
        )
    })
}

fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let replaced = above[j] + usize::from(x != *y);
            row.push(replaced.min(above[j + 1] + 1).min(row[j] + 1));
        }
        above = row;
    }
    above[b.len()]
}
