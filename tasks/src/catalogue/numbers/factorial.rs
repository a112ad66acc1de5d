//! Factorials, which exceed machine words.

use num_bigint::BigInt;

use crate::prelude::*;

pub fn task() -> Task {
    Task::code(Family::Numbers, "factorial", "Factorial")
        .asks(
            "Implement a function factorial(n: int) -> int that returns the exact product of the \
             numbers from 1 to n, which is 1 for n = 0. It raises ValueError for a negative n. n \
             is at most 3000.",
        )
        .solved_by(
            r#"
def factorial(n: int) -> int:
    if n < 0:
        raise ValueError("n must not be negative")
    product = 1
    for factor in range(2, n + 1):
        product *= factor
    return product
"#,
        )
        .mutant("leaves_out_n", "n + 1", "n")
        .mutant("negative_is_one", "n < 0", "n < -10**9")
        .mutant("becomes_a_float", "product = 1", "product = 1.0")
        .mutant("wraps_at_64_bits", "return product", "return product % 2**64")
        .example((5,), 120)
        .example((-1,), Check::raises("ValueError"))
        .case("zero", (0,), Check::exact(1))
        .case("one", (1,), Check::exact(1))
        .case("largest", (3000,), Check::exact(factorial(3000)))
        .generated(10, || (2_u32..100,), |(n,)| Check::exact(factorial(*n)))
        .generated(20, || (100_u32..2990,), |(n,)| Check::exact(factorial(*n)))
}

fn factorial(n: u32) -> BigInt {
    (1..=n).product()
}
