//! Cases: an input, which enters the sandbox, and a check of the outcome, which never does.

use std::fmt::{self, Write as _};

use serde::ser::{Serialize, Serializer};

use crate::check::{CallOutcome, Check};
use crate::value::Value;

/// One test case of a task.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Case {
    /// Unique within its task.
    pub name: String,
    /// Whether miners may see the input and the expected value.
    pub public: bool,
    /// Name of the group that the case belongs to. A group counts as one case and passes if all its members are
    /// accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Positional arguments of the call, or of the constructor if there are steps.
    pub args: Vec<Value>,
    /// Method calls on the constructed object; empty for a plain call.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<Step>,
    /// Judges the outcome.
    pub check: Check,
}

/// A method call. Its wire form is `["method",[...]]`.
#[derive(Clone, Debug)]
pub struct Step {
    /// The method's name.
    pub method: String,
    /// Positional arguments.
    pub args: Vec<Value>,
}

impl Serialize for Step {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        (&self.method, &self.args).serialize(out)
    }
}

/// The part of a case that enters the sandbox. Its wire form is
/// `{"args":[...],"steps":[["method",[...]],...],"digest_over":0}`; empty fields are left out.
#[derive(Clone, Copy, Debug, serde::Serialize)]
pub struct Input<'a> {
    /// Positional arguments of the call or of the constructor.
    pub args: &'a [Value],
    /// Method calls.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub steps: &'a [Step],
    /// Size in bytes above which the returned value crosses as the digest of its canonical form. Without a
    /// size, values always cross themselves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest_over: Option<u32>,
}

/// A tuple of values that serve as the arguments of a call: `(2,)`, `("a", 3)`.
pub trait Args {
    /// Converts the arguments to values.
    fn into_values(self) -> Vec<Value>;
}

macro_rules! args_for_tuples {
    ($(($($name:ident),*)),*) => {$(
        impl<$($name: Into<Value>),*> Args for ($($name,)*) {
            #[allow(non_snake_case, reason = "the type parameter's name doubles as the variable's")]
            fn into_values(self) -> Vec<Value> {
                let ($($name,)*) = self;
                vec![$($name.into()),*]
            }
        }
    )*};
}
args_for_tuples!((), (A), (A, B), (A, B, C), (A, B, C, D));

/// The construction of an object, then method calls in order, each with the expected outcome.
///
/// ```
/// use tasks::prelude::*;
///
/// let sequence = Sequence::of((2,))
///     .then("add", (3,), Value::None)
///     .then("total", (), 5)
///     .then("add", ("x",), Check::raises("TypeError"));
/// assert_eq!(sequence.len(), 3);
/// ```
#[derive(Clone, Debug)]
pub struct Sequence {
    args: Vec<Value>,
    steps: Vec<Step>,
    checks: Vec<Check>,
}

impl Sequence {
    /// Starts a sequence: the object is constructed from these arguments.
    pub fn of(args: impl Args) -> Self {
        Self { args: args.into_values(), steps: Vec::new(), checks: Vec::new() }
    }

    /// Adds a method call. Its effects on the object persist even if it raises.
    #[must_use]
    pub fn then(mut self, method: &str, args: impl Args, expected: impl Into<Check>) -> Self {
        self.steps.push(Step { method: method.to_owned(), args: args.into_values() });
        self.checks.push(expected.into());
        self
    }

    /// Returns the number of method calls.
    pub fn len(&self) -> usize {
        self.steps.len()
    }

    /// Returns whether there is no method call.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    pub(crate) fn into_case(self, name: String, public: bool) -> Case {
        let Self { args, steps, checks } = self;
        Case { name, public, group: None, args, steps, check: Check::Steps(checks) }
    }
}

/// Maximum length of a part of an explanation, in characters: about two lines of a terminal.
const PART_CHARS: usize = 160;

impl Case {
    /// Returns the part of the case that enters the sandbox.
    pub fn input(&self) -> Input<'_> {
        let digest_over = matches!(self.check, Check::Digest(_)).then_some(0);
        Input { args: &self.args, steps: &self.steps, digest_over }
    }

    /// Returns the call as Python source: `reverse_string('abc')`, or with steps
    /// `obj = Stack(); obj.push(1); obj.pop()`.
    pub fn call(&self, entry_point: &str) -> String {
        self.calls(entry_point, self.steps.len(), usize::MAX)
    }

    /// Returns the call as Python source, shortened to about two lines.
    pub fn short_call(&self, entry_point: &str) -> String {
        self.calls(entry_point, self.steps.len(), PART_CHARS)
    }

    /// Describes the actual and the expected outcome: "`reverse_string('abc')` returned 'abc', expected
    /// 'cba'". Every part is shortened, and control characters are replaced.
    pub fn explain(&self, entry_point: &str, outcome: &CallOutcome) -> String {
        if let (Check::Steps(checks), CallOutcome::Steps(outcomes)) = (&self.check, outcome) {
            let pairs = checks.iter().zip(outcomes);
            let wrong = |(check, outcome): &(&Check, &CallOutcome)| check.judge(outcome).is_wrong();
            if let Some((index, (check, outcome))) = pairs.enumerate().find(|(_, p)| wrong(p)) {
                return explanation(
                    &self.calls(entry_point, index + 1, PART_CHARS),
                    outcome,
                    check,
                );
            }
            if checks.len() != outcomes.len() {
                let (expected, got) = (checks.len(), outcomes.len());
                return format!("expected the outcomes of {expected} calls, got {got}");
            }
        }
        let call = match outcome {
            CallOutcome::Found(_) => "the answer".to_owned(),
            _ => self.short_call(entry_point),
        };
        explanation(&call, outcome, &self.check)
    }

    /// The construction and the first `count` steps. If that is too long, the earliest steps are omitted,
    /// because the last one is the most informative.
    fn calls(&self, entry_point: &str, count: usize, limit: usize) -> String {
        let mut text = shortened(&Call(entry_point, &self.args), limit);
        if self.steps.is_empty() {
            return text;
        }
        text.insert_str(0, "obj = ");
        let steps = self.steps.iter().take(count);
        let steps: Vec<_> = steps
            .map(|step| format!("; obj.{}", shortened(&Call(&step.method, &step.args), limit)))
            .collect();
        let mut room = limit;
        let shown = steps.iter().rev().take_while(|step| {
            let fits = room == limit || step.len() <= room;
            room = room.saturating_sub(step.len());
            fits
        });
        let first = steps.len() - shown.count();
        if first > 0 {
            let _ = write!(text, "; …{first} more calls…");
        }
        text.extend(steps[first..].iter().map(String::as_str));
        text
    }
}

fn explanation(call: &str, outcome: &CallOutcome, check: &Check) -> String {
    let (outcome, check) = (shortened(outcome, PART_CHARS), shortened(check, PART_CHARS));
    format!("{call} {outcome}, expected {check}")
}

/// A call, shown as Python source.
struct Call<'a>(&'a str, &'a [Value]);

impl fmt::Display for Call<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}(", self.0)?;
        for (index, arg) in self.1.iter().enumerate() {
            write!(f, "{}{arg}", if index == 0 { "" } else { ", " })?;
        }
        f.write_str(")")
    }
}

/// Returns the first `limit` characters of `shown`, followed by an ellipsis if there are more. Formatting
/// stops at the limit, so a huge value costs no more than a small one.
pub(crate) fn shortened(shown: &impl fmt::Display, limit: usize) -> String {
    struct ShortWriter {
        text: String,
        room: usize,
    }

    impl fmt::Write for ShortWriter {
        fn write_str(&mut self, more: &str) -> fmt::Result {
            for c in more.chars() {
                if self.room == 0 {
                    self.text.push('…');
                    return Err(fmt::Error);
                }
                self.room -= 1;
                self.text.push(if c.is_control() { '\u{fffd}' } else { c });
            }
            Ok(())
        }
    }

    let mut short = ShortWriter { text: String::new(), room: limit };
    // An error only means that the limit was reached.
    let _ = write!(short, "{shown}");
    short.text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::Verdict;
    use num_bigint::BigInt;

    fn plain(args: impl Args, check: impl Into<Check>) -> Case {
        let (args, check) = (args.into_values(), check.into());
        Case { name: "a".into(), public: false, group: None, args, steps: vec![], check }
    }

    fn raised(class: &str) -> CallOutcome {
        CallOutcome::Raised {
            types: vec![class.into()],
            message: "\u{1b}[2J no".into(),
            line: Some(7),
        }
    }

    #[test]
    fn input_has_no_expected_value() {
        let wire = |case: &Case| serde_json::to_string(&case.input()).unwrap();
        assert_eq!(wire(&plain((1, "a"), "secret")), r#"{"args":[1,"a"]}"#);
        let stack = Sequence::of(()).then("push", (7,), "secret").then("pop", (), "secret");
        let stack = stack.into_case("a".into(), false);
        assert_eq!(wire(&stack), r#"{"args":[],"steps":[["push",[7]],["pop",[]]]}"#);
    }

    #[test]
    fn explanation_names_call_outcome_and_expected_value() {
        let explain = |case: &Case, outcome: &CallOutcome| case.explain("f", outcome);
        let returned = |value: &str| CallOutcome::Returned(value.into());
        assert_eq!(
            explain(&plain(("abc",), "cba"), &returned("abc")),
            "f('abc') returned 'abc', expected 'cba'"
        );
        assert_eq!(
            explain(&plain((1,), Check::raises("KeyError")), &raised("ValueError")),
            "f(1) raised ValueError in line 7: \\u{1b}[2J no, expected KeyError raised"
        );
    }

    #[test]
    fn sequence_is_explained_up_to_its_first_wrong_step() {
        let sequence = Sequence::of((2,))
            .then("add", (3,), Value::None)
            .then("total", (), 5)
            .then("total", (), 5)
            .into_case("a".into(), false);
        let outcome = CallOutcome::Steps(vec![
            CallOutcome::Returned(Value::None),
            CallOutcome::Returned(2.into()),
            raised("ValueError"),
        ]);
        assert_eq!(
            sequence.explain("Sum", &outcome),
            "obj = Sum(2); obj.add(3); obj.total() returned 2, expected 5"
        );
        assert_eq!(sequence.check.judge(&outcome), Verdict::WrongAnswer);
        let short = CallOutcome::Steps(vec![CallOutcome::Returned(Value::None)]);
        assert_eq!(sequence.explain("Sum", &short), "expected the outcomes of 3 calls, got 1");
        let unmade = sequence.explain("Sum", &raised("TypeError"));
        assert!(unmade.starts_with("obj = Sum(2); obj.add(3); obj.total(); obj.total() raised"));
    }

    #[test]
    fn explanation_is_shortened_and_shows_the_last_step() {
        let long = "x".repeat(1 << 20);
        let case = plain((long.as_str(),), long.as_str());
        let text = case.explain("f", &CallOutcome::Returned(long.as_str().into()));
        assert!(text.len() < 4 * PART_CHARS, "{}", text.len());
        let huge: BigInt = BigInt::from(1) << 8_000_000;
        let text = plain((1,), 1).explain("f", &CallOutcome::Returned(huge.into()));
        assert!(text.len() < 4 * PART_CHARS, "{}", text.len());
        let sequence =
            (0..1000).fold(Sequence::of(()), |sequence, n| sequence.then("add", (n,), Value::None));
        let text = sequence.then("sum", (), 1).into_case("a".into(), false).short_call("Sum");
        assert!(
            text.len() < 4 * PART_CHARS && text.ends_with("; obj.add(999); obj.sum()"),
            "{text}"
        );
        assert!(text.starts_with("obj = Sum(); …990 more calls…"), "{text}");
    }

    #[test]
    fn call_is_shown_in_full() {
        let long = "x".repeat(1000);
        assert_eq!(plain((long.as_str(), 1), 1).call("f"), format!("f('{long}', 1)"));
    }
}
