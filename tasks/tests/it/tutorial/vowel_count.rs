//! Count vowels, where capital letters and accents are easily forgotten.

use crate::prelude::*;

pub fn task() -> Task {
    Task::code(Family::Strings, "vowel_count", "Count vowels")
        .asks(
            "Implement a function vowel_count(text: str) -> int that returns how many characters \
             of the text are one of a, e, i, o and u, in lower or upper case. Letters with \
             accents do not count. If the text is empty, ValueError is raised.",
        )
        .solved_by(
            r#"
def vowel_count(text: str) -> int:
    if not text:
        raise ValueError("the text is empty")
    return sum(c in "aeiouAEIOU" for c in text)
"#,
        )
        .mutant("capitals_do_not_count", "aeiouAEIOU", "aeiou")
        .mutant("y_is_a_vowel", "aeiouAEIOU", "aeiouyAEIOUY")
        .mutant("nothing_has_no_vowels", "if not text", "if text is None")
        .mutant("each_vowel_once", "for c in text", "for c in set(text)")
        .example(("Queue",), 4)
        .example(("",), Check::raises("ValueError"))
        .case("accents", ("àéîõü",), 0)
        .generated(20, || ("[a-zA-Z ]{10,40}",), |(text,)| vowels(text))
        .generated(16, || (texts(30),), |(text,)| vowels(text))
}

fn vowels(text: &str) -> Check {
    if text.is_empty() {
        return Check::raises("ValueError");
    }
    text.chars().filter(|c| "aeiouAEIOU".contains(*c)).count().into()
}
