//! TODO: what the task asks for and what is easy to get wrong, in a line or two.

use crate::prelude::*;

pub fn task() -> Task {
    Task::code(Family::Strings, "skeleton", "TODO: a few words")
        .asks(
            "TODO: state exactly what is required, limits and exceptions included. Implement a function \
             skeleton(n: int) -> int that returns twice n, which may be of any size.",
        )
        .solved_by(
            r"
def skeleton(n: int) -> int:
    return 2 * n
",
        )
        .mutant("adds_two", "2 * n", "2 + n")
        .mutant("forgets_the_sign", "2 * n", "2 * abs(n)")
        .mutant("goes_through_a_float", "2 * n", "int(2.0 * n)")
        .example((21,), 42)
        .case("zero", (0,), 0)
        .generated(30, || (ints(),), |(n,)| doubled(n))
}

/// Computes the expected value, which never enters a container.
fn doubled(n: &BigInt) -> BigInt {
    n * 2
}
