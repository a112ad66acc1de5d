//! Reverse a string, by code points.

use crate::prelude::*;

pub fn task() -> Task {
    Task::code("reverse_string", "Reverse a string")
        .prompt("Implement a function reverse_string(s: str) -> str")
        .reference(
            r"
def reverse_string(s: str) -> str:
    return s[::-1]
",
        )
        .example(("hello",), "olleh")
        .example(("",), "")
        .case("one_letter", ("x",), "x")
        .case("spaces_stay", (" ab c ",), " c ba ")
        .case("beyond_ascii", ("naïve 😀",), "😀 evïan")
        .generated(12, || ("[a-zA-Z0-9 ]{2,40}",), |(s,)| reversed(s))
        .generated(4, || ("\\PC{2,30}",), |(s,)| reversed(s))
}

fn reversed(s: &str) -> String {
    s.chars().rev().collect()
}
