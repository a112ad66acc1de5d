//! Format integers of any size in any base.

use crate::prelude::*;

pub fn task() -> Task {
    Task::code(Family::Numbers, "to_base", "Numbers in another base")
        .asks(
            "Implement a function to_base(n: int, base: int) -> str that writes the integer n in \
             the given base with the digits 0-9 and then a-z, without leading zeros and with a \
             leading '-' if n is negative. n may be of any size. It raises ValueError if base is \
             less than 2 or greater than 36.",
        )
        .solved_by(
            r#"
DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


def to_base(n: int, base: int) -> str:
    if not 2 <= base <= 36:
        raise ValueError("base must be 2 to 36")
    rest, text = abs(n), ""
    while rest:
        rest, digit = divmod(rest, base)
        text = DIGITS[digit] + text
    return ("-" if n < 0 else "") + (text or "0")
"#,
        )
        .mutant("zero_is_nothing", r#"(text or "0")"#, "text")
        .mutant("forgets_the_sign", r#"("-" if n < 0 else "") + "#, "")
        .mutant("goes_through_a_float", "abs(n)", "int(abs(float(n)))")
        .mutant("base_36_is_too_much", "<= 36", "< 36")
        .mutant("capital_digits", "DIGITS[digit]", "DIGITS[digit].upper()")
        .example((255, 16), "ff")
        .example((-5, 2), "-101")
        .example((10, 1), Check::raises("ValueError"))
        .case("zero", (0, 2), "0")
        .case("largest_base", (71, 36), "1z")
        .case("too_large_a_base", (10, 37), Check::raises("ValueError"))
        .case("negative_base", (10, -2), Check::raises("ValueError"))
        .generated(36, || (ints(), 2_u32..=36), |(n, base)| n.to_str_radix(*base))
}
