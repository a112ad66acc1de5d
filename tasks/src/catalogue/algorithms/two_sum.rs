//! Find two numbers with a given sum; any such pair is right.

use crate::prelude::*;

pub fn task() -> Task {
    Task::code(Family::Algorithms, "two_sum", "Two numbers that add up")
        .asks(
            "Implement a function two_sum(numbers: list[int], target: int) -> list[int] | None \
             that returns the two different indices [i, j], in any order, of two numbers whose sum \
             is the target. If several pairs do, any of them is right. If none does, return None.",
        )
        .solved_by(
            r"
def two_sum(numbers: list[int], target: int) -> list[int] | None:
    seen = {}
    for index, number in enumerate(numbers):
        if target - number in seen:
            return [seen[target - number], index]
        seen[number] = index
    return None
",
        )
        .mutant(
            "takes_a_number_twice",
            "    for index, number in enumerate(numbers):\n",
            "    for index, number in enumerate(numbers):\n        seen[number] = index\n",
        )
        .mutant(
            "returns_the_numbers",
            "[seen[target - number], index]",
            "[target - number, number]",
        )
        .mutant("none_is_an_empty_list", "return None", "return []")
        .example((vec![2, 7, 11, 15], 9), pair(&[2, 7, 11, 15], 9))
        .example((vec![1, 2], 100), Value::None)
        .case("not_the_same_number_twice", (vec![5, 1], 10), Value::None)
        .case("equal_numbers", (vec![5, 5], 10), pair(&[5, 5], 10))
        .case("empty", (Vec::<i64>::new(), 0), Value::None)
        .generated(1, sums, |(numbers, target)| pair(numbers, *target))
        .generated(1, near_misses, |(numbers, target)| pair(numbers, *target))
        .groups(30)
}

/// Lists with the sum of two of their numbers.
fn sums() -> impl Strategy<Value = (Vec<i64>, i64)> {
    (collection::vec(-40_i64..40, 4..14), any::<[sample::Index; 2]>()).prop_map(
        |(numbers, [first, step])| {
            let first = first.index(numbers.len());
            let second = (first + 1 + step.index(numbers.len() - 1)) % numbers.len();
            let target = numbers[first] + numbers[second];
            (numbers, target)
        },
    )
}

/// Lists with a number that is twice one of theirs or larger than any sum, but not the sum of two of them.
fn near_misses() -> impl Strategy<Value = (Vec<i64>, i64)> {
    (collection::vec(-40_i64..40, 3..9), 80_i64..200).prop_map(|(numbers, large)| {
        let is_sum = |target: i64| matches!(pair(&numbers, target), Check::Holds(_));
        let doubles = numbers.iter().map(|number| number * 2);
        let target = doubles.chain([large]).find(|target| !is_sum(*target)).unwrap_or(large);
        (numbers, target)
    })
}

fn pair(numbers: &[i64], target: i64) -> Check {
    let last = numbers.len();
    let adds_up = |i: usize, j: usize| i != j && numbers[i] + numbers[j] == target;
    if !(0..last).any(|i| (0..i).any(|j| adds_up(i, j))) {
        return Value::None.into();
    }
    let name = format!("two different indices [i, j] whose numbers add up to {target}");
    let numbers = numbers.to_vec();
    Check::holds(name, move |value| {
        let index = |value: &Value| value.as_i64().and_then(|n| usize::try_from(n).ok());
        let Some([i, j]) = value.items() else { return false };
        let number = |index: usize| numbers.get(index).copied();
        match (index(i), index(j)) {
            (Some(i), Some(j)) if i != j => {
                number(i).zip(number(j)).is_some_and(|(a, b)| a + b == target)
            }
            _ => false,
        }
    })
}
