//! Checks: what makes an outcome right. Only the host sees them.

use std::fmt;
use std::sync::Arc;

use serde::{Serialize, Serializer};

use crate::digest::Sha256;
use crate::findings::{Finding, Weakness};
use crate::value::Value;
use crate::verdict::Verdict;

/// The outcome of a case's call, as the sandbox reports it. It is untrusted: the agent can forge any outcome,
/// but it never sees the expected value.
#[derive(Clone, Debug)]
pub enum CallOutcome {
    /// The call returned a value.
    Returned(Value),
    /// The call returned a value of which only the digest of its canonical form crossed.
    Digest(Sha256),
    /// The call raised an exception.
    Raised {
        /// Names of the exception's class and its base classes, most derived first.
        types: Vec<String>,
        /// The exception's message, shortened.
        message: String,
        /// The line of the answer where it was raised, counted from 1. It is explanation only.
        line: Option<u32>,
    },
    /// The object was constructed, and each of its method calls had this outcome. Calls continue after one
    /// that raised.
    Steps(Vec<CallOutcome>),
    /// The answer was parsed as findings; nothing was called.
    Found(Vec<Finding>),
}

/// A predicate such as "returned 5" or "raised `ValueError`: no".
impl fmt::Display for CallOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Returned(value) => write!(f, "returned {value}"),
            Self::Digest(digest) => write!(f, "returned {}", large(digest)),
            Self::Raised { types, message, line } => {
                let name = types.first().map_or("an exception", String::as_str);
                write!(f, "raised {}", name.escape_debug())?;
                // Before the message, which may be shortened.
                if let Some(line) = line {
                    write!(f, " in line {line}")?;
                }
                if message.is_empty() { Ok(()) } else { write!(f, ": {}", message.escape_debug()) }
            }
            Self::Steps(outcomes) => listed(f, "", outcomes),
            Self::Found(findings) if findings.is_empty() => f.write_str("reported nothing"),
            Self::Found(findings) => listed(f, "reported ", findings),
        }
    }
}

fn listed(f: &mut fmt::Formatter<'_>, word: &str, items: &[impl fmt::Display]) -> fmt::Result {
    f.write_str(word)?;
    for (index, item) in items.iter().enumerate() {
        write!(f, "{}{item}", if index == 0 { "" } else { ", " })?;
    }
    Ok(())
}

/// A property that a returned value must have, defined by a Rust closure.
#[derive(Clone)]
pub struct Property {
    name: String,
    holds: Arc<dyn Fn(&Value) -> bool + Send + Sync>,
}

impl Property {
    /// Creates a property with a description such as "two indices whose numbers add up to 9". The name is
    /// part of the task's digest, so different closures need different names.
    pub fn new(
        name: impl Into<String>,
        holds: impl Fn(&Value) -> bool + Send + Sync + 'static,
    ) -> Self {
        Self { name: name.into(), holds: Arc::new(holds) }
    }
}

impl fmt::Debug for Property {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl Serialize for Property {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_str(&self.name)
    }
}

fn large(digest: &Sha256) -> String {
    format!("a large value with the digest {}", digest.short())
}

/// A condition on an outcome.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    /// Equal under Python's rule (see [`Value::equals`])
    Equal(Value),
    /// Equal to a value of which only the digest of its canonical form is known, because it is too large to
    /// keep
    Digest(Sha256),
    /// Equal and of the same types at every level
    Exact(Value),
    /// Equal, except that numbers may differ within a tolerance
    Close {
        /// The expected value
        expected: Value,
        /// Maximum difference
        absolute: f64,
        /// Maximum difference relative to the larger number; the larger tolerance applies
        relative: f64,
    },
    /// The same members in any order
    AnyOrder(Value),
    /// An exception of this class or of a subclass
    Raises(String),
    /// Any value with this property
    Holds(Property),
    /// One check per call of a sequence
    Steps(Vec<Check>),
    /// Findings that name at least `net` more of these weaknesses than they raise false alarms
    Finds {
        /// All weaknesses of the file
        weaknesses: Vec<Weakness>,
        /// Required number of weaknesses found minus false alarms
        net: usize,
    },
}

impl<T: Into<Value>> From<T> for Check {
    fn from(expected: T) -> Self {
        Self::Equal(expected.into())
    }
}

impl Check {
    /// Accepts the members of `expected` in any order.
    pub fn any_order(expected: impl Into<Value>) -> Self {
        Self::AnyOrder(expected.into())
    }

    /// Accepts `expected` with numbers within an absolute or relative `tolerance`.
    pub fn close(expected: impl Into<Value>, tolerance: f64) -> Self {
        Self::Close { expected: expected.into(), absolute: tolerance, relative: tolerance }
    }

    /// Accepts `expected` with numbers within a relative `tolerance`, however small they are.
    pub fn close_relatively(expected: impl Into<Value>, tolerance: f64) -> Self {
        Self::Close { expected: expected.into(), absolute: 0.0, relative: tolerance }
    }

    /// Accepts `expected` if the types are the same too.
    pub fn exact(expected: impl Into<Value>) -> Self {
        Self::Exact(expected.into())
    }

    /// Accepts an exception of the named class.
    pub fn raises(class: impl Into<String>) -> Self {
        Self::Raises(class.into())
    }

    /// Accepts any value for which the closure returns `true`. `name` describes those values.
    pub fn holds(
        name: impl Into<String>,
        holds: impl Fn(&Value) -> bool + Send + Sync + 'static,
    ) -> Self {
        Self::Holds(Property::new(name, holds))
    }

    /// Judges an outcome.
    pub fn judge(&self, outcome: &CallOutcome) -> Verdict {
        let right = match (self, outcome) {
            (Self::Steps(checks), CallOutcome::Steps(outcomes)) => return steps(checks, outcomes),
            (Self::Finds { weaknesses, net }, CallOutcome::Found(findings)) => {
                let named = |weakness: &&Weakness| findings.iter().any(|f| weakness.is_named_by(f));
                let is_false = |f: &&Finding| !weaknesses.iter().any(|w| w.is_named_by(f));
                let found = weaknesses.iter().filter(named).count();
                found >= net + findings.iter().filter(is_false).count()
            }
            (Self::Raises(class), CallOutcome::Raised { types, .. }) => types.contains(class),
            (_, CallOutcome::Raised { .. }) => return Verdict::RuntimeError,
            (Self::Digest(expected), CallOutcome::Digest(digest)) => digest == expected,
            (check, CallOutcome::Returned(value)) => check.accepts(value),
            (_, CallOutcome::Digest(_) | CallOutcome::Steps(_) | CallOutcome::Found(_)) => false,
        };
        if right { Verdict::Accepted } else { Verdict::WrongAnswer }
    }

    fn accepts(&self, value: &Value) -> bool {
        match self {
            Self::Equal(expected) => value.equals(expected),
            Self::Exact(expected) => value.equals_exactly(expected),
            Self::Close { expected, absolute, relative } => {
                value.is_close(expected, *absolute, *relative)
            }
            Self::AnyOrder(expected) => value.equals_in_any_order(expected),
            Self::Holds(property) => (property.holds)(value),
            // A digest check applies to digests only; the sandbox sends one whenever it is asked to.
            Self::Digest(_) | Self::Raises(_) | Self::Steps(_) | Self::Finds { .. } => false,
        }
    }
}

/// The verdict of a sequence is that of its first step that is not accepted.
fn steps(checks: &[Check], outcomes: &[CallOutcome]) -> Verdict {
    if checks.len() != outcomes.len() {
        return Verdict::WrongAnswer;
    }
    Verdict::of_cases(checks.iter().zip(outcomes).map(|(check, outcome)| check.judge(outcome)))
}

/// The expected outcome, in words.
impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Equal(value) => write!(f, "{value}"),
            Self::Digest(digest) => f.write_str(&large(digest)),
            Self::Exact(value) => write!(f, "{value}, of exactly this type"),
            Self::Close { expected, relative, .. } => write!(f, "{expected}, within {relative:e}"),
            Self::AnyOrder(value) => write!(f, "{value}, in any order"),
            Self::Raises(class) => write!(f, "{class} raised"),
            Self::Holds(property) => write!(f, "{}", property.name),
            Self::Steps(checks) => listed(f, "", checks),
            Self::Finds { weaknesses, net } => {
                let total = weaknesses.len();
                write!(
                    f,
                    "at least {net} more of the {total} weaknesses found than false alarms: "
                )?;
                listed(f, "", weaknesses)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(check: impl Into<Check>, outcome: &CallOutcome, verdict: Verdict) {
        let check = check.into();
        assert_eq!(check.judge(outcome), verdict, "{check} against {outcome}");
    }

    fn returned(value: impl Into<Value>) -> CallOutcome {
        CallOutcome::Returned(value.into())
    }

    fn raised(types: &[&str]) -> CallOutcome {
        let types = types.iter().map(ToString::to_string).collect();
        CallOutcome::Raised { types, message: "no".into(), line: None }
    }

    #[test]
    fn checks_accept_only_matching_outcomes() {
        use Verdict::{Accepted, RuntimeError, WrongAnswer};
        check(1, &returned(1.0), Accepted);
        check(1, &returned(2), WrongAnswer);
        check(1, &raised(&["ValueError"]), RuntimeError);
        check(Check::exact(1), &returned(1.0), WrongAnswer);
        check(Check::close(0.3, 1e-9), &returned(0.1 + 0.2), Accepted);
        check(Check::close(0.3, 1e-9), &returned(0.31), WrongAnswer);
        check(Check::close(0.0, 1e-9), &returned(1e-10), Accepted);
        check(Check::close_relatively(0.0, 1e-9), &returned(1e-10), WrongAnswer);
        check(Check::any_order(vec![1, 2]), &returned(vec![2, 1]), Accepted);
        check(Check::raises("ValueError"), &raised(&["ValueError", "Exception"]), Accepted);
        check(Check::raises("LookupError"), &raised(&["KeyError", "LookupError"]), Accepted);
        check(Check::raises("ValueError"), &raised(&["TypeError"]), WrongAnswer);
        check(Check::raises("ValueError"), &returned("ValueError"), WrongAnswer);
        let even = || Property::new("an even number", |v| v.as_i64().is_some_and(|n| n % 2 == 0));
        check(Check::Holds(even()), &returned(4), Accepted);
        check(Check::Holds(even()), &returned(5), WrongAnswer);
        check(Check::Holds(even()), &returned("4"), WrongAnswer);
        let digest = |text: &str| Sha256::of(text.as_bytes());
        check(Check::Digest(digest("a")), &CallOutcome::Digest(digest("a")), Accepted);
        check(Check::Digest(digest("a")), &CallOutcome::Digest(digest("b")), WrongAnswer);
        check(Check::Digest(digest("a")), &returned("a"), WrongAnswer);
        check("a", &CallOutcome::Digest(digest("a")), WrongAnswer);
    }

    #[test]
    fn sequences_are_judged_by_all_their_steps() {
        use Verdict::{Accepted, RuntimeError, WrongAnswer};
        let expected = || Check::Steps(vec![1.into(), Check::raises("KeyError")]);
        let of = |outcomes: &[CallOutcome]| CallOutcome::Steps(outcomes.to_vec());
        check(expected(), &of(&[returned(1), raised(&["KeyError"])]), Accepted);
        check(expected(), &of(&[returned(2), raised(&["KeyError"])]), WrongAnswer);
        check(expected(), &of(&[raised(&["KeyError"]), raised(&["KeyError"])]), RuntimeError);
        check(expected(), &of(&[returned(1)]), WrongAnswer);
        check(expected(), &of(&[returned(1), raised(&["KeyError"]), returned(1)]), WrongAnswer);
        check(expected(), &returned(vec![1]), WrongAnswer);
        check(expected(), &raised(&["TypeError"]), RuntimeError);
        check(Check::raises("TypeError"), &of(&[]), WrongAnswer);
        check(1, &of(&[returned(1)]), WrongAnswer);
    }

    #[test]
    fn every_false_alarm_cancels_a_found_weakness() {
        let weakness = |line| Weakness { first_line: line, last_line: line + 1, cwe: 89 };
        let finding = |line, cwe| Finding { line, cwe, why: String::new() };
        let check = |net: usize, findings: &[Finding], right: bool| {
            let check = Check::Finds { weaknesses: vec![weakness(5), weakness(9)], net };
            let verdict = check.judge(&CallOutcome::Found(findings.to_vec()));
            assert_eq!(verdict == Verdict::Accepted, right, "{check}: {findings:?}");
        };
        check(1, &[finding(5, 89)], true);
        check(1, &[finding(6, 89)], true);
        check(1, &[finding(7, 89)], false);
        check(1, &[finding(5, 78)], false);
        check(2, &[finding(5, 89)], false);
        check(2, &[finding(5, 89), finding(6, 89)], false);
        check(2, &[finding(5, 89), finding(10, 89)], true);
        check(1, &[finding(5, 89), finding(7, 89)], false);
        check(1, &[finding(5, 89), finding(9, 89), finding(7, 89)], true);
        check(2, &[finding(5, 89), finding(9, 89), finding(7, 89)], false);
        check(1, &[], false);
    }
}
