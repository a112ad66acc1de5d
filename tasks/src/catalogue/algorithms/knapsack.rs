//! The 0/1 knapsack problem.

use crate::prelude::*;

pub fn task() -> Task {
    Task::code(Family::Algorithms, "knapsack", "Knapsack")
        .asks(
            "Implement a function knapsack(capacity: int, items: list[list[int]]) -> int. Each \
             item is [weight, value], both 0 or more. Return the greatest total value of items, \
             each taken at most once, whose total weight is at most the capacity. The capacity is \
             0 to 1000, and there are at most 60 items. A call may take 0.25 seconds of CPU time.",
        )
        .solved_by(
            r"
def knapsack(capacity: int, items: list[list[int]]) -> int:
    best = [0] * (capacity + 1)
    for weight, value in items:
        for room in range(capacity, weight - 1, -1):
            best[room] = max(best[room], best[room - weight] + value)
    return best[capacity]
",
        )
        .mutant(
            "takes_an_item_again",
            "range(capacity, weight - 1, -1)",
            "range(weight, capacity + 1)",
        )
        .mutant("leaves_the_last_place_empty", "weight - 1, -1", "weight, -1")
        .wrong(
            "greedy",
            r"
def knapsack(capacity, items):
    total = 0
    for weight, value in sorted(items, key=lambda item: -item[1] / (item[0] or 1e-9)):
        if weight <= capacity:
            capacity -= weight
            total += value
    return total
",
        )
        .wrong(
            "tries_everything",
            r"
def knapsack(capacity, items):
    if not items:
        return 0
    (weight, value), *others = items
    best = knapsack(capacity, others)
    if weight <= capacity:
        best = max(best, value + knapsack(capacity - weight, others))
    return best
",
        )
        .call_cpu_ms(250)
        .example((10, vec![[6, 30], [5, 20], [5, 20]]), 40)
        .case("nothing", (5, Vec::<[u64; 2]>::new()), 0)
        .case("no_room", (0, vec![[1, 5], [0, 3]]), 3)
        .case("too_heavy", (3, vec![[4, 9]]), 0)
        .generated(30, || (3_usize..60, loads(10)), |(capacity, items)| best(*capacity, items))
        .generated(4, || (800_usize..=1000, loads(55)), |(capacity, items)| best(*capacity, items))
}

fn loads(least: usize) -> impl Strategy<Value = Vec<[u64; 2]>> {
    let item = (1_u64..25, 0_u64..40).prop_map(|(weight, value)| [weight, value]);
    let light = Just([0, 2]);
    collection::vec(prop_oneof![9 => item, 1 => light], least..least + 6)
}

fn best(capacity: usize, items: &[[u64; 2]]) -> u64 {
    let mut best = vec![0_u64; capacity + 1];
    for [weight, value] in items {
        let weight = usize::try_from(*weight).expect("weights are small");
        best = (0..=capacity)
            .map(|room| {
                let taken = room.checked_sub(weight).map(|left| best[left] + value);
                taken.map_or(best[room], |taken| taken.max(best[room]))
            })
            .collect();
    }
    best[capacity]
}
