//! Pairs of near copies, and programs that have nothing to do with each other.

use proptest::prelude::*;

use super::super::fingerprint::Fingerprints;
use super::super::{LineRange, MIN_SHARED, Passage};
use super::{ORIGINAL, RENAMED, UNRELATED, compared, symbols};

/// The functions of the original, in another order.
fn reordered() -> String {
    let mut parts: Vec<_> = ORIGINAL.split("\n\n\n").collect();
    let last = parts.len() - 1;
    parts[1..last].reverse();
    parts.join("\n\n\n")
}

fn with_other_constants() -> String {
    let constants =
        [("% 3", "% 7"), ("% 5", "% 11"), ("Fizz", "Foo"), ("count == 2", "count == 3")];
    let changed =
        constants.iter().fold(ORIGINAL.to_owned(), |text, (from, to)| text.replace(from, to));
    changed.replace("\"a%d\"", "\"arg_%d\"").replace("\"--task\"", "\"--prompt\"")
}

fn with_other_comments() -> String {
    let lines = ORIGINAL.lines().map(|line| match line.trim_start() {
        "" => "\n\n".to_owned(),
        docstring if docstring.starts_with("\"\"\"") => String::new(),
        code if code.starts_with("return") => format!("{line}  # the result"),
        _ => line.to_owned(),
    });
    lines.map(|line| line + "\n").collect()
}

fn half() -> String {
    let parts: Vec<_> = ORIGINAL.split("\n\n\n").collect();
    parts[2..5].join("\n\n\n")
}

fn merged() -> String {
    format!("{UNRELATED}\n\n{ORIGINAL}")
}

#[test]
fn near_copies_are_found() {
    for (name, copy, at_least) in [
        ("itself", ORIGINAL.to_owned(), 1.0),
        ("renamed", RENAMED.to_owned(), 1.0),
        ("comments", with_other_comments(), 1.0),
        ("constants", with_other_constants(), 1.0),
        ("reordered", reordered(), 0.75),
        ("dead code", include_str!("dead_code.py").to_owned(), 0.75),
        ("other loops", include_str!("loops.py").to_owned(), 0.65),
        ("merged with another", merged(), 0.95),
        ("half", half(), 0.9),
    ] {
        let (found, passages) = compared(&symbols(ORIGINAL), &symbols(&copy));
        assert!(found.shared >= MIN_SHARED, "{name}: {found:?} {passages:?}");
        assert!(found.similarity >= at_least, "{name}: {found:?} {passages:?}");
        let tokens: usize = passages.iter().map(|passage| passage.tokens).sum();
        assert!(tokens > 150, "{name}: {found:?} {passages:?}");
        let last = |text: &str| u32::try_from(text.lines().count()).unwrap();
        for Passage { earlier, later, .. } in &passages {
            assert!(
                earlier.first <= earlier.last && earlier.last <= last(ORIGINAL),
                "{name}: {found:?} {passages:?}"
            );
            assert!(
                later.first <= later.last && later.last <= last(&copy),
                "{name}: {found:?} {passages:?}"
            );
        }
    }
}

#[test]
fn the_places_are_the_lines_of_both_files() {
    let (found, passages) = compared(&symbols(ORIGINAL), &symbols(&merged()));
    let shift = u32::try_from(UNRELATED.lines().count()).unwrap() + 2;
    let Passage { earlier, later, .. } = passages[0];
    assert!(earlier.last - earlier.first > 60, "{found:?} {passages:?}");
    assert_eq!(
        (earlier.first + shift, earlier.last + shift),
        (later.first, later.last),
        "{found:?} {passages:?}"
    );
}

#[test]
fn code_in_a_string_is_found() {
    // The answer of one agent, which another keeps among others, escaped and under another name.
    let answer = ORIGINAL.split("'''").nth(1).unwrap().replace("fizz_buzz", "other");
    let long = RENAMED.split("\n\n\n").nth(1).unwrap();
    let agent = format!("import sys\nTABLE = {:?}\nprint(TABLE)\n", format!("{answer}\n{long}\n"));
    let (found, passages) = compared(&symbols(ORIGINAL), &symbols(&agent));
    assert!(found.shared >= MIN_SHARED && found.similarity > 0.7, "{found:?} {passages:?}");
    assert_eq!(passages[0].later, LineRange { first: 2, last: 2 });
}

#[test]
fn data_is_no_evidence() {
    let table = |name: &str, factor: usize| {
        let rows: Vec<_> =
            (0..200).map(|row| format!("{{'k{row}': {}, 'v': 'x'}}", row * factor)).collect();
        format!("{name} = [{}]\nprint({name})\n", rows.join(", "))
    };
    let (a, b) = (symbols(&table("a", 3)), symbols(&table("b", 7)));
    assert_eq!(compared(&a, &b).0.shared, 0);
}

#[test]
fn a_file_of_repeated_lines_takes_no_minutes() {
    let line =
        "if total(value) and other: value = [total for other in value if other is not None]\n";
    let repeated = symbols(&line.repeat(3_000));
    let started = std::time::Instant::now();
    let (found, passages) = compared(&repeated, &repeated);
    assert!(found.shared > 0 && passages[0].tokens > 50_000, "{found:?}");
    assert!(started.elapsed().as_secs() < 30, "{:?}", started.elapsed());
}

#[test]
fn unrelated_programs_are_not_found() {
    let answers =
        tasks::all().into_iter().map(|task| (task.id.to_string(), task.reference(tasks::Seed(1))));
    let own = [("original", ORIGINAL), ("unrelated", UNRELATED)]
        .map(|(name, text)| (name.into(), text.into()));
    let programs = answers.chain(own).map(|(name, text): (String, String)| (name, symbols(&text)));
    let programs: Vec<_> = programs.collect();
    assert!(programs.len() > 60);
    for (index, (one, source)) in programs.iter().enumerate() {
        for (other, another) in &programs[..index] {
            let (found, _) = compared(source, another);
            assert!(found.shared < MIN_SHARED / 2, "{one} and {other}: {found:?}");
        }
    }
}

proptest! {
    #[test]
    fn similarity_is_symmetric_and_1_for_itself(cut in 20_usize..90, drop in 1_usize..90) {
        let lines: Vec<_> = ORIGINAL.lines().collect();
        let head = lines[..cut.min(lines.len())].join("\n");
        let (a, b) = (symbols(&head), symbols(&merged().lines().skip(drop).collect::<Vec<_>>().join("\n")));
        let (one, other) = (compared(&a, &b).0, compared(&b, &a).0);
        prop_assert_eq!(one.similarity.to_bits(), other.similarity.to_bits());
        prop_assert_eq!(one.jaccard.to_bits(), other.jaccard.to_bits());
        prop_assert!((0.0..=1.0).contains(&one.similarity) && one.jaccard <= one.similarity);
        let (itself, _) = compared(&a, &a);
        let expected = if Fingerprints::of(&a).prints.is_empty() { 0.0 } else { 1.0 };
        prop_assert_eq!(itself.similarity.to_bits(), f64::to_bits(expected));
    }
}
