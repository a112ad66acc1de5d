//! One check of a task: an input, which goes into the sandbox, and what its outcome is held
//! against, which never does.

use std::fmt::{self, Write as _};

use serde::ser::{Serialize, Serializer};

use crate::{Check, Outcome, Value};

/// One check of a task.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Case {
    /// Unique within its task.
    pub name: String,
    /// Whether miners may see the input and what is expected.
    pub public: bool,
    /// The positional arguments of the call, or of the construction if there are steps.
    pub args: Vec<Value>,
    /// The calls of methods on the object that the construction gave; none for a plain call.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<Step>,
    /// What the outcome is held against.
    pub check: Check,
}

/// A call of a method. On the wire it is `["method",[...]]`.
#[derive(Clone, Debug)]
pub struct Step {
    /// The method's name.
    pub method: String,
    /// Its positional arguments.
    pub args: Vec<Value>,
}

impl Serialize for Step {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        (&self.method, &self.args).serialize(out)
    }
}

/// All that the sandbox learns of a case, and so exactly what crosses the border:
/// `{"args":[...],"steps":[["method",[...]],...],"digest_over":0}`, without what is not asked for.
#[derive(Clone, Copy, Debug, serde::Serialize)]
pub struct Input<'a> {
    /// The positional arguments of the call or of the construction.
    pub args: &'a [Value],
    /// The calls of methods.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub steps: &'a [Step],
    /// Over how many bytes the returned value is to cross as the digest of its canonical form; never if
    /// none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest_over: Option<u32>,
}

/// A tuple of values that can be the arguments of a call: `(2,)`, `("a", 3)`.
pub trait Args {
    /// The arguments as values.
    fn into_values(self) -> Vec<Value>;
}

macro_rules! args_for_tuples {
    ($(($($name:ident),*)),*) => {$(
        impl<$($name: Into<Value>),*> Args for ($($name,)*) {
            #[allow(non_snake_case, reason = "the type's name serves as the variable's")]
            fn into_values(self) -> Vec<Value> {
                let ($($name,)*) = self;
                vec![$($name.into()),*]
            }
        }
    )*};
}
args_for_tuples!((), (A), (A, B), (A, B, C), (A, B, C, D));

/// An object's life: how it is made, then the calls of its methods in order, each with what is
/// expected.
///
/// ```
/// use tasks::prelude::*;
///
/// let life = Sequence::of((2,))
///     .then("add", (3,), Value::None)
///     .then("total", (), 5)
///     .then("add", ("x",), Check::raises("TypeError"));
/// assert_eq!(life.len(), 3);
/// ```
#[derive(Clone, Debug)]
pub struct Sequence {
    args: Vec<Value>,
    steps: Vec<Step>,
    checks: Vec<Check>,
}

impl Sequence {
    /// Begins with the construction from these arguments.
    pub fn of(args: impl Args) -> Self {
        Self { args: args.into_values(), steps: Vec::new(), checks: Vec::new() }
    }

    /// Goes on with a call. What it does to the object stays, even if it raises.
    #[must_use]
    pub fn then(mut self, method: &str, args: impl Args, expected: impl Into<Check>) -> Self {
        self.steps.push(Step { method: method.to_owned(), args: args.into_values() });
        self.checks.push(expected.into());
        self
    }

    /// How many calls follow the construction.
    pub fn len(&self) -> usize {
        self.steps.len()
    }

    /// Whether no call follows the construction.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    pub(crate) fn into_case(self, name: String, public: bool) -> Case {
        let Self { args, steps, checks } = self;
        Case { name, public, args, steps, check: Check::Steps(checks) }
    }
}

/// Longest part of an explanation, in characters: a line or two of a terminal.
const PART: usize = 160;

impl Case {
    /// What of the case goes into the sandbox.
    pub fn input(&self) -> Input<'_> {
        let digest_over = matches!(self.check, Check::Digest(_)).then_some(0);
        Input { args: &self.args, steps: &self.steps, digest_over }
    }

    /// The case's call as Python would write it: `reverse_string('abc')`, or with steps
    /// `obj = Stack(); obj.push(1); obj.pop()`.
    pub fn call(&self, entry_point: &str) -> String {
        self.calls(entry_point, self.steps.len(), usize::MAX)
    }

    /// The same, shortened to what a line can hold.
    pub fn short_call(&self, entry_point: &str) -> String {
        self.calls(entry_point, self.steps.len(), PART)
    }

    /// What happened and what should have: "`reverse_string('abc')` returned 'abc', expected
    /// 'cba'". Every part is shortened, and nothing in it can move a terminal's cursor.
    pub fn explain(&self, entry_point: &str, outcome: &Outcome) -> String {
        if let (Check::Steps(checks), Outcome::Steps(outcomes)) = (&self.check, outcome) {
            let pairs = checks.iter().zip(outcomes);
            let wrong = |(check, outcome): &(&Check, &Outcome)| check.judge(outcome).is_wrong();
            if let Some((index, (check, outcome))) = pairs.enumerate().find(|(_, p)| wrong(p)) {
                return told(&self.calls(entry_point, index + 1, PART), outcome, check);
            }
            if checks.len() != outcomes.len() {
                let (asked, got) = (checks.len(), outcomes.len());
                return format!("{asked} calls were asked for, {got} were reported");
            }
        }
        let call = match outcome {
            Outcome::Found(_) => "the answer".to_owned(),
            _ => self.short_call(entry_point),
        };
        told(&call, outcome, &self.check)
    }

    /// The construction and the first `count` steps. Where that gets long, the first steps are left
    /// out: the last one is what the reader wants to see.
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

fn told(call: &str, outcome: &Outcome, check: &Check) -> String {
    let (outcome, check) = (shortened(outcome, PART), shortened(check, PART));
    format!("{call} {outcome}, expected {check}")
}

/// A call as Python would write it.
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

/// The first `limit` characters of what `shown` writes, and then an ellipsis. It stops writing
/// there, so that a huge value costs no more than a small one.
pub(crate) fn shortened(shown: &impl fmt::Display, limit: usize) -> String {
    struct Short {
        text: String,
        room: usize,
    }

    impl fmt::Write for Short {
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

    let mut short = Short { text: String::new(), room: limit };
    // An error only says that the room ran out.
    let _ = write!(short, "{shown}");
    short.text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Seed;
    use crate::prelude::*;

    fn plain(args: impl Args, check: impl Into<Check>) -> Case {
        let (args, check) = (args.into_values(), check.into());
        Case { name: "a".into(), public: false, args, steps: vec![], check }
    }

    fn raised(class: &str) -> Outcome {
        Outcome::Raised { types: vec![class.into()], message: "\u{1b}[2J no".into() }
    }

    #[test]
    fn only_the_input_crosses_and_in_one_form() {
        let wire = |case: &Case| serde_json::to_string(&case.input()).unwrap();
        assert_eq!(wire(&plain((1, "a"), "secret")), r#"{"args":[1,"a"]}"#);
        let stack = Sequence::of(()).then("push", (7,), "secret").then("pop", (), "secret");
        let stack = stack.into_case("a".into(), false);
        assert_eq!(wire(&stack), r#"{"args":[],"steps":[["push",[7]],["pop",[]]]}"#);
    }

    #[test]
    fn an_explanation_says_what_was_called_what_came_and_what_was_expected() {
        let explain = |case: &Case, outcome: &Outcome| case.explain("f", outcome);
        let returned = |value: &str| Outcome::Returned(value.into());
        assert_eq!(
            explain(&plain(("abc",), "cba"), &returned("abc")),
            "f('abc') returned 'abc', expected 'cba'"
        );
        assert_eq!(
            explain(&plain((1,), Check::raises("KeyError")), &raised("ValueError")),
            "f(1) raised ValueError: \\u{1b}[2J no, expected KeyError raised"
        );
    }

    #[test]
    fn a_sequence_is_explained_up_to_its_first_wrong_step() {
        let life = Sequence::of((2,))
            .then("add", (3,), Value::None)
            .then("total", (), 5)
            .then("total", (), 5)
            .into_case("a".into(), false);
        let outcome = Outcome::Steps(vec![
            Outcome::Returned(Value::None),
            Outcome::Returned(2.into()),
            raised("ValueError"),
        ]);
        assert_eq!(
            life.explain("Sum", &outcome),
            "obj = Sum(2); obj.add(3); obj.total() returned 2, expected 5"
        );
        assert_eq!(life.check.judge(&outcome), crate::Verdict::WrongAnswer);
        let short = Outcome::Steps(vec![Outcome::Returned(Value::None)]);
        assert_eq!(life.explain("Sum", &short), "3 calls were asked for, 1 were reported");
        let unmade = life.explain("Sum", &raised("TypeError"));
        assert!(unmade.starts_with("obj = Sum(2); obj.add(3); obj.total(); obj.total() raised"));
    }

    #[test]
    fn every_part_is_shortened_and_the_last_step_always_shown() {
        let long = "x".repeat(1 << 20);
        let case = plain((long.as_str(),), long.as_str());
        let text = case.explain("f", &Outcome::Returned(long.as_str().into()));
        assert!(text.len() < 4 * PART, "{}", text.len());
        let huge: BigInt = BigInt::from(1) << 8_000_000;
        let text = plain((1,), 1).explain("f", &Outcome::Returned(huge.into()));
        assert!(text.len() < 4 * PART, "{}", text.len());
        let life = (0..1000).fold(Sequence::of(()), |life, n| life.then("add", (n,), Value::None));
        let text = life.then("sum", (), 1).into_case("a".into(), false).short_call("Sum");
        assert!(text.len() < 4 * PART && text.ends_with("; obj.add(999); obj.sum()"), "{text}");
        assert!(text.starts_with("obj = Sum(); …990 more calls…"), "{text}");
    }

    #[test]
    fn examples_show_the_whole_call() {
        let task = crate::find("reverse_string").unwrap();
        assert_eq!(task.cases(Seed(1))[0].call("reverse_string"), "reverse_string('hello')");
    }
}
