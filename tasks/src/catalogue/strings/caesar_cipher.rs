//! Caesar's cipher, with shifts of any size.

use crate::prelude::*;

pub fn task() -> Task {
    Task::code(Family::Strings, "caesar_cipher", "Caesar's cipher")
        .asks(
            "Implement a function caesar_cipher(text: str, shift: int) -> str that moves every \
             letter a-z and A-Z of the text by shift places in the alphabet, round from Z to A, \
             and keeps its case. Every other character stays as it is. shift may be negative and \
             of any size.",
        )
        .solved_by(
            r#"
def caesar_cipher(text: str, shift: int) -> str:
    def moved(c):
        for first in "aA":
            if ord(first) <= ord(c) < ord(first) + 26:
                return chr((ord(c) - ord(first) + shift) % 26 + ord(first))
        return c

    return "".join(map(moved, text))
"#,
        )
        .mutant(
            "does_not_wrap",
            "(ord(c) - ord(first) + shift) % 26",
            "(ord(c) - ord(first) + shift % 26)",
        )
        .mutant("lower_case_only", r#""aA""#, r#""a""#)
        .mutant("moves_backwards", "+ shift", "- shift")
        .wrong(
            "moves_every_letter_of_unicode",
            r#"
def caesar_cipher(text, shift):
    def moved(c):
        if not c.isalpha():
            return c
        first = ord("A") if c.isupper() else ord("a")
        return chr((ord(c) - first + shift) % 26 + first)

    return "".join(map(moved, text))
"#,
        )
        .example(("Hello, World!", 3), "Khoor, Zruog!")
        .example(("abc", -1), "zab")
        .case("whole_rounds", ("Same", -52), "Same")
        .case("other_letters_stay", ("äöü Ω", 5), "äöü Ω")
        .generated(
            18,
            || ("[a-zA-Z ,.!]{3,40}", 1_i64..26),
            |(text, shift)| moved(text, &(*shift).into()),
        )
        .generated(16, || (texts(40), ints()), |(text, shift)| moved(text, shift))
}

fn moved(text: &str, shift: &BigInt) -> String {
    let round = BigInt::from(26);
    let shift: u8 =
        (((shift % &round) + &round) % &round).try_into().expect("a remainder below 26");
    let moved = |c: char, first: u8| {
        let place = u8::try_from(c).expect("an ASCII letter") - first;
        char::from(first + (place + shift) % 26)
    };
    let each = |c: char| match c {
        'a'..='z' => moved(c, b'a'),
        'A'..='Z' => moved(c, b'A'),
        _ => c,
    };
    text.chars().map(each).collect()
}
