//! Lazy controls: answers that need no understanding of a task.
//!
//! A control echoes the prompt's code, returns a constant or an argument, raises, guesses the most frequent
//! result or names every suspicious line. Each must score below [`LAZY_LIMIT`] on every task.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::case::Case;
use crate::check::{CallOutcome, Check};
use crate::findings::{self, Finding, MAX_FINDINGS};
use crate::id::Seed;
use crate::listing::FileListing;
use crate::task::{Kind, Task};
use crate::value::Value;
use crate::verdict::Verdict;

/// The score that no lazy control may reach on any task.
pub const LAZY_LIMIT: f64 = 20.0;

/// Names of the exceptions that tasks expect. An answer may name classes of its own like them.
const ERRORS: &[&str] = &[
    "KeyError",
    "IndexError",
    "LookupError",
    "OverflowError",
    "ZeroDivisionError",
    "RuntimeError",
    "TypeError",
    "ValueError",
];

/// Statements that do not solve the task: name and body of a function with the parameter `args`.
const BODIES: &[(&str, &str)] = &[
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

/// What the controls refer to: an exception that passes as any of those that tasks expect, because its base classes have
/// their names, and two floats that have no literal.
fn definitions() -> String {
    format!(
        "nan, inf = float('nan'), float('inf')\nAnyError = Exception\nfor error in {ERRORS:?} + ['AnyError']:\n    \
         AnyError = type(error, (AnyError,), {{}})\n"
    )
}

/// An answer that does not solve its task.
#[derive(Clone, Debug)]
pub struct LazyControl {
    /// Short description of what it does.
    pub name: String,
    /// The answer as an agent would print it.
    pub answer: String,
    /// The outcome of every call, if it is the same whatever the input is.
    constant: Option<CallOutcome>,
}

impl LazyControl {
    /// Returns the verdict of each case if they follow from the answer: it need not be called to be judged.
    pub fn verdicts(&self, cases: &[Case]) -> Option<Vec<Verdict>> {
        let constant = self.constant.as_ref()?;
        let is_class = cases.iter().any(|case| !case.steps.is_empty());
        let outcome = |case: &Case| match case.steps.len() {
            0 if is_class => CallOutcome::Returned(Value::Opaque("object".to_owned())),
            0 => constant.clone(),
            steps => CallOutcome::Steps(vec![constant.clone(); steps]),
        };
        Some(cases.iter().map(|case| case.check.judge(&outcome(case))).collect())
    }
}

/// Results that ignore the input, with the names of their controls.
fn constants() -> Vec<(&'static str, CallOutcome)> {
    let values: Vec<(&str, Value)> = vec![
        ("none", Value::None),
        ("true", true.into()),
        ("false", false.into()),
        ("zero", 0.into()),
        ("one", 1.into()),
        ("minus_one", (-1).into()),
        ("float", 0.0.into()),
        ("empty_text", "".into()),
        ("slash", "/".into()),
        ("empty_bytes", Value::bytes("")),
        ("empty_list", Value::List(vec![])),
        ("empty_tuple", Value::Tuple(vec![])),
        ("empty_dict", Value::Dict(vec![])),
        ("empty_set", Value::Set(vec![])),
        ("list_of_an_empty_list", vec![Value::List(vec![])].into()),
        ("two_indices", vec![0, 1].into()),
    ];
    let raised = |types: &[&str]| CallOutcome::Raised {
        types: types.iter().map(ToString::to_string).collect(),
        message: String::new(),
        line: None,
    };
    let returned = values.into_iter().map(|(name, value)| (name, CallOutcome::Returned(value)));
    let every = [&["AnyError"], ERRORS].concat();
    let raised = [
        ("raises_value_error", raised(&["ValueError"])),
        ("raises_type_error", raised(&["TypeError"])),
        ("raises_every_error", raised(&every)),
    ];
    returned.chain(raised).collect()
}

/// The statement with this outcome.
fn statement_of(outcome: &CallOutcome) -> String {
    match outcome {
        CallOutcome::Returned(value) => format!("return {value}"),
        CallOutcome::Raised { types, .. } => {
            format!("raise {}", types.first().map_or("AnyError", String::as_str))
        }
        _ => "return None".to_owned(),
    }
}

impl Task {
    /// Returns the lazy controls for the round with this seed.
    pub fn lazy_controls(&self, seed: Seed) -> Vec<LazyControl> {
        let Kind::Code { entry_point } = &self.kind else { return self.review_controls(seed) };
        let cases = self.cases(seed);
        let is_class = cases.iter().any(|case| !case.steps.is_empty());
        let define = if is_class { class } else { function };
        let constant = |(name, outcome): (&str, CallOutcome)| LazyControl {
            constant: Some(outcome.clone()),
            ..control(name, define(entry_point, &statement_of(&outcome)))
        };
        let mut controls: Vec<_> = constants().into_iter().map(constant).collect();
        let bodies = BODIES.iter();
        controls.extend(bodies.map(|(name, body)| control(name, define(entry_point, body))));
        controls.push(if is_class {
            control("most_frequent_result", class(entry_point, &most_frequent_steps(&cases)))
        } else {
            let guess = most_frequent(cases.iter().map(|case| &case.check));
            constant(("most_frequent_result", guess))
        });
        controls.extend(self.given().map(|code| control("echo", code.to_owned())));
        controls
    }

    /// Reviews that name lines without reading them, and one that names every line that could be weak.
    fn review_controls(&self, seed: Seed) -> Vec<LazyControl> {
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

fn control(name: &str, answer: String) -> LazyControl {
    LazyControl { name: name.to_owned(), answer, constant: None }
}

fn function(name: &str, body: &str) -> String {
    format!("{}\n\ndef {name}(*args):\n    {body}\n", definitions())
}

/// A class whose methods all run `body`; the method's name is `name`.
fn class(name: &str, body: &str) -> String {
    let definitions = definitions();
    format!(
        "{definitions}\n\nclass {name}:\n    def __init__(self, *args):\n        pass\n\n    def \
         __getattr__(self, name):\n        def method(*args):\n            {body}\n\n        return \
         method\n"
    )
}

/// The result that is right most often.
fn most_frequent<'a>(checks: impl Iterator<Item = &'a Check>) -> CallOutcome {
    let mut counts = BTreeMap::<String, (usize, CallOutcome)>::new();
    for outcome in checks.filter_map(expected) {
        counts.entry(statement_of(&outcome)).or_insert((0, outcome)).0 += 1;
    }
    // Of equally frequent ones the shortest: Python compiles no integer of more than 4,300 digits.
    let best = counts.into_iter().max_by_key(|(text, (count, _))| (*count, Reverse(text.len())));
    best.map_or(CallOutcome::Returned(Value::None), |(_, (_, outcome))| outcome)
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
        let statement = statement_of(&most_frequent(checks.into_iter()));
        format!("if name == {method:?}:\n                {statement}\n            ")
    });
    branches.collect::<String>() + "return None"
}

/// The expected outcome, if one is expected.
fn expected(check: &Check) -> Option<CallOutcome> {
    match check {
        Check::Equal(value)
        | Check::Exact(value)
        | Check::AnyOrder(value)
        | Check::Close { expected: value, .. } => Some(CallOutcome::Returned(value.clone())),
        Check::Raises(class) => Some(CallOutcome::Raised {
            types: vec![class.clone()],
            message: String::new(),
            line: None,
        }),
        _ => None,
    }
}
