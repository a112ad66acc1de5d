//! What counts as right: the data set's general rule, and its rules for problems with several right answers.
//!
//! In general a result must equal the canonical solution's, except that floats may differ a little. The
//! problems named here are those for which the data set itself says more. All of it is judged by values on
//! the host.

use super::{Expected, Problem, Tests};
use crate::{Check, Value};

/// Largest difference between floats where the problem states none.
const FLOAT_ATOL: f64 = 1e-6;
/// Largest difference relative to the expected number, wherever a difference is allowed at all.
const RTOL: f64 = 1e-7;
/// How far from a root, relative to its size, a point may lie that counts as the root.
const ROOT_DISTANCE: f64 = 1e-8;

/// MBPP problems whose result is a list in which order and repetition mean nothing.
const AS_SETS: &[&str] = &[
    "Diff",
    "common_in_nested_lists",
    "extract_singly",
    "find_char_long",
    "find_dissimilar",
    "intersection_array",
    "larg_nnum",
    "similar_elements",
];
/// MBPP problems whose result only needs to be something or nothing.
const SOMETHING_OR_NOT: &[&str] = &["check_str", "text_match_three", "text_starta_endb"];

/// MBPP problems with a right answer beside the canonical solution's, each in a way of its own.
const SEVERAL_RIGHT: &[&str] =
    &["are_equivalent", "sum_div", "surface_Area", "digit_distance_nums"];

/// Whether a result of this problem is right if it equals the canonical solution's, floats aside.
pub fn wants_equality(problem: &Problem) -> bool {
    let exact = !matches!(problem.tests, Tests::Inputs { atol, .. } if atol > 0.0);
    let entry_point = problem.entry_point.as_str();
    let special =
        [AS_SETS, SOMETHING_OR_NOT, SEVERAL_RIGHT].iter().any(|r| r.contains(&entry_point));
    exact && !(special && problem.name.starts_with("Mbpp/"))
}

/// What the result of a call with these arguments is held against.
pub fn check(problem: &Problem, args: &[Value], expected: Expected, atol: f64) -> Check {
    let expected = match expected {
        Expected::Returned(expected) => expected,
        Expected::Digest(digest) => return Check::Digest(digest),
    };
    let entry_point = problem.entry_point.as_str();
    let args = args.to_vec();
    let also = |name: String, right: Box<dyn Fn(&Value) -> bool + Send + Sync>| {
        Check::holds(name, move |got| right(got))
    };
    if problem.name.starts_with("HumanEval/") && entry_point == "find_zero" {
        return also(
            "a root of the polynomial".into(),
            Box::new(move |got| is_root(&args, got, atol)),
        );
    }
    if problem.name.starts_with("Mbpp/") {
        match entry_point {
            "are_equivalent" => return also("any value".into(), Box::new(|_| true)),
            "sum_div" => {
                let name = format!("{expected} or 0");
                let right = move |got: &Value| got.equals(&expected) || got.equals(&0.into());
                return also(name, Box::new(right));
            }
            "surface_Area" | "digit_distance_nums" => {
                let another = another_reading(entry_point, &args);
                let name = format!("{expected}, or {another} by another reading");
                let right = move |got: &Value| {
                    is_close(got, &expected, atol) || is_close(got, &another, atol)
                };
                return also(name, Box::new(right));
            }
            _ if AS_SETS.contains(&entry_point) => {
                let name = format!("the members of {expected}");
                return also(name, Box::new(move |got| same_members(got, &expected)));
            }
            _ if SOMETHING_OR_NOT.contains(&entry_point) => {
                let something = is_something(&expected);
                let name = if something { "something" } else { "nothing" };
                return also(name.into(), Box::new(move |got| is_something(got) == something));
            }
            _ => {}
        }
    }
    let atol = if atol == 0.0 && is_floats(&expected) { FLOAT_ATOL } else { atol };
    if atol == 0.0 {
        return Check::Equal(expected);
    }
    let name = format!("{expected}, within {atol:e}");
    also(name, Box::new(move |got| is_close(got, &expected, atol)))
}

/// Whether a difference is allowed between floats: a float, or a list or tuple of nothing else.
fn is_floats(value: &Value) -> bool {
    let all =
        |items: &[Value]| !items.is_empty() && items.iter().all(|i| matches!(i, Value::Float(_)));
    matches!(value, Value::Float(_)) || value.items().is_some_and(all)
}

/// Whether two results are equal, or of one type and everywhere within the tolerance of numpy's
/// `allclose`: `|got - expected| <= atol + rtol * |expected|`.
fn is_close(got: &Value, expected: &Value, atol: f64) -> bool {
    let same_type = std::mem::discriminant(got) == std::mem::discriminant(expected);
    got.equals(expected) || atol > 0.0 && same_type && all_close(got, expected, atol)
}

fn all_close(got: &Value, expected: &Value, atol: f64) -> bool {
    match (got.items(), expected.items()) {
        (Some(got), Some(expected)) => {
            got.len() == expected.len()
                && got.iter().zip(expected).all(|(got, expected)| all_close(got, expected, atol))
        }
        (None, None) => match (number(got), number(expected)) {
            (Some(got), Some(expected)) => {
                // Equal infinities have a difference that is no number.
                got.to_bits() == expected.to_bits()
                    || (got - expected).abs() <= atol + RTOL * expected.abs()
            }
            _ => false,
        },
        _ => false,
    }
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Bool(bool) => Some(f64::from(u8::from(*bool))),
        Value::Int(int) => num_traits::ToPrimitive::to_f64(int),
        Value::Float(float) => Some(*float),
        _ => None,
    }
}

/// Whether the polynomial is nearly 0 here, or has a root so near that no nearer number could be asked for:
/// where it is steep, not even the float next to the root is within the tolerance.
fn is_root(args: &[Value], got: &Value, atol: f64) -> bool {
    let coefficients: Option<Vec<f64>> =
        args.first().and_then(Value::items).map(|all| all.iter().filter_map(number).collect());
    let (Some(coefficients), Some(x)) = (coefficients, number(got)) else { return false };
    let at = |x: f64| -> f64 { coefficients.iter().zip(0_i32..).map(|(c, i)| c * x.powi(i)).sum() };
    let distance = ROOT_DISTANCE * x.abs().max(1.0);
    let (left, right) = (at(x - distance), at(x + distance));
    at(x).abs() <= atol || left * right < 0.0
}

/// The result of the two MBPP problems whose text can be read in two ways, by the reading that the canonical
/// solution does not follow.
fn another_reading(entry_point: &str, args: &[Value]) -> Value {
    if entry_point == "digit_distance_nums" {
        // The digits are compared place by place, the shorter number filled with zeros.
        let digits = |arg: Option<&Value>| arg.map(ToString::to_string).unwrap_or_default();
        let (one, other) = (digits(args.first()), digits(args.get(1)));
        let width = one.len().max(other.len());
        let pairs = format!("{one:0>width$}").into_bytes().into_iter();
        let pairs = pairs.zip(format!("{other:0>width$}").into_bytes());
        return pairs.map(|(a, b)| u64::from(a.abs_diff(b))).sum::<u64>().into();
    }
    // The height is that of the pyramid, and not of its sides.
    let (Some(edge), Some(height)) = (args.first().and_then(number), args.get(1).and_then(number))
    else {
        return Value::None;
    };
    let slant = (edge / 2.0).hypot(height);
    Value::Float((edge * edge + 2.0 * edge * slant).round_ties_even())
}

fn members(value: &Value) -> Option<Vec<Value>> {
    Some(match value {
        Value::List(items) | Value::Tuple(items) | Value::Set(items) | Value::FrozenSet(items) => {
            items.clone()
        }
        Value::Dict(entries) => entries.iter().map(|(key, _)| key.clone()).collect(),
        Value::Str(text) => text.chars().map(|c| Value::Str(c.to_string())).collect(),
        _ => return None,
    })
}

fn same_members(got: &Value, expected: &Value) -> bool {
    let (Some(got), Some(expected)) = (members(got), members(expected)) else { return false };
    Value::Set(got).equals_but_for_repeats(&Value::Set(expected))
}

/// A bool says it itself; anything else is something unless it is `None`.
fn is_something(value: &Value) -> bool {
    match value {
        Value::Bool(bool) => *bool,
        Value::None => false,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::benchmark::Format;
    use crate::{Outcome, Verdict};

    fn verdict(entry_point: &str, args: &str, expected: &Value, got: Value) -> Verdict {
        let line = format!(
            r#"{{"task_id": "Mbpp/9000", "prompt": "", "entry_point": "{entry_point}",
            "canonical_solution": "", "base_input": [{args}], "plus_input": []}}"#
        );
        let problem = Problem::parse(&line, Format::EvalPlus).unwrap();
        let input = problem.inputs()[0].args.to_vec();
        let check = check(&problem, &input, Expected::Returned(expected.clone()), 0.0);
        check.judge(&Outcome::Returned(got))
    }

    #[test]
    fn problems_with_several_right_answers_take_each_of_them() {
        let right = |entry_point, args, expected: Value, got: Value| {
            assert_eq!(
                verdict(entry_point, args, &expected, got),
                Verdict::Accepted,
                "{entry_point}"
            );
        };
        let wrong = |entry_point, args, expected: Value, got: Value| {
            assert_eq!(
                verdict(entry_point, args, &expected, got),
                Verdict::WrongAnswer,
                "{entry_point}"
            );
        };
        right("are_equivalent", "[1, 2]", true.into(), false.into());
        right("sum_div", "[1]", 1.into(), 0.into());
        wrong("sum_div", "[1]", 1.into(), 2.into());
        right("similar_elements", "[1]", (4, 5).into(), vec![5, 4, 4].into());
        wrong("similar_elements", "[1]", (4, 5).into(), vec![5].into());
        wrong("similar_elements", "[1]", (4, 5).into(), 5.into());
        right("digit_distance_nums", "[1, 256]", 0.into(), 12.into());
        right("digit_distance_nums", "[1, 256]", 0.into(), 0.into());
        wrong("digit_distance_nums", "[1, 256]", 0.into(), 1.into());
        right("surface_Area", "[3, 4]", 33.into(), 35.into());
        wrong("surface_Area", "[3, 4]", 33.into(), 34.into());
        let found = Value::Opaque("Match".into());
        right("check_str", "[\"a\"]", found.clone(), true.into());
        right("check_str", "[\"a\"]", Value::None, false.into());
        wrong("check_str", "[\"a\"]", Value::None, found);
    }
}
