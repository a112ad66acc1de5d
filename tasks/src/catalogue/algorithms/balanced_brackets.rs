//! Decide whether the brackets of a text are balanced.

use crate::prelude::*;

pub fn task() -> Task {
    Task::code(Family::Algorithms, "balanced_brackets", "Balanced brackets")
        .asks(
            "Implement a function balanced_brackets(text: str) -> bool that says whether every one \
             of the brackets ()[]{} in the text is closed by its own kind in the right order. \
             Other characters do not matter. Brackets may stand in each other thousands of times.",
        )
        .solved_by(
            r#"
def balanced_brackets(text: str) -> bool:
    closing = {"(": ")", "[": "]", "{": "}"}
    wanted = []
    for c in text:
        if c in closing:
            wanted.append(closing[c])
        elif c in ")]}" and (not wanted or wanted.pop() != c):
            return False
    return not wanted
"#,
        )
        .mutant("forgets_what_is_open", "return not wanted", "return True")
        .mutant("any_bracket_closes", "wanted.pop() != c", "not wanted.pop()")
        .mutant("pops_from_nothing", "not wanted or wanted", "wanted")
        .example(("f(a[1], {})",), true)
        .example(("(]",), false)
        .case("empty", ("",), true)
        .case("left_open", ("((",), false)
        .case("closed_too_often", ("())",), false)
        .case("crossed", ("([)]",), false)
        .case("deep", ("(".repeat(5_000) + &")".repeat(5_000),), true)
        .generated(2, || (nested(),), |(text,)| balanced(text))
        .generated(2, || (spoilt(),), |(text,)| balanced(text))
        .generated(1, || ("[()\\[\\]{}a]{6,16}",), |(text,)| balanced(text))
        .groups(24)
}

/// Balanced texts, which random characters hardly ever form.
fn nested() -> impl Strategy<Value = String> {
    let nested = "[a-z]{0,3}".prop_recursive(6, 32, 3, |inner| {
        (sample::select(vec!["()", "[]", "{}"]), collection::vec(inner, 1..3))
            .prop_map(|(pair, parts)| format!("{}{}{}", &pair[..1], parts.concat(), &pair[1..]))
    });
    collection::vec(nested, 2..4).prop_map(|parts| parts.concat())
}

/// Balanced texts with one additional bracket.
fn spoilt() -> impl Strategy<Value = String> {
    let bracket = sample::select(vec!['(', ')', '[', ']', '{', '}']);
    (nested(), bracket, any::<sample::Index>()).prop_map(|(mut text, bracket, at)| {
        text.insert(at.index(text.len() + 1), bracket);
        text
    })
}

fn balanced(text: &str) -> bool {
    let mut open = Vec::new();
    for c in text.chars() {
        match c {
            '(' => open.push(')'),
            '[' => open.push(']'),
            '{' => open.push('}'),
            ')' | ']' | '}' if open.pop() != Some(c) => return false,
            _ => {}
        }
    }
    open.is_empty()
}
