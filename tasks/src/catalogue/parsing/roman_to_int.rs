//! Parse a Roman numeral and reject malformed ones.

use crate::prelude::*;

pub fn task() -> Task {
    Task::code(Family::Parsing, "roman_to_int", "Roman numerals")
        .asks(
            "Implement a function roman_to_int(numeral: str) -> int that reads a roman numeral in \
             its one standard form, from I (1) to MMMCMXCIX (3999). It raises ValueError for \
             everything else: the empty string, lower case, other characters, and forms such as \
             IIII, VX or IC.",
        )
        .solved_by(
            r#"
import re

_FORM = re.compile("M{0,3}(CM|CD|D?C{0,3})(XC|XL|L?X{0,3})(IX|IV|V?I{0,3})")
_WORTH = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}


def roman_to_int(numeral: str) -> int:
    if not numeral or not _FORM.fullmatch(numeral):
        raise ValueError(f"{numeral!r} is not a roman numeral")
    total = 0
    for letter, following in zip(numeral, numeral[1:] + "I"):
        worth = _WORTH[letter]
        total += -worth if worth < _WORTH[following] else worth
    return total
"#,
        )
        .mutant("takes_anything", "not _FORM.fullmatch(numeral)", "False")
        .mutant("empty_is_zero", "not numeral or not", "not")
        .mutant("only_a_beginning", "fullmatch", "match")
        .mutant("never_subtracts", "-worth if", "worth if")
        .example(("XIV",), 14)
        .example(("IIII",), Check::raises("ValueError"))
        .case("the_least", ("I",), 1)
        .case("the_greatest", ("MMMCMXCIX",), 3999)
        .case("empty", ("",), Check::raises("ValueError"))
        .case("lower_case", ("xiv",), Check::raises("ValueError"))
        .case("subtracts_too_much", ("IC",), Check::raises("ValueError"))
        .case("newline", ("X\n",), Check::raises("ValueError"))
        .generated(64, || ((1_u32..4000).prop_map(roman),), |(numeral,)| read(numeral))
        .generated(8, || ("[IVXLCDM]{4,9}",), |(numeral,)| read(numeral))
}

fn roman(mut number: u32) -> String {
    let letters = [
        (1000, "M"),
        (900, "CM"),
        (500, "D"),
        (400, "CD"),
        (100, "C"),
        (90, "XC"),
        (50, "L"),
        (40, "XL"),
        (10, "X"),
        (9, "IX"),
        (5, "V"),
        (4, "IV"),
        (1, "I"),
    ];
    let mut numeral = String::new();
    for (worth, letter) in letters {
        while number >= worth {
            numeral.push_str(letter);
            number -= worth;
        }
    }
    numeral
}

/// A numeral is in standard form if formatting its value gives it back.
fn read(numeral: &str) -> Check {
    let worth = |letter: char| match letter {
        'I' => 1,
        'V' => 5,
        'X' => 10,
        'L' => 50,
        'C' => 100,
        'D' => 500,
        _ => 1000,
    };
    let worths: Vec<i64> = numeral.chars().map(worth).collect();
    let following = worths.iter().skip(1).chain([&0]);
    let signed = worths.iter().zip(following).map(|(w, next)| if w < next { -w } else { *w });
    match u32::try_from(signed.sum::<i64>()) {
        Ok(value) if (1..4000).contains(&value) && roman(value) == numeral => value.into(),
        _ => Check::raises("ValueError"),
    }
}
