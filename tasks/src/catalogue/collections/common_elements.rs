//! The common elements of two lists, in any order.

use crate::prelude::*;

pub fn task() -> Task {
    Task::code(Family::Collections, "common_elements", "Common elements")
        .asks(
            "Implement a function common_elements(a: list[int], b: list[int]) -> list[int] that \
             returns the numbers that occur in both lists, as often as they occur in both, in any \
             order.",
        )
        .solved_by(
            r"
from collections import Counter


def common_elements(a: list[int], b: list[int]) -> list[int]:
    return list((Counter(a) & Counter(b)).elements())
",
        )
        .mutant(
            "forgets_how_often",
            "list((Counter(a) & Counter(b)).elements())",
            "list(set(a) & set(b))",
        )
        .mutant(
            "as_often_as_in_a",
            "list((Counter(a) & Counter(b)).elements())",
            "[n for n in a if n in b]",
        )
        .mutant("takes_both", "&", "|")
        .example((vec![1, 2, 2, 3], vec![2, 2, 2, 4]), Check::any_order(vec![2, 2]))
        .case("nothing_in_common", (vec![1], vec![2]), Check::any_order(Vec::<i64>::new()))
        .case("both_empty", (Vec::<i64>::new(), Vec::<i64>::new()), Vec::<i64>::new())
        .case("the_same", (vec![3, 1, 2], vec![1, 2, 3]), Check::any_order(vec![1, 2, 3]))
        .generated(30, || (numbers(), numbers()), |(a, b)| common(a, b))
}

fn numbers() -> impl Strategy<Value = Vec<i64>> {
    collection::vec(-6_i64..6, 4..25)
}

fn common(a: &[i64], b: &[i64]) -> Check {
    let mut left = b.to_vec();
    let mut common = Vec::new();
    for number in a {
        if let Some(place) = left.iter().position(|other| other == number) {
            common.push(left.swap_remove(place));
        }
    }
    Check::any_order(common)
}
