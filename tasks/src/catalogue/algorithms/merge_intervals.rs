//! Merge overlapping intervals.

use crate::prelude::*;

pub fn task() -> Task {
    Task::code(Family::Algorithms, "merge_intervals", "Merge intervals")
        .asks(
            "Implement a function merge_intervals(intervals: list[list[int]]) -> list[list[int]]. \
             Each interval is [start, end] with start <= end, in any order, and holds all real \
             numbers from start to end, both included. Return the fewest intervals that hold the \
             same numbers, sorted by start: [1, 2] and [2, 3] are merged, for they share a number, \
             and [1, 2] and [3, 4] are not. No intervals give the empty list.",
        )
        .solved_by(
            r"
def merge_intervals(intervals: list[list[int]]) -> list[list[int]]:
    merged = []
    for start, end in sorted(intervals):
        if merged and start <= merged[-1][1]:
            merged[-1][1] = max(merged[-1][1], end)
        else:
            merged.append([start, end])
    return merged
",
        )
        .mutant("touching_stays_apart", "start <= merged", "start < merged")
        .mutant("forgets_the_longer_end", "max(merged[-1][1], end)", "end")
        .mutant("trusts_the_order", "sorted(intervals)", "intervals")
        .example((vec![[1, 3], [8, 9], [2, 6]],), vec![[1, 6], [8, 9]])
        .case("none", (Vec::<[i64; 2]>::new(),), Vec::<[i64; 2]>::new())
        .case("touching", (vec![[1, 2], [2, 3]],), vec![[1, 3]])
        .case("neighbours_stay_apart", (vec![[1, 2], [3, 4]],), vec![[1, 2], [3, 4]])
        .case("inside", (vec![[1, 10], [2, 3]],), vec![[1, 10]])
        .case("points", (vec![[5, 5], [5, 5]],), vec![[5, 5]])
        .generated(40, || (intervals(),), |(intervals,)| merged(intervals))
}

fn intervals() -> impl Strategy<Value = Vec<[i64; 2]>> {
    let interval = (-50_i64..50, 0_i64..15).prop_map(|(start, length)| [start, start + length]);
    collection::vec(interval, 8..20)
}

fn merged(intervals: &[[i64; 2]]) -> Vec<[i64; 2]> {
    let mut sorted = intervals.to_vec();
    sorted.sort_unstable();
    let mut merged = Vec::<[i64; 2]>::new();
    for [start, end] in sorted {
        match merged.last_mut() {
            Some(last) if start <= last[1] => last[1] = last[1].max(end),
            _ => merged.push([start, end]),
        }
    }
    merged
}
