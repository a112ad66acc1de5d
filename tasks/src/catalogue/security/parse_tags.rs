//! Regular expression denial of service (CWE-1333): accept the same language without exponential
//! backtracking.

use crate::prelude::*;

pub fn task() -> Task {
    Task::code(Family::Security, "parse_tags", "Repair: regex denial of service")
        .asks_to_repair(
            "Repair the function parse_tags(text: str) -> list[str] below: a stranger can send a \
             text on which it searches for years. The repaired function must do the same for every \
             text, in at most 0.25 seconds of CPU time for 40000 characters. Tags are separated by \
             commas, with any number of spaces around each tag; one comma may end the text, with \
             nothing behind it. A tag is made of a-z, 0-9 and '-', does not begin with '-' and \
             never has two '-' in a row; it may end with one. There is at least one tag. The tags \
             are returned in order, without the spaces. ValueError is raised for every other text.",
            VULNERABLE,
        )
        .solved_by(
            r#"
import re

_TAG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*-?")


def parse_tags(text: str) -> list[str]:
    tags = [tag.strip(" ") for tag in text.removesuffix(",").split(",")]
    if not all(map(_TAG.fullmatch, tags)):
        raise ValueError("not a list of tags")
    return tags
"#,
        )
        .call_cpu_ms(250)
        .mutant("strips_all_white_space", r#"tag.strip(" ")"#, "tag.strip()")
        .mutant("no_comma_at_the_end", r#".removesuffix(",")"#, "")
        .mutant("many_commas_at_the_end", r#".removesuffix(",")"#, r#".rstrip(",")"#)
        .mutant("no_dash_at_the_end", "*-?", "*")
        .mutant("two_dashes", "(?:-[a-z0-9]+)*", "(?:-+[a-z0-9]+)*")
        .mutant("refuses_long_texts", "    if not all", "    if len(text) > 1000 or not all")
        .example((" web, c-3po ,x-",), vec!["web", "c-3po", "x-"])
        .example(("a,,b",), Check::raises("ValueError"))
        .example(("a".repeat(60) + "!",), Check::raises("ValueError"))
        .case("empty", ("",), Check::raises("ValueError"))
        .case("only_a_comma", (",",), Check::raises("ValueError"))
        .case("a_comma_at_the_end", ("a,b,",), vec!["a", "b"])
        .case("a_space_behind_it", ("a, ",), Check::raises("ValueError"))
        .case("two_commas_at_the_end", ("a,,",), Check::raises("ValueError"))
        .case("two_dashes", ("a--b",), Check::raises("ValueError"))
        .case("a_long_tag", ("1".repeat(60) + "A",), Check::raises("ValueError"))
        .case("a_line_break", ("a\n",), Check::raises("ValueError"))
        .generated_each(ATTACKS, |end| (attack(end),), |(text,)| parsed(text))
        .generated(2, || (lists(""),), |(text,)| parsed(text))
        .generated_each(ENDS, |end| (lists(end),), |(text,)| parsed(text))
        .generated(1, || ("[a ,-]{3,8}",), |(text,)| parsed(text))
        .generated_each(LONG, |(repeated, end)| (long(repeated, end),), |(text,)| parsed(text))
        .groups(24)
}

const VULNERABLE: &str = r#"
import re

_TAGS = re.compile(r"(?: *(?:[a-z0-9]+-?)+ *(?:,|$))+")


def parse_tags(text: str) -> list[str]:
    if "\n" in text or not _TAGS.fullmatch(text):
        raise ValueError("not a list of tags")
    return [tag.strip(" ") for tag in text.removesuffix(",").split(",")]
"#;

/// What follows a long tag in texts on which the given code searches for years.
const ATTACKS: &[&str] = &["!", "A", "--", " b", ",,", "é", ".", "\t"];

/// Ends of lists.
const ENDS: &[&str] = &[",", "\n", ",,", "A", ", "];

/// Long texts that the given code reads: what is repeated, and how it ends.
const LONG: &[(&str, &str)] =
    &[("a-", "-"), ("ab, ", ""), (" ", "!"), ("a", ""), ("a-a,", "A"), ("x ,", "x")];

fn lists(end: &'static str) -> impl Strategy<Value = String> {
    let tag = " {0,2}[a-z0-9]{1,4}(-[a-z0-9]{1,3}){0,2}-? {0,2}";
    collection::vec(tag, 1..7).prop_map(move |tags| tags.join(",") + end)
}

fn attack(end: &'static str) -> impl Strategy<Value = String> {
    let length = prop_oneof![50_usize..100, 30_000_usize..39_000];
    ("([a-z]{1,5}, ?){0,3}", "[a-z0-9]{2,4}", length).prop_map(move |(start, repeated, length)| {
        start + &repeated.repeat(length / repeated.len()) + end
    })
}

fn long(repeated: &'static str, end: &'static str) -> impl Strategy<Value = String> {
    // Long enough that quadratic backtracking is too slow on any machine.
    (30_000_usize..39_000).prop_map(move |length| repeated.repeat(length / repeated.len()) + end)
}

fn parsed(text: &str) -> Check {
    let list = text.strip_suffix(',').unwrap_or(text);
    let tags: Vec<&str> = list.split(',').map(|tag| tag.trim_matches(' ')).collect();
    let allowed = |c: char| matches!(c, 'a'..='z' | '0'..='9' | '-');
    let tag = |tag: &&str| {
        !tag.is_empty() && tag.chars().all(allowed) && !tag.starts_with('-') && !tag.contains("--")
    };
    if tags.iter().all(tag) { tags.into() } else { Check::raises("ValueError") }
}
