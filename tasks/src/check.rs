//! What makes an outcome right: the checks that a suite states and that only the host ever sees.

use std::fmt;
use std::sync::Arc;

use serde::{Serialize, Serializer};

use crate::{Finding, Sha256, Value, Verdict, Weakness};

/// What a case came to, as the sandbox reports it. It is evidence, not a judgement: the agent's
/// side can make it say anything, except the expected value that it never saw.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// The call returned a value.
    Returned(Value),
    /// The call returned a value that did not cross itself: this is the digest of its canonical form
    Digest(Sha256),
    /// The call raised an exception.
    Raised {
        /// Names of the exception's class and of its base classes, nearest first.
        types: Vec<String>,
        /// The exception's text, shortened.
        message: String,
    },
    /// The object was made; this is what each of its calls came to. None is left out because an
    /// earlier one raised.
    Steps(Vec<Outcome>),
    /// The answer was read as findings; nothing was called.
    Found(Vec<Finding>),
}

/// What happened, as the rest of a sentence: "returned 5", "raised `ValueError`: no".
impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Returned(value) => write!(f, "returned {value}"),
            Self::Digest(digest) => write!(f, "returned {}", large(digest)),
            Self::Raised { types, message } => {
                let name = types.first().map_or("an exception", String::as_str);
                write!(f, "raised {}", name.escape_debug())?;
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

/// A property that a returned value must have, stated as a Rust closure.
#[derive(Clone)]
pub struct Property {
    name: String,
    holds: Arc<dyn Fn(&Value) -> bool + Send + Sync>,
}

impl Property {
    /// A property with a name that says it in words, such as "two indices whose numbers add up to
    /// 9". The name takes part in the task's digest, so it must tell apart what the closure tells
    /// apart.
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

/// What an outcome is held against.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    /// Equal under Python's rule (see [`Value::equals`])
    Equal(Value),
    /// Equal to a value that is known by the digest of its canonical form alone, for it is too large to
    /// be kept. Only who computed the value can send its digest.
    Digest(Sha256),
    /// Equal, and of the same types all the way down
    Exact(Value),
    /// Equal, except that numbers may differ a little
    Close {
        /// The value as computed here
        expected: Value,
        /// Largest difference
        absolute: f64,
        /// Largest difference relative to the larger number; the larger allowance counts
        relative: f64,
    },
    /// The same members in any order
    AnyOrder(Value),
    /// An exception of this class or of one derived from it
    Raises(String),
    /// Any value with this property
    Holds(Property),
    /// One check for each call of a sequence
    Steps(Vec<Check>),
    /// A finding that names this weakness
    Finds(Weakness),
    /// At least one finding, and none that names anything but these weaknesses
    OnlyFinds(Vec<Weakness>),
}

impl<T: Into<Value>> From<T> for Check {
    fn from(expected: T) -> Self {
        Self::Equal(expected.into())
    }
}

impl Check {
    /// The same members as `expected`, in any order.
    pub fn any_order(expected: impl Into<Value>) -> Self {
        Self::AnyOrder(expected.into())
    }

    /// The numbers of `expected`, within `tolerance` absolutely or relatively.
    pub fn close(expected: impl Into<Value>, tolerance: f64) -> Self {
        Self::Close { expected: expected.into(), absolute: tolerance, relative: tolerance }
    }

    /// The numbers of `expected`, within `tolerance` relatively, however small they are.
    pub fn close_relatively(expected: impl Into<Value>, tolerance: f64) -> Self {
        Self::Close { expected: expected.into(), absolute: 0.0, relative: tolerance }
    }

    /// `expected`, of exactly its type.
    pub fn exact(expected: impl Into<Value>) -> Self {
        Self::Exact(expected.into())
    }

    /// An exception of the named class.
    pub fn raises(class: impl Into<String>) -> Self {
        Self::Raises(class.into())
    }

    /// Any value for which the closure holds. `name` says in words what that is.
    pub fn holds(
        name: impl Into<String>,
        holds: impl Fn(&Value) -> bool + Send + Sync + 'static,
    ) -> Self {
        Self::Holds(Property::new(name, holds))
    }

    /// Judges an outcome.
    pub fn judge(&self, outcome: &Outcome) -> Verdict {
        let right = match (self, outcome) {
            (Self::Steps(checks), Outcome::Steps(outcomes)) => return steps(checks, outcomes),
            (Self::Finds(weakness), Outcome::Found(findings)) => {
                findings.iter().any(|finding| weakness.is_named_by(finding))
            }
            (Self::OnlyFinds(known), Outcome::Found(findings)) => {
                let is_true = |finding| known.iter().any(|weakness| weakness.is_named_by(finding));
                !findings.is_empty() && findings.iter().all(is_true)
            }
            (Self::Raises(class), Outcome::Raised { types, .. }) => types.contains(class),
            (_, Outcome::Raised { .. }) => return Verdict::RuntimeError,
            (Self::Digest(expected), Outcome::Digest(digest)) => digest == expected,
            (check, Outcome::Returned(value)) => check.accepts(value),
            (_, Outcome::Digest(_) | Outcome::Steps(_) | Outcome::Found(_)) => false,
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
            // A value that crossed itself has a part that no canonical form has.
            Self::Digest(_)
            | Self::Raises(_)
            | Self::Steps(_)
            | Self::Finds(_)
            | Self::OnlyFinds(_) => false,
        }
    }
}

/// A sequence has the verdict of its first step that is not accepted.
fn steps(checks: &[Check], outcomes: &[Outcome]) -> Verdict {
    if checks.len() != outcomes.len() {
        return Verdict::WrongAnswer;
    }
    Verdict::of_cases(checks.iter().zip(outcomes).map(|(check, outcome)| check.judge(outcome)))
}

/// What is expected, in words for people.
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
            Self::Finds(weakness) => write!(f, "{weakness}"),
            Self::OnlyFinds(known) => {
                write!(f, "at least one finding, and none but the {} true ones", known.len())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(check: impl Into<Check>, outcome: &Outcome, verdict: Verdict) {
        let check = check.into();
        assert_eq!(check.judge(outcome), verdict, "{check} against {outcome}");
    }

    fn returned(value: impl Into<Value>) -> Outcome {
        Outcome::Returned(value.into())
    }

    fn raised(types: &[&str]) -> Outcome {
        let types = types.iter().map(ToString::to_string).collect();
        Outcome::Raised { types, message: "no".into() }
    }

    #[test]
    fn each_check_accepts_what_it_asks_for_and_nothing_else() {
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
        check(Check::Digest(digest("a")), &Outcome::Digest(digest("a")), Accepted);
        check(Check::Digest(digest("a")), &Outcome::Digest(digest("b")), WrongAnswer);
        check(Check::Digest(digest("a")), &returned("a"), WrongAnswer);
        check("a", &Outcome::Digest(digest("a")), WrongAnswer);
    }

    #[test]
    fn a_sequence_is_judged_step_by_step_and_by_all_of_them() {
        use Verdict::{Accepted, RuntimeError, WrongAnswer};
        let life = || Check::Steps(vec![1.into(), Check::raises("KeyError")]);
        let of = |outcomes: &[Outcome]| Outcome::Steps(outcomes.to_vec());
        check(life(), &of(&[returned(1), raised(&["KeyError"])]), Accepted);
        check(life(), &of(&[returned(2), raised(&["KeyError"])]), WrongAnswer);
        check(life(), &of(&[raised(&["KeyError"]), raised(&["KeyError"])]), RuntimeError);
        check(life(), &of(&[returned(1)]), WrongAnswer);
        check(life(), &of(&[returned(1), raised(&["KeyError"]), returned(1)]), WrongAnswer);
        check(life(), &returned(vec![1]), WrongAnswer);
        check(life(), &raised(&["TypeError"]), RuntimeError);
        check(Check::raises("TypeError"), &of(&[]), WrongAnswer);
        check(1, &of(&[returned(1)]), WrongAnswer);
    }
}
