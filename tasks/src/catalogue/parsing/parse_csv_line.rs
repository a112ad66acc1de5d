//! Parse a record of comma-separated values with quotes.

use crate::prelude::*;

pub fn task() -> Task {
    Task::code(Family::Parsing, "parse_csv_line", "A line of CSV")
        .asks(
            "Implement a function parse_csv_line(line: str) -> list[str] that returns the fields \
             of a line of comma-separated values. A field that begins with a double quote is \
             quoted: it goes on to the next double quote that is not doubled, may hold commas and \
             line breaks, and a doubled quote in it stands for one quote. After the closing quote \
             a comma or the end of the line must follow. All other characters, spaces included, \
             belong to their field as they are. The empty line has one empty field. ValueError is \
             raised for a quoted field that is not closed, for anything else between a closing \
             quote and the comma, and for a double quote inside a field that did not begin with \
             one.",
        )
        .solved_by(
            r#"
import re

_FIELD = re.compile(r'"((?:[^"]|"")*)"|([^",]*)')


def parse_csv_line(line: str) -> list[str]:
    fields, place = [], 0
    while True:
        match = _FIELD.match(line, place)
        quoted, plain = match.groups()
        fields.append(plain if quoted is None else quoted.replace('""', '"'))
        place = match.end()
        if place == len(line):
            return fields
        if line[place] != ",":
            raise ValueError(f"a comma is missing at {place}")
        place += 1
"#,
        )
        .mutant("doubled_quotes_stay", r#"quoted.replace('""', '"')"#, "quoted")
        .mutant("strips_spaces", "(plain if", "(plain.strip() if")
        .wrong("splits_at_every_comma", "def parse_csv_line(line):\n    return line.split(',')")
        .wrong(
            "trusts_the_library",
            "
import csv


def parse_csv_line(line):
    return next(csv.reader([line]), [''])
",
        )
        .wrong(
            "forgives_what_is_not_closed",
            r#"
def parse_csv_line(line):
    fields, field, quoted = [], "", False
    for c in line:
        if c == '"':
            quoted = not quoted
        elif c == "," and not quoted:
            fields.append(field)
            field = ""
        else:
            field += c
    return fields + [field]
"#,
        )
        .example((r#"a,"b, c",d"#,), vec!["a", "b, c", "d"])
        .example((r#""say ""hi""""#,), vec![r#"say "hi""#])
        .example((r#"a,"b"#,), Check::raises("ValueError"))
        .case("empty", ("",), vec![""])
        .case("only_commas", (",,",), vec!["", "", ""])
        .case("text_after_a_quote", (r#""a"b,c"#,), Check::raises("ValueError"))
        .generated(58, || (records().prop_map(|fields| written(&fields)),), |(line,)| read(line))
        .generated(8, || ("[a,\" ]{5,12}",), |(line,)| read(line))
}

/// Fields, at least one of which needs quotes.
fn records() -> impl Strategy<Value = Vec<String>> {
    let field = prop_oneof![2 => "[ a-z0-9]{0,6}", 2 => "[a-c,\"\n ]{1,6}", 1 => texts(6)];
    (collection::vec(field, 1..6), "[a-z]{1,3}").prop_map(|(mut fields, name)| {
        fields.push(format!("{name}, \"so called\" "));
        fields.push(format!(" {name}"));
        fields
    })
}

fn written(fields: &[String]) -> String {
    let field = |field: &String| {
        if field.contains([',', '"', '\n']) {
            format!("\"{}\"", field.replace('"', "\"\""))
        } else {
            field.clone()
        }
    };
    fields.iter().map(field).collect::<Vec<_>>().join(",")
}

fn read(line: &str) -> Check {
    fields(line).map_or(Check::raises("ValueError"), Check::from)
}

fn fields(line: &str) -> Option<Vec<String>> {
    let mut chars = line.chars().peekable();
    let mut fields = Vec::new();
    loop {
        let mut field = String::new();
        if chars.next_if_eq(&'"').is_some() {
            loop {
                match chars.next()? {
                    '"' if chars.next_if_eq(&'"').is_none() => break,
                    c => field.push(c),
                }
            }
        } else {
            while let Some(c) = chars.next_if(|c| !matches!(c, ',' | '"')) {
                field.push(c);
            }
        }
        fields.push(field);
        match chars.next() {
            None => return Some(fields),
            Some(',') => {}
            Some(_) => return None,
        }
    }
}
