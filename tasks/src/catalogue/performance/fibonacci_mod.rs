//! Remainders of Fibonacci numbers with huge indices.

use crate::prelude::*;

pub fn task() -> Task {
    Task::code(Family::Performance, "fibonacci_mod", "Fibonacci numbers, far out")
        .asks(
            "Implement a function fibonacci_mod(n: int, m: int) -> int that returns the remainder \
             of the n-th Fibonacci number divided by m. The numbers are F(0) = 0, F(1) = 1 and \
             F(n) = F(n - 1) + F(n - 2). n is 0 to 10**18 and m is 1 to 10**12. A call may take \
             0.2 seconds of CPU time: adding up one by one takes too long.",
        )
        .solved_by(
            r"
def fibonacci_mod(n: int, m: int) -> int:
    a, b = 0, 1
    for bit in bin(n)[2:]:
        a, b = a * (2 * b - a) % m, (a * a + b * b) % m
        if bit == '1':
            a, b = b, (a + b) % m
    return a % m
",
        )
        .call_cpu_ms(200)
        .mutant("one_off", "a, b = 0, 1", "a, b = 1, 1")
        .mutant("square_is_wrong", "(a * a + b * b) % m", "(a * a + b) % m")
        .wrong(
            "one_by_one",
            r"
def fibonacci_mod(n, m):
    a, b = 0, 1 % m
    for _ in range(n):
        a, b = b, (a + b) % m
    return a
",
        )
        .wrong(
            "goes_through_floats",
            r"
def fibonacci_mod(n, m):
    root = 5 ** 0.5
    return round(((1 + root) / 2) ** min(n, 1400) / root) % m
",
        )
        .example((10, 1000), 55)
        .case("zero", (0, 7), 0)
        .case("one", (1, 1), 0)
        .case("two", (2, 5), 1)
        .case(
            "farthest",
            (1_000_000_000_000_000_000_u64, 1_000_000_000_000_u64),
            remainder(1_000_000_000_000_000_000, 1_000_000_000_000),
        )
        .generated(14, || (20_u64..3_000, 50_u64..1_000_000), |(n, m)| remainder(*n, *m))
        .generated(
            18,
            || (1_u64 << 40..1_000_000_000_000_000_000, 1_000_u64..1_000_000_000_000),
            |(n, m)| remainder(*n, *m),
        )
}

/// Computes powers of the matrix ((1, 1), (1, 0)).
fn remainder(mut n: u64, m: u64) -> u64 {
    let m = u128::from(m);
    let times = |a: [u128; 3], b: [u128; 3]| {
        // The matrices are symmetric; their entries are F(k + 1), F(k) and F(k - 1).
        [
            (a[0] * b[0] + a[1] * b[1]) % m,
            (a[0] * b[1] + a[1] * b[2]) % m,
            (a[1] * b[1] + a[2] * b[2]) % m,
        ]
    };
    let (mut power, mut result) = ([1, 1, 0], [1, 0, 1]);
    while n > 0 {
        if n % 2 == 1 {
            result = times(result, power);
        }
        power = times(power, power);
        n /= 2;
    }
    u64::try_from(result[1] % m).expect("a remainder below m")
}
