//! Factorials: integers that fit no machine word.

use num_bigint::BigInt;

use crate::prelude::*;

pub fn task() -> Task {
    Task::code("factorial", "Factorial")
        .prompt(
            "Implement a function factorial(n: int) -> int that returns the exact product of the \
             numbers from 1 to n, which is 1 for n = 0. It raises ValueError for a negative n. n is \
             at most 3000.",
        )
        .reference(
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
        .example((5,), 120)
        .example((-1,), Check::raises("ValueError"))
        .case("zero", (0,), Check::exact(1))
        .case("one", (1,), Check::exact(1))
        .case("largest", (3000,), Check::exact(factorial(3000)))
        .generated(5, || (2_u32..25,), |(n,)| Check::exact(factorial(*n)))
        .generated(5, || (25_u32..2000,), |(n,)| Check::exact(factorial(*n)))
}

fn factorial(n: u32) -> BigInt {
    (1..=n).product()
}
