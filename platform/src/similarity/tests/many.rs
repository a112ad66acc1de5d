//! Many agents: what is compared with what, and which code does not count as evidence.

use std::collections::HashSet;

use jiff::Timestamp;

use super::super::fingerprint::{Fingerprints, all_of};
use super::super::index::{IndexedAgent, find};
use super::super::{COMMON_AGENTS, MAX_SIMILAR, SimilarityKind, program_sha256};
use super::{ORIGINAL, RENAMED, UNRELATED, symbols};

fn agent(name: &str, second: i64, source: &str) -> IndexedAgent {
    IndexedAgent {
        miner_id: name.parse().unwrap(),
        program_sha256: program_sha256(source.as_bytes()).unwrap(),
        first_submitted_at: Timestamp::from_second(second).unwrap(),
        fingerprints: Fingerprints::of(&symbols(source)),
    }
}

/// Lists the similar agents, each as `LATER KIND EARLIER`.
fn check(agents: &[IndexedAgent], base: &[&str], expected: &[&str]) {
    let base: Vec<_> = base.iter().map(|source| symbols(source)).collect();
    let found = find(agents, all_of(&base));
    let name = |at: usize| &agents[at].miner_id;
    let pairs = found.pairs.iter();
    let pairs =
        pairs.map(|pair| format!("{} {:?} {}", name(pair.later), pair.kind, name(pair.earlier)));
    assert_eq!(pairs.collect::<Vec<_>>(), expected);
}

/// A function of this number, like no other.
fn function(number: usize) -> String {
    let operators = ["+", "-", "*", "//", "%", "|", "&", "^", "<<", ">>"];
    let mut text = format!("def f{number}(a, b):\n");
    for line in 0..12 {
        let at =
            |digit: u32| operators[(number * 7 + line * 3 + number / 10_usize.pow(digit)) % 10];
        let kind = (number / 2_usize.pow(u32::try_from(line).unwrap() % 8)) % 2;
        let line = match kind {
            0 => format!("    if a {} b:\n        a = a {} b\n", at(0), at(1)),
            _ => format!("    b = (a {} b) {} a\n", at(1), at(2)),
        };
        text.push_str(&line);
    }
    text + "    return a\n\n"
}

fn functions(range: std::ops::Range<usize>) -> String {
    range.map(function).collect()
}

#[test]
fn the_earlier_upload_is_the_earlier_agent() {
    let reformatted = format!("# mine\n{ORIGINAL}");
    let agents = [
        agent("thief", 3, RENAMED),
        agent("other", 4, UNRELATED),
        agent("author", 1, ORIGINAL),
        agent("copier", 5, &reformatted),
        agent("merger", 6, &format!("{UNRELATED}\n{ORIGINAL}")),
    ];
    check(
        &agents,
        &[],
        &[
            "thief Renamed author",
            "copier Copy author",
            "merger Shared other",
            "merger Shared author",
        ],
    );
    // At the same time, the miner id decides.
    check(&[agent("b", 1, ORIGINAL), agent("a", 1, RENAMED)], &[], &["b Renamed a"]);
}

#[test]
fn base_code_is_no_evidence() {
    let with = |own: usize| format!("{ORIGINAL}\n\n{}", functions(own..own + 6));
    let agents = [agent("a", 1, &with(100)), agent("b", 2, &with(200))];
    check(&agents, &[], &["b Shared a"]);
    check(&agents, &[ORIGINAL], &[]);
    // An unchanged template is a copy of another, and a renamed one is nothing.
    let templates = [agent("a", 1, ORIGINAL), agent("b", 2, ORIGINAL), agent("c", 3, RENAMED)];
    check(&templates, &[ORIGINAL], &["b Copy a"]);
}

#[test]
fn code_that_many_agents_share_is_no_evidence() {
    let agents = |count: usize| -> Vec<_> {
        let source = |at: usize| format!("{UNRELATED}\n\n{}", functions(at * 8..at * 8 + 4));
        (0..count).map(|at| agent(&format!("a{at:03}"), 1, &source(at))).collect()
    };
    let few = find(&agents(COMMON_AGENTS), HashSet::new());
    assert!(few.pairs.iter().any(|pair| pair.kind == SimilarityKind::Shared));
    assert!(few.pairs.iter().all(|pair| pair.figures.similarity < 0.9));
    check(&agents(COMMON_AGENTS + 1), &[], &[]);
}

#[test]
fn a_group_of_copies_does_not_make_its_code_common() {
    let mut agents = vec![agent("author", 1, ORIGINAL)];
    for number in 0..3 * COMMON_AGENTS {
        let second = i64::try_from(number).unwrap() + 2;
        let renamed = RENAMED.replace("found", &format!("found_{number}"));
        agents.push(agent(&format!("a{number:03}"), second, &renamed));
    }
    agents.push(agent("late", 1_000, &format!("{UNRELATED}\n{ORIGINAL}")));
    let found = find(&agents, HashSet::new());
    let late = found.pairs.iter().filter(|pair| pair.later == agents.len() - 1);
    assert!(late.clone().any(|pair| pair.earlier == 0), "{found:?}");
    // Each is listed once, however many copies there are.
    assert!(found.pairs.len() <= agents.len() + MAX_SIMILAR, "{}", found.pairs.len());
}

#[test]
fn short_agents_are_not_evidence_of_anything() {
    let agents =
        [agent("a", 1, "print('a')\n"), agent("b", 2, "print('b')\n"), agent("c", 3, "print('b')")];
    check(&agents, &[], &["c Copy b"]);
}
