//! Fizz buzz.

use crate::prelude::*;

pub fn task() -> Task {
    Task::code(Family::Numbers, "fizz_buzz", "Fizz, buzz")
        .asks(
            "Implement a function fizz_buzz(n: int) -> list[str] that returns, for each number \
             from 1 to n, 'Fizz' if it is divisible by 3, 'Buzz' if by 5, 'FizzBuzz' if by both, \
             and otherwise the number itself in decimal. For n < 1 the list is empty.",
        )
        .solved_by(
            r#"
def fizz_buzz(n: int) -> list[str]:
    return [
        "Fizz" * (i % 3 == 0) + "Buzz" * (i % 5 == 0) or str(i)
        for i in range(1, n + 1)
    ]
"#,
        )
        .mutant("stops_before_n", "n + 1", "n")
        .mutant("starts_at_zero", "range(1, n + 1)", "range(0, n + 1)")
        .mutant(
            "buzz_first",
            r#""Fizz" * (i % 3 == 0) + "Buzz" * (i % 5 == 0)"#,
            r#""Buzz" * (i % 5 == 0) + "Fizz" * (i % 3 == 0)"#,
        )
        .mutant("numbers_stay_numbers", "str(i)", "i")
        .example((5,), vec!["1", "2", "Fizz", "4", "Buzz"])
        .case("nothing", (0,), Vec::<String>::new())
        .case("negative", (-3,), Vec::<String>::new())
        .case("both", (15,), fizz_buzz(15))
        .generated(30, || (1_i64..1000,), |(n,)| fizz_buzz(*n))
}

fn fizz_buzz(n: i64) -> Vec<String> {
    let word = |i: i64| match (i % 3, i % 5) {
        (0, 0) => "FizzBuzz".to_owned(),
        (0, _) => "Fizz".to_owned(),
        (_, 0) => "Buzz".to_owned(),
        _ => i.to_string(),
    };
    (1..=n).map(word).collect()
}
