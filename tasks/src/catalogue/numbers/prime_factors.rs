//! Prime factorization.

use crate::prelude::*;

pub fn task() -> Task {
    Task::code(Family::Numbers, "prime_factors", "Prime factors")
        .asks(
            "Implement a function prime_factors(n: int) -> list[int] that returns the prime \
             numbers whose product is n, in ascending order and each as often as it divides n; for \
             n = 1 the list is empty. It raises ValueError for n < 1. n is less than 10**12.",
        )
        .solved_by(
            r#"
def prime_factors(n: int) -> list[int]:
    if n < 1:
        raise ValueError("n must be positive")
    factors, factor = [], 2
    while factor * factor <= n:
        while n % factor == 0:
            factors.append(factor)
            n //= factor
        factor += 1
    if n > 1:
        factors.append(n)
    return factors
"#,
        )
        .mutant("each_once", "while n % factor == 0:", "if n % factor == 0:")
        .mutant("misses_squares", "factor * factor <= n", "factor * factor < n")
        .mutant("forgets_what_is_left", "    if n > 1:\n        factors.append(n)\n", "")
        .mutant("zero_has_no_factors", "if n < 1", "if n < 0")
        .mutant("becomes_a_float", "n //= factor", "n /= factor")
        .example((60,), vec![2, 2, 3, 5])
        .example((0,), Check::raises("ValueError"))
        .case("one", (1,), Vec::<u64>::new())
        .case("a_square", (49,), vec![7, 7])
        .case("negative", (-6,), Check::raises("ValueError"))
        .generated(20, || (products(),), |(n,)| exactly(*n))
        .generated(
            6,
            || ((100_u64..1000).prop_map(|root| largest_prime_below(root).pow(2)),),
            |(n,)| exactly(*n),
        )
        .generated(10, || (1_000_u64..1_000_000_000,), |(n,)| exactly(*n))
}

/// Numbers with many factors, some of them repeated.
fn products() -> impl Strategy<Value = u64> {
    let prime = sample::select(vec![2_u64, 2, 3, 3, 5, 7, 11, 13, 97, 101, 997]);
    collection::vec(prime, 2..5).prop_map(|factors| factors.iter().product())
}

fn largest_prime_below(limit: u64) -> u64 {
    (2..limit).rev().find(|n| factors(*n).len() == 1).expect("2 is prime")
}

fn exactly(n: u64) -> Check {
    Check::exact(factors(n))
}

fn factors(mut n: u64) -> Vec<u64> {
    let mut factors = Vec::new();
    let mut factor = 2;
    while n > 1 {
        if factor * factor > n {
            factor = n;
        }
        while n.is_multiple_of(factor) {
            factors.push(factor);
            n /= factor;
        }
        factor += 1;
    }
    factors
}
