//! Parse version numbers, with a specific exception for each kind of malformed one.

use crate::prelude::*;

pub fn task() -> Task {
    Task::code(Family::Errors, "parse_version", "Version numbers")
        .asks(
            "Implement a function parse_version(text) -> tuple that reads a version number of the \
             form MAJOR.MINOR.PATCH, such as '1.20.3', or '1.20.3-beta.1' with a label. Return \
             (major, minor, patch, label): three ints, and the label as a str, or None if there is \
             no '-'. A number is 0, or digits 0-9 that do not begin with 0. The label is what \
             follows the first '-': one or more of the characters a-z, 0-9, '.' and '-'. If the \
             argument is not a str, TypeError is raised. Everything else raises ValueError: \
             spaces, signs, missing or additional numbers, an empty label, other characters.",
        )
        .solved_by(
            r#"
import re

_NUMBER = "(0|[1-9][0-9]*)"
_FORM = re.compile(rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}(?:-([a-z0-9.-]+))?")


def parse_version(text) -> tuple:
    if not isinstance(text, str):
        raise TypeError("a version is a str")
    match = _FORM.fullmatch(text)
    if not match:
        raise ValueError(f"{text!r} is not a version")
    *numbers, label = match.groups()
    return (*map(int, numbers), label)
"#,
        )
        .mutant("leading_zeros", "(0|[1-9][0-9]*)", "([0-9]+)")
        .mutant("only_a_beginning", "fullmatch", "match")
        .mutant("any_error_will_do", "raise TypeError", "raise ValueError")
        .mutant(
            "no_label_is_empty",
            "(*map(int, numbers), label)",
            r#"(*map(int, numbers), label or "")"#,
        )
        .mutant("numbers_stay_text", "*map(int, numbers)", "*numbers")
        .wrong(
            "splits_and_hopes",
            r#"
def parse_version(text):
    if not isinstance(text, str):
        raise TypeError("a version is a str")
    numbers, dash, label = text.partition("-")
    major, minor, patch = map(int, numbers.split("."))
    return major, minor, patch, label if dash else None
"#,
        )
        .example(("1.20.3",), (1, 20, 3, Value::None))
        .example(("1.20.3-beta.1",), (1, 20, 3, "beta.1"))
        .example((1.2,), Check::raises("TypeError"))
        .example(("1.2",), Check::raises("ValueError"))
        .case("a_leading_zero", ("1.02.3",), Check::raises("ValueError"))
        .case("bytes", (Bytes(b"1.2.3".to_vec()),), Check::raises("TypeError"))
        .case("a_line", ("1.2.3\n",), Check::raises("ValueError"))
        .case("other_digits", ("1.2.٣",), Check::raises("ValueError"))
        .generated(
            2,
            || ("(0|[1-9][0-9]{0,3})\\.(0|[1-9][0-9]{0,25})\\.(0|[1-9])(-[a-z0-9.-]{1,6})?",),
            |(text,)| version(text),
        )
        .generated_each(
            WRONG,
            |wrong| (wrong(),),
            |(wrong,)| match wrong {
                Value::Str(text) => version(text),
                _ => Check::raises("TypeError"),
            },
        )
        .groups(30)
}

/// Malformed versions, three times as often as arguments of another type.
const WRONG: &[fn() -> BoxedStrategy<Value>] = &[malformed, malformed, malformed, not_text];

fn malformed() -> BoxedStrategy<Value> {
    "[ +0]?[1-9]?\\.0?[0-9_]{1,2}(\\.[0-9]{1,2}){0,3}(-[a-zA-Z_]{0,2})?"
        .prop_map(Value::from)
        .boxed()
}

fn not_text() -> BoxedStrategy<Value> {
    let value = prop_oneof![
        ints().prop_map(Value::from),
        floats().prop_map(Value::from),
        Just(Value::None),
        (1_i64..9, "1.2.3").prop_map(Value::from)
    ];
    value.boxed()
}

fn version(text: &str) -> Check {
    let read = || {
        let (numbers, label) = text.split_once('-').map_or((text, None), |(n, l)| (n, Some(l)));
        let numbers: Vec<&str> = numbers.split('.').collect();
        let [major, minor, patch] = numbers[..] else { return None };
        let allowed = |c: char| matches!(c, 'a'..='z' | '0'..='9' | '.' | '-');
        if label.is_some_and(|label| label.is_empty() || !label.chars().all(allowed)) {
            return None;
        }
        Some((number(major)?, number(minor)?, number(patch)?, label))
    };
    read().map_or(Check::raises("ValueError"), Check::exact)
}

fn number(text: &str) -> Option<BigInt> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let canonical = text == "0" || !text.starts_with('0');
    if digits && canonical { text.parse().ok() } else { None }
}
