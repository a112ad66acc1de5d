//! Are the brackets of a text balanced?

use crate::prelude::*;

pub fn task() -> Task {
    Task::code("balanced_brackets", "Balanced brackets")
        .prompt(
            "Implement a function balanced_brackets(text: str) -> bool that says whether every one of \
             the brackets ()[]{} in the text is closed by its own kind in the right order. Other \
             characters do not matter.",
        )
        .reference(
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
        .example(("f(a[1], {})",), true)
        .example(("(]",), false)
        .case("empty", ("",), true)
        .case("left_open", ("((",), false)
        .case("closed_too_often", ("())",), false)
        .case("crossed", ("([)]",), false)
        .case("deep", ("(".repeat(5_000) + &")".repeat(5_000),), true)
        .generated(8, || ("[()\\[\\]{}a]{0,12}",), |(text,)| balanced(text))
        .generated(8, || (nested(),), |(text,)| balanced(text))
}

/// Mostly balanced texts, which blind choice would hardly ever draw.
fn nested() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![9 => Just(String::new()), 1 => Just("]".to_owned())];
    leaf.prop_recursive(6, 32, 3, |inner| {
        (sample::select(vec!["()", "[]", "{}"]), collection::vec(inner, 1..3))
            .prop_map(|(pair, parts)| format!("{}{}{}", &pair[..1], parts.concat(), &pair[1..]))
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
