//! Parse the query of a URL.

use crate::prelude::*;

pub fn task() -> Task {
    Task::code(Family::Parsing, "parse_query", "URL query")
        .asks(
            "Implement a function parse_query(query: str) -> dict[str, list[str]] that reads the \
             query of a URL (what follows the '?'). It is split at '&'; empty pieces say nothing. \
             A piece is split at its first '=' into a name and a value; without '=' the value is \
             empty. Then in both every '+' becomes a space, and every '%' with two hexadecimal \
             digits, of either case, becomes that byte; other '%' stay as they are. The bytes are \
             UTF-8; where they are not, U+FFFD takes their place, as with Python's \
             errors='replace'. Every name is mapped to the list of its values, in order. Names may \
             be empty.",
        )
        .solved_by(
            r#"
from urllib.parse import unquote_plus


def parse_query(query: str) -> dict[str, list[str]]:
    values = {}
    for piece in query.split("&"):
        if piece:
            name, _, value = piece.partition("=")
            values.setdefault(unquote_plus(name), []).append(unquote_plus(value))
    return values
"#,
        )
        .mutant(
            "plus_stays",
            "append(unquote_plus(value))",
            r#"append(unquote_plus(value.replace("+", "%2B")))"#,
        )
        .mutant(
            "the_last_value_counts",
            "values.setdefault(unquote_plus(name), []).append(unquote_plus(value))",
            "values[unquote_plus(name)] = [unquote_plus(value)]",
        )
        .mutant(
            "decodes_before_it_splits",
            r#"query.split("&")"#,
            r#"unquote_plus(query).split("&")"#,
        )
        .wrong(
            "drops_empty_values",
            "
from urllib.parse import parse_qs


def parse_query(query):
    return parse_qs(query)
",
        )
        .example(("a=1&b=x+y&a=%C3%A9",), Value::dict([("a", vec!["1", "é"]), ("b", vec!["x y"])]))
        .case("nothing", ("",), Value::Dict(vec![]))
        .case("no_value", ("flag&&=v",), Value::dict([("flag", vec![""]), ("", vec!["v"])]))
        .case("decoded_separators", ("a%26b=c%3Dd%26",), Value::dict([("a&b", vec!["c=d&"])]))
        .case("broken", ("a=%zz%4&b=%ff%C3",), parsed("a=%zz%4&b=%ff%C3"))
        .generated(36, || (queries(),), |(query,)| parsed(query))
}

/// Queries with a name with two values, a plus, an encoded separator and an empty value.
fn queries() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        5 => "[a-c]{1,2}=([a-zé+]|%[0-9a-f][0-9A-F]|%[46][1-9]|%){0,6}",
        1 => "[a-c=&]{0,5}",
    ];
    (collection::vec(piece, 1..8), "[d-z]{2}").prop_map(|(pieces, name)| {
        format!("{}&{name}=1+2&{name}=%263%2B&{name}{name}=", pieces.join("&"))
    })
}

fn parsed(query: &str) -> Value {
    let mut values: Vec<(String, Vec<String>)> = Vec::new();
    for piece in query.split('&').filter(|piece| !piece.is_empty()) {
        let (name, value) = piece.split_once('=').unwrap_or((piece, ""));
        let (name, value) = (decoded(name), decoded(value));
        match values.iter_mut().find(|(other, _)| *other == name) {
            Some((_, all)) => all.push(value),
            None => values.push((name, vec![value])),
        }
    }
    Value::dict(values)
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        let digit = |at: usize| after.get(at).and_then(|b| char::from(*b).to_digit(16));
        let hex = |high: u32, low: u32| u8::try_from(high * 16 + low).expect("two hex digits");
        rest = after;
        match (byte, digit(0), digit(1)) {
            (b'%', Some(high), Some(low)) => {
                bytes.push(hex(high, low));
                rest = &after[2..];
            }
            (b'+', ..) => bytes.push(b' '),
            _ => bytes.push(*byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
