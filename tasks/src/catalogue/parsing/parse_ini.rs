//! Parse an INI file.

use crate::prelude::*;

pub fn task() -> Task {
    Task::code(Family::Parsing, "parse_ini", "INI settings")
        .asks(
            "Implement a function parse_ini(text: str) -> dict[str, dict[str, str]] that reads \
             settings. Lines end with '\\n' and count without the spaces and tabs around them. \
             Empty lines and lines that begin with '#' or ';' say nothing. A line '[name]' begins \
             the section of that name, taken as it stands between the first and the last character \
             of the line; a section that comes again goes on. A line 'key = value' sets a key of \
             the present section: it is split at its first '=', and the spaces and tabs around key \
             and value do not count. The value may be empty and may hold '=', '#' and ';'. A key \
             that is set again gets the new value. Sections without keys are in the result too. \
             ValueError is raised for a key before the first section, an empty key, and every \
             other line.",
        )
        .solved_by(
            r##"
def parse_ini(text: str) -> dict[str, dict[str, str]]:
    sections, section = {}, None
    for line in text.split("\n"):
        line = line.strip(" \t")
        if not line or line[0] in "#;":
            continue
        if len(line) > 1 and line[0] == "[" and line[-1] == "]":
            section = sections.setdefault(line[1:-1], {})
            continue
        key, equals, value = line.partition("=")
        key = key.rstrip(" \t")
        if section is None or not equals or not key:
            raise ValueError(f"not a setting: {line!r}")
        section[key] = value.lstrip(" \t")
    return sections
"##,
        )
        .mutant(
            "splits_at_the_last_equals_sign",
            r#"line.partition("=")"#,
            r#"line.rpartition("=")"#,
        )
        .mutant(
            "a_section_begins_afresh",
            "= sections.setdefault(line[1:-1], {})",
            "= sections[line[1:-1]] = {}",
        )
        .mutant(
            "hash_ends_a_value",
            r#"value.lstrip(" \t")"#,
            r##"value.split("#")[0].strip(" \t")"##,
        )
        .mutant("an_empty_key_is_a_key", " or not key:", ":")
        .wrong(
            "trusts_the_library",
            "
import configparser


def parse_ini(text):
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(text)
    except configparser.Error as error:
        raise ValueError(error)
    return {name: dict(parser[name]) for name in parser.sections()}
",
        )
        .example(
            ("[web]\nhost = a.b\n; note\nport=80\n",),
            Value::dict([("web", Value::dict([("host", "a.b"), ("port", "80")]))]),
        )
        .example(("key = 1\n",), Check::raises("ValueError"))
        .case("nothing", ("",), Value::Dict(vec![]))
        .case("an_empty_key", ("[a]\n = 1",), Check::raises("ValueError"))
        .case(
            "again",
            ("[a]\nold=1\nK=1\n[b]\n[a]\nk=#=;\nK=",),
            read("[a]\nold=1\nK=1\n[b]\n[a]\nk=#=;\nK="),
        )
        .generated(36, || (settings(),), |(text,)| read(text))
}

/// INI files, of which about one in five is malformed.
fn settings() -> impl Strategy<Value = String> {
    let good = prop_oneof![
        3 => "[ \t]?\\[[a-c ]{0,3}\\] ?",
        6 => "[ \t]?[a-dA-D]{1,2} ?= ?[a-z0-9#;= é]{0,8}",
        1 => "[#;] ?[a-z=]{0,5}",
        1 => "[ \t]{0,2}",
    ];
    let bad =
        prop_oneof![Just("= value".to_owned()), Just("word".to_owned()), Just("[open".to_owned())];
    let line = prop_oneof![60 => good, 1 => bad];
    collection::vec(line, 3..14).prop_map(|lines| format!("[first]\n{}\n", lines.join("\n")))
}

fn read(text: &str) -> Check {
    sections(text).map_or(Check::raises("ValueError"), Check::from)
}

fn sections(text: &str) -> Option<Value> {
    let mut sections: Vec<(&str, Vec<(&str, &str)>)> = Vec::new();
    let mut present = None;
    let blank = |c: char| c == ' ' || c == '\t';
    for line in text.split('\n').map(|line| line.trim_matches(blank)) {
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            let known = sections.iter().position(|(other, _)| *other == name);
            present = Some(known.unwrap_or(sections.len()));
            if known.is_none() {
                sections.push((name, Vec::new()));
            }
            continue;
        }
        let (key, value) = line.split_once('=')?;
        let (key, value) = (key.trim_matches(blank), value.trim_matches(blank));
        let (_, entries) = &mut sections[present?];
        if key.is_empty() {
            return None;
        }
        entries.retain(|(other, _)| *other != key);
        entries.push((key, value));
    }
    let sections = sections.into_iter().map(|(name, entries)| (name, Value::dict(entries)));
    Some(Value::dict(sections))
}
