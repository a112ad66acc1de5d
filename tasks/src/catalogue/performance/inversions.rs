//! Count the pairs of a list that are out of order.

use super::noise;
use crate::prelude::*;

pub fn task() -> Task {
    Task::code(Family::Performance, "inversions", "Count inversions")
        .asks(
            "Implement a function inversions(numbers: list[int]) -> int that returns how many \
             pairs of indices i < j there are with numbers[i] > numbers[j]. The list has up to \
             12000 numbers of any size, and a call may take 0.4 seconds of CPU time: comparing \
             every pair takes too long.",
        )
        .solved_by(
            r"
def inversions(numbers: list[int]) -> int:
    def count(part):
        if len(part) < 2:
            return part, 0
        middle = len(part) // 2
        (left, a), (right, b) = count(part[:middle]), count(part[middle:])
        merged, total, i = [], a + b, 0
        for number in right:
            while i < len(left) and left[i] <= number:
                merged.append(left[i])
                i += 1
            merged.append(number)
            total += len(left) - i
        return merged + left[i:], total

    return count(numbers)[1]
",
        )
        .call_cpu_ms(400)
        .mutant("equal_ones_count", "left[i] <= number", "left[i] < number")
        .mutant("forgets_one_half", "a + b, 0", "a, 0")
        .mutant("counts_each_move_once", "total += len(left) - i", "total += i < len(left)")
        .wrong(
            "compares_every_pair",
            r"
def inversions(numbers):
    return sum(a > b for i, a in enumerate(numbers) for b in numbers[i + 1:])
",
        )
        .example((vec![3, 1, 2],), 2)
        .case("nothing", (Vec::<i64>::new(),), 0)
        .case("equal", (vec![5, 5, 5],), 0)
        .case("falling", ((0..200).rev().collect::<Vec<_>>(),), 19_900)
        .generated(14, || (collection::vec(-9_i64..9, 6..40),), |(numbers,)| count(numbers))
        .generated(10, || (collection::vec(ints(), 5..30),), |(numbers,)| count(numbers))
        .generated(2, || (huge(),), |(numbers,)| count(numbers))
}

fn huge() -> impl Strategy<Value = Vec<u64>> {
    (any::<u64>(), 11_000_usize..=12_000)
        .prop_map(|(start, count)| noise::numbers(start, count, 1 << 40).collect())
}

/// For each number, counts the greater ones before it with a Fenwick tree.
fn count<T: Ord>(numbers: &[T]) -> u64 {
    let mut ranks: Vec<&T> = numbers.iter().collect();
    ranks.sort_unstable();
    ranks.dedup();
    let mut tree = vec![0_u64; ranks.len() + 1];
    let mut total = 0;
    for (before, number) in (0_u64..).zip(numbers) {
        let rank = ranks.binary_search(&number).expect("ranks holds every number") + 1;
        let (mut at, mut not_greater) = (rank, 0);
        while at > 0 {
            not_greater += tree[at];
            at &= at - 1;
        }
        total += before - not_greater;
        let mut at = rank;
        while at < tree.len() {
            tree[at] += 1;
            at += at & at.wrapping_neg();
        }
    }
    total
}
