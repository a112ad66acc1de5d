//! Reverse a string, by code points.

use crate::prelude::*;

pub fn task() -> Task {
    Task::code(Family::Strings, "reverse_string", "Reverse a string")
        .asks("Implement a function reverse_string(s: str) -> str")
        .solved_by(
            r"
def reverse_string(s: str) -> str:
    return s[::-1]
",
        )
        .mutant("returns_it_unchanged", "s[::-1]", "s")
        .mutant("loses_the_first_character", "s[::-1]", "s[:0:-1]")
        .mutant("reverses_bytes", "s[::-1]", r#"s.encode()[::-1].decode("utf-8", "replace")"#)
        .mutant("strips_spaces", "s[::-1]", "s.strip()[::-1]")
        .example(("hello",), "olleh")
        .example(("",), "")
        // The prompt does not define a character; this example does.
        .example(("e\u{301}t 😀",), "😀 t\u{301}e")
        .case("one_letter", ("x",), "x")
        .case("spaces_stay", (" ab c ",), " c ba ")
        .generated(20, || ("[a-zA-Z0-9 ]{2,40}",), |(s,)| reversed(s))
        .generated(16, || (texts(40),), |(s,)| reversed(s))
}

fn reversed(s: &str) -> String {
    s.chars().rev().collect()
}
