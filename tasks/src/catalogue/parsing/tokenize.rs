//! Split the source of a small language into tokens.

use crate::prelude::*;

pub fn task() -> Task {
    Task::code(Family::Parsing, "tokenize", "Tokens of a little language")
        .asks(
            "Implement a function tokenize(source: str) -> list[tuple[str, str]] that cuts the \
             source of a little language into tokens, each a tuple of its kind and its text. \
             Spaces, tabs and '\\n' only separate. A '#' begins a comment up to the end of its \
             line, which says nothing. The kinds are: 'name', an ASCII letter or '_' and then any \
             number of ASCII letters, digits and '_'; 'number', one or more digits 0-9, and \
             possibly a '.' with one or more digits after it; 'string', from a single quote ' to \
             the next one that has no backslash before it, within one line, where a backslash \
             takes the character after it (any but '\\n') with it; the text of the token is as in \
             the source, quotes included; 'op', one of == != <= >= -> + - * / = < > ( ) , :. The \
             longest possible token is always taken. Whatever is none of these raises ValueError.",
        )
        .solved_by(
            r#"
import re

_TOKEN = re.compile(
    r"""
    (?P<skip>[ \t\n]+|\#[^\n]*)
    |(?P<name>[A-Za-z_][A-Za-z0-9_]*)
    |(?P<number>[0-9]+(?:\.[0-9]+)?)
    |(?P<string>'(?:[^'\\\n]|\\[^\n])*')
    |(?P<op>==|!=|<=|>=|->|[-+*/=<>(),:])
    """,
    re.VERBOSE,
)


def tokenize(source: str) -> list[tuple[str, str]]:
    tokens, place = [], 0
    while place < len(source):
        match = _TOKEN.match(source, place)
        if not match:
            raise ValueError(f"unexpected {source[place]!r}")
        if match.lastgroup != "skip":
            tokens.append((match.lastgroup, match.group()))
        place = match.end()
    return tokens
"#,
        )
        .mutant("no_escapes_in_strings", r"(?:[^'\\\n]|\\[^\n])*", r"[^'\n]*")
        .mutant(
            "short_operators_first",
            "==|!=|<=|>=|->|[-+*/=<>(),:]",
            "[-+*/=<>(),:]|==|!=|<=|>=|->",
        )
        .mutant(
            "skips_the_unknown",
            "            raise ValueError(f\"unexpected {source[place]!r}\")\n",
            "            place += 1\n            continue\n",
        )
        .mutant("names_in_any_alphabet", "[A-Za-z_][A-Za-z0-9_]*", r"[^\W\d]\w*")
        .mutant("a_dot_needs_no_digits", r"(?:\.[0-9]+)?", r"(?:\.[0-9]*)?")
        .example(("x = 1.5 # half",), vec![("name", "x"), ("op", "="), ("number", "1.5")])
        .example(("a ? b",), Check::raises("ValueError"))
        .case("nothing", ("",), Vec::<(String, String)>::new())
        .case("only_a_comment", ("# 'x",), Vec::<(String, String)>::new())
        .case("not_closed", ("'abc\n'",), Check::raises("ValueError"))
        .case("a_number_ends_before_its_dot", ("1.",), Check::raises("ValueError"))
        .case("other_letters", ("é",), Check::raises("ValueError"))
        .generated(56, || (sources(),), |(source,)| cut(source))
        .generated(4, || ("[a1.'\\\\=<# \n-]{4,10}",), |(source,)| cut(source))
}

/// Longer ones first.
const OPERATORS: &[&str] =
    &["==", "!=", "<=", ">=", "->", "+", "-", "*", "/", "=", "<", ">", "(", ")", ",", ":"];

/// Valid sources, each with an escape in a string and a two-character operator.
fn sources() -> impl Strategy<Value = String> {
    let token = prop_oneof![
        3 => "[a-c_]{1,2}[0-9]?",
        1 => "[0-9]{1,3}(\\.[0-9]{1,2})?",
        2 => sample::select(OPERATORS).prop_map(String::from),
        1 => "'[a-z# \"é😀]{0,4}(\\\\['\\\\n])?'",
    ];
    let gap = sample::select(vec!["", " ", " ", "\t", "\n", " # it's\n"]);
    collection::vec((token, gap), 3..12).prop_map(|tokens| {
        let text: String = tokens.into_iter().map(|(token, gap)| token + gap).collect();
        format!("{text} <= 'it\\'s'")
    })
}

fn cut(source: &str) -> Check {
    tokens(source).map_or(Check::raises("ValueError"), Check::from)
}

fn tokens(source: &str) -> Option<Vec<(&'static str, &str)>> {
    let mut tokens = Vec::new();
    let mut rest = source;
    while let Some(first) = rest.chars().next() {
        let run = |start: usize, of: fn(char) -> bool| {
            rest[start..].find(|c| !of(c)).map_or(rest.len(), |end| start + end)
        };
        let digit = |c: char| c.is_ascii_digit();
        let (kind, end) = match first {
            ' ' | '\t' | '\n' => (None, 1),
            '#' => (None, run(0, |c| c != '\n')),
            'a'..='z' | 'A'..='Z' | '_' => {
                (Some("name"), run(0, |c| c.is_ascii_alphanumeric() || c == '_'))
            }
            '0'..='9' => {
                let whole = run(0, digit);
                let fraction =
                    rest[whole..].strip_prefix('.').is_some_and(|r| r.starts_with(digit));
                (Some("number"), if fraction { run(whole + 1, digit) } else { whole })
            }
            '\'' => (Some("string"), string_end(rest)?),
            _ => (Some("op"), operator_end(rest)?),
        };
        tokens.extend(kind.map(|kind| (kind, &rest[..end])));
        rest = &rest[end..];
    }
    Some(tokens)
}

fn string_end(text: &str) -> Option<usize> {
    let mut chars = text.char_indices().skip(1);
    loop {
        match chars.next()? {
            (at, '\'') => return Some(at + 1),
            (_, '\\') => drop(chars.next().filter(|(_, c)| *c != '\n')?),
            (_, '\n') => return None,
            _ => {}
        }
    }
}

fn operator_end(text: &str) -> Option<usize> {
    OPERATORS.iter().find(|operator| text.starts_with(**operator)).map(|operator| operator.len())
}
