//! Lazy controls: answers that need no understanding of a task.
//!
//! A control echoes the prompt's code, returns a constant or an argument, raises, guesses the most frequent
//! result or names every suspicious line. Each must score below [`LAZY_LIMIT`] on every task.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::case::Case;
use crate::check::Check;
use crate::findings::{self, Finding, MAX_FINDINGS};
use crate::id::Seed;
use crate::instance::Mutant;
use crate::listing::FileListing;
use crate::task::{Kind, Task};

/// The score that no lazy control may reach on any task.
pub const LAZY_LIMIT: f64 = 20.0;

/// Statements that ignore what the task asks for: name and body of a function with the parameter `args`.
const BODIES: &[(&str, &str)] = &[
    ("none", "return None"),
    ("true", "return True"),
    ("false", "return False"),
    ("zero", "return 0"),
    ("one", "return 1"),
    ("minus_one", "return -1"),
    ("float", "return 0.0"),
    ("empty_text", "return ''"),
    ("slash", "return '/'"),
    ("empty_bytes", "return b''"),
    ("empty_list", "return []"),
    ("empty_tuple", "return ()"),
    ("empty_dict", "return {}"),
    ("empty_set", "return set()"),
    ("list_of_an_empty_list", "return [[]]"),
    ("two_indices", "return [0, 1]"),
    ("raises_value_error", "raise ValueError"),
    ("raises_type_error", "raise TypeError"),
    ("raises_every_error", "raise AnyError"),
    ("first_argument", "return args[0]"),
    ("last_argument", "return args[-1]"),
    ("all_arguments", "return list(args)"),
    ("first_as_text", "return str(args[0])"),
    ("first_as_list", "return list(args[0])"),
    ("first_sorted", "return sorted(args[0])"),
    ("first_member", "return args[0][0]"),
    ("length_of_the_first", "return len(args[0])"),
    ("empty_like_the_first", "return type(args[0])()"),
    ("truth_of_the_first", "return bool(args[0])"),
    ("coin", "return len(repr(args)) % 2 == 0"),
];

/// What the controls refer to: an exception that passes as any of those that tasks expect, and two floats that
/// have no literal.
const DEFINITIONS: &str = "
nan, inf = float('nan'), float('inf')


class AnyError(
    ValueError, TypeError, KeyError, IndexError, RuntimeError, ZeroDivisionError, OverflowError
):
    pass
";

impl Task {
    /// Returns the lazy controls for the round with this seed.
    pub fn lazy_controls(&self, seed: Seed) -> Vec<Mutant> {
        match &self.kind {
            Kind::Code { entry_point } => {
                let cases = self.cases(seed);
                let is_class = cases.iter().any(|case| !case.steps.is_empty());
                let define = if is_class { class } else { function };
                let mut controls: Vec<Mutant> = BODIES
                    .iter()
                    .map(|(name, body)| control(name, define(entry_point, body)))
                    .collect();
                let guess = if is_class {
                    class(entry_point, &most_frequent_steps(&cases))
                } else {
                    function(entry_point, &most_frequent(cases.iter().map(|case| &case.check)))
                };
                controls.push(control("most_frequent_result", guess));
                controls.extend(self.given().map(|code| control("echo", code.to_owned())));
                controls
            }
            Kind::Findings => self.review_controls(seed),
        }
    }

    /// Reviews that name lines without reading them, and one that names every line that could be weak.
    fn review_controls(&self, seed: Seed) -> Vec<Mutant> {
        let right = findings::parse(&self.reference(seed)).expect("references are well-formed");
        let sound = self.listing.as_ref().map_or(0, FileListing::sound_count);
        let prompt = self.prompt(seed);
        let last = prompt.lines().next_back().and_then(|line| line.split_once('|'));
        let last: u32 = last.map_or(0, |(number, _)| number.trim().parse().unwrap_or(0));
        let cwes: Vec<u32> = right.iter().map(|finding| finding.cwe).collect();
        let finding = |line: u32, cwe: u32| Finding { line, cwe, why: String::new() };
        let named = |line: u32| right.iter().any(|finding| finding.line == line);
        let false_alarms = (1..=last).filter(|line| !named(*line)).take(sound);
        let all = (1..).map(|n| n * last / 11).zip(cwes.iter().cycle()).take(MAX_FINDINGS);
        let reviews = [
            ("names_nothing", Vec::new()),
            (
                "names_the_first_lines",
                (1..).take(MAX_FINDINGS).map(|n| finding(n, cwes[0])).collect(),
            ),
            ("names_lines_everywhere", all.map(|(line, cwe)| finding(line, *cwe)).collect()),
            (
                "names_every_suspicious_line",
                right.iter().cloned().chain(false_alarms.map(|n| finding(n, cwes[0]))).collect(),
            ),
        ];
        let answer = |findings: &Vec<Finding>| serde_json::to_string(findings).expect("plain data");
        reviews.iter().map(|(name, findings)| control(name, answer(findings))).collect()
    }
}

fn control(name: &str, answer: String) -> Mutant {
    Mutant { name: name.to_owned(), answer }
}

fn function(name: &str, body: &str) -> String {
    format!("{DEFINITIONS}\n\ndef {name}(*args):\n    {body}\n")
}

/// A class whose methods all run `body`; the method's name is `name`.
fn class(name: &str, body: &str) -> String {
    format!(
        "{DEFINITIONS}\n\nclass {name}:\n    def __init__(self, *args):\n        pass\n\n    def \
         __getattr__(self, name):\n        def method(*args):\n            {body}\n\n        return \
         method\n"
    )
}

/// The statement that gives the result that is right most often.
fn most_frequent<'a>(checks: impl Iterator<Item = &'a Check>) -> String {
    let mut counts = BTreeMap::<String, usize>::new();
    for statement in checks.filter_map(statement) {
        *counts.entry(statement).or_default() += 1;
    }
    // Of equally frequent ones the shortest: Python compiles no integer of more than 4,300 digits.
    let best = counts.into_iter().max_by_key(|(text, count)| (*count, Reverse(text.len())));
    best.map_or("return None".to_owned(), |(statement, _)| statement)
}

/// A statement that gives each method's most frequent result.
fn most_frequent_steps(cases: &[Case]) -> String {
    let mut methods = BTreeMap::<&str, Vec<&Check>>::new();
    for case in cases {
        if let Check::Steps(checks) = &case.check {
            for (step, check) in case.steps.iter().zip(checks) {
                methods.entry(&step.method).or_default().push(check);
            }
        }
    }
    let branches = methods.into_iter().map(|(method, checks)| {
        let statement = most_frequent(checks.into_iter());
        format!("if name == {method:?}:\n                {statement}\n            ")
    });
    branches.collect::<String>() + "return None"
}

/// A statement with the expected result, if one value is expected.
fn statement(check: &Check) -> Option<String> {
    match check {
        Check::Equal(value)
        | Check::Exact(value)
        | Check::AnyOrder(value)
        | Check::Close { expected: value, .. } => Some(format!("return {value}")),
        Check::Raises(class) => Some(format!("raise {class}")),
        _ => None,
    }
}
