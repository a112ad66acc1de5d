//! Count the pairs with a given sum in a list too long for trying all pairs.

use std::collections::HashMap;

use super::noise;
use crate::prelude::*;

pub fn task() -> Task {
    Task::code(Family::Performance, "count_pairs", "Count pairs with a sum")
        .asks(
            "Implement a function count_pairs(numbers: list[int], target: int) -> int that returns \
             how many pairs of indices i < j there are with numbers[i] + numbers[j] == target. The \
             list has up to 20000 numbers, and a call may take 0.25 seconds of CPU time: looking at \
             every pair takes too long.",
        )
        .solved_by(
            r"
def count_pairs(numbers: list[int], target: int) -> int:
    seen, pairs = {}, 0
    for number in numbers:
        pairs += seen.get(target - number, 0)
        seen[number] = seen.get(number, 0) + 1
    return pairs
",
        )
        .call_cpu_ms(250)
        .mutant("each_number_once", "seen.get(number, 0) + 1", "1")
        .mutant(
            "pairs_a_number_with_itself",
            r"        pairs += seen.get(target - number, 0)
        seen[number] = seen.get(number, 0) + 1
",
            r"        seen[number] = seen.get(number, 0) + 1
        pairs += seen.get(target - number, 0)
",
        )
        .wrong(
            "counts_with_list_count",
            r"
def count_pairs(numbers, target):
    return sum(numbers[i + 1:].count(target - n) for i, n in enumerate(numbers))
",
        )
        .example((vec![1, 2, 3, 2], 4), 2)
        .case("nothing", (Vec::<i64>::new(), 0), 0)
        .case("all_equal", (vec![0; 100], 0), 4_950)
        .generated(24, small, |(numbers, target)| pairs(numbers, *target))
        .generated(2, huge, |(numbers, target)| pairs(numbers, *target))
}

fn small() -> impl Strategy<Value = (Vec<i64>, i64)> {
    (collection::vec(-6_i64..6, 20..70), -6_i64..6)
}

fn huge() -> impl Strategy<Value = (Vec<i64>, i64)> {
    (any::<u64>(), 19_000_usize..=20_000).prop_map(|(start, count)| {
        let numbers = noise::numbers(start, count, 100_000).map(|n| n.cast_signed() - 50_000);
        (numbers.collect(), 7)
    })
}

fn pairs(numbers: &[i64], target: i64) -> i64 {
    let mut counts = HashMap::<i64, i64>::new();
    for number in numbers {
        *counts.entry(*number).or_default() += 1;
    }
    let ordered = counts.iter().map(|(number, count)| {
        let others = counts.get(&(target - number)).copied().unwrap_or(0);
        count * (others - i64::from(target == 2 * number))
    });
    // Every pair was counted twice, once from each member.
    ordered.sum::<i64>() / 2
}
