//! The maximum of every window of a long list.

use super::noise;
use crate::prelude::*;

pub fn task() -> Task {
    Task::code(Family::Performance, "sliding_maximum", "Maximum of a sliding window")
        .asks(
            "Implement a function sliding_maximum(numbers: list[int], width: int) -> list[int] \
             that returns, for every run of width neighbours in the list, from left to right, the \
             greatest number of the run. If width is greater than the length of the list there are \
             none. ValueError is raised if width is less than 1. The list has up to 24000 numbers, \
             and a call may take 0.25 seconds of CPU time: searching every window takes too long.",
        )
        .solved_by(
            r#"
from collections import deque


def sliding_maximum(numbers: list[int], width: int) -> list[int]:
    if width < 1:
        raise ValueError("no window")
    candidates, maxima = deque(), []
    for i, number in enumerate(numbers):
        while candidates and numbers[candidates[-1]] <= number:
            candidates.pop()
        candidates.append(i)
        if candidates[0] <= i - width:
            candidates.popleft()
        if i >= width - 1:
            maxima.append(numbers[candidates[0]])
    return maxima
"#,
        )
        .call_cpu_ms(250)
        .mutant("starts_too_late", "i >= width - 1", "i >= width")
        .mutant("window_too_wide", "<= i - width", "< i - width")
        .mutant("keeps_the_smallest", "<= number", ">= number")
        .mutant("any_width", "    if width < 1:\n        raise ValueError(\"no window\")\n", "")
        .wrong(
            "searches_every_window",
            r#"
def sliding_maximum(numbers, width):
    if width < 1:
        raise ValueError("no window")
    return [max(numbers[i:i + width]) for i in range(len(numbers) - width + 1)]
"#,
        )
        .example((vec![1, 3, 2, 5], 2), vec![3, 3, 5])
        .example((vec![1], 0), Check::raises("ValueError"))
        .case("too_wide", (vec![1, 2], 3), Vec::<i64>::new())
        .case("as_wide_as_the_list", (vec![1, 9, 2], 3), vec![9])
        .generated(
            26,
            || (collection::vec(-50_i64..50, 8..30), 2_usize..7),
            |(numbers, width)| maxima(numbers, *width),
        )
        .generated(2, huge, |(numbers, width)| maxima(numbers, *width))
}

/// Falling numbers with noise, on which even a search that restarts only when the maximum leaves the window
/// is too slow.
fn huge() -> impl Strategy<Value = (Vec<i64>, usize)> {
    (any::<u64>(), 11_000_usize..13_000).prop_map(|(start, width)| {
        let noise = noise::numbers(start, 24_000, 5);
        (noise.zip(0..).map(|(noise, i)| noise.cast_signed() - 3 * i).collect(), width)
    })
}

/// Splits the list into blocks of the window's width. Every window is the end of one block and the start of
/// the next.
fn maxima(numbers: &[i64], width: usize) -> Vec<i64> {
    let running = |block: &[i64]| -> Vec<i64> {
        let greatest = |state: &mut i64, n: &i64| {
            *state = (*state).max(*n);
            Some(*state)
        };
        block.iter().scan(i64::MIN, greatest).collect()
    };
    let to_the_right: Vec<i64> = numbers.chunks(width).flat_map(running).collect();
    let backwards = |block: &[i64]| {
        let reversed: Vec<i64> = block.iter().rev().copied().collect();
        running(&reversed).into_iter().rev().collect::<Vec<_>>()
    };
    let to_the_left: Vec<i64> = numbers.chunks(width).flat_map(backwards).collect();
    (width - 1..numbers.len())
        .map(|end| to_the_left[end + 1 - width].max(to_the_right[end]))
        .collect()
}
