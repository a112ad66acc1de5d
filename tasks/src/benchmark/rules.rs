//! Which results are right: the data set's general rule and its rules for problems with several right answers.
//!
//! In general a result must equal the canonical solution's, except that floats may differ within a tolerance.
//! The data set itself defines more for the problems named here. All values are compared on the host.

use super::problem::{BenchmarkProblem, Expected, Tests};
use crate::check::Check;
use crate::value::Value;

/// Maximum difference between floats if the problem states none.
const FLOAT_ATOL: f64 = 1e-6;
/// Maximum difference relative to the expected number, where a difference is allowed.
const RTOL: f64 = 1e-7;
/// Maximum distance from a root, relative to its size, of a point that counts as the root.
const ROOT_DISTANCE: f64 = 1e-8;

/// MBPP problems whose result is a list of which order and repetition are ignored.
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
/// MBPP problems of whose result only the truth value counts, where everything but `None` and `False` is true.
const TRUTH_VALUE_ONLY: &[&str] = &["check_str", "text_match_three", "text_starta_endb"];

/// MBPP problems with a second right result, each by a rule of its own.
const SEVERAL_RIGHT: &[&str] =
    &["are_equivalent", "sum_div", "surface_Area", "digit_distance_nums"];

/// Returns whether a result is right if, apart from floats, it equals the canonical solution's.
pub fn is_equality(problem: &BenchmarkProblem) -> bool {
    let exact = !matches!(problem.tests, Tests::Inputs { atol, .. } if atol > 0.0);
    let entry_point = problem.entry_point.as_str();
    let special =
        [AS_SETS, TRUTH_VALUE_ONLY, SEVERAL_RIGHT].iter().any(|r| r.contains(&entry_point));
    exact && !(special && problem.name.starts_with("Mbpp/"))
}

/// Returns the check of the result of a call with these arguments.
pub fn check(problem: &BenchmarkProblem, args: &[Value], expected: Expected, atol: f64) -> Check {
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
                let another = second_result(entry_point, &args);
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
            _ if TRUTH_VALUE_ONLY.contains(&entry_point) => {
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

/// Returns whether the value is a float or a list or tuple of floats, for which a difference is allowed.
fn is_floats(value: &Value) -> bool {
    let all =
        |items: &[Value]| !items.is_empty() && items.iter().all(|i| matches!(i, Value::Float(_)));
    matches!(value, Value::Float(_)) || value.items().is_some_and(all)
}

/// Returns whether two results are equal, or have the same type and all numbers within the tolerance of
/// numpy's `allclose`: `|got - expected| <= atol + rtol * |expected|`.
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
                // The difference of equal infinities is nan.
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

/// Returns whether the polynomial is nearly 0 at `got`, or changes its sign so close to it that no better
/// number can be demanded: where the slope is steep, even the float nearest to the root exceeds the tolerance.
fn is_root(args: &[Value], got: &Value, atol: f64) -> bool {
    let coefficients: Option<Vec<f64>> =
        args.first().and_then(Value::items).map(|all| all.iter().filter_map(number).collect());
    let (Some(coefficients), Some(x)) = (coefficients, number(got)) else { return false };
    let at = |x: f64| -> f64 { coefficients.iter().zip(0_i32..).map(|(c, i)| c * x.powi(i)).sum() };
    let distance = ROOT_DISTANCE * x.abs().max(1.0);
    let (left, right) = (at(x - distance), at(x + distance));
    at(x).abs() <= atol || left.min(right) < 0.0 && left.max(right) > 0.0
}

/// The result of two ambiguous MBPP problems under the interpretation that the canonical solution does not
/// follow.
fn second_result(entry_point: &str, args: &[Value]) -> Value {
    if entry_point == "digit_distance_nums" {
        // The digits are compared position by position, with the shorter number padded with zeros.
        let digits = |arg: Option<&Value>| arg.map(ToString::to_string).unwrap_or_default();
        let (one, other) = (digits(args.first()), digits(args.get(1)));
        let width = one.len().max(other.len());
        let pairs = format!("{one:0>width$}").into_bytes().into_iter();
        let pairs = pairs.zip(format!("{other:0>width$}").into_bytes());
        return pairs.map(|(a, b)| u64::from(a.abs_diff(b))).sum::<u64>().into();
    }
    // The height is taken as that of the pyramid instead of its sides.
    let (Some(edge), Some(height)) = (args.first().and_then(number), args.get(1).and_then(number))
    else {
        return Value::None;
    };
    let slant = (edge / 2.0).hypot(height);
    Value::Float((edge * edge + 2.0 * edge * slant).round_ties_even())
}

fn same_members(got: &Value, expected: &Value) -> bool {
    let (Some(got), Some(expected)) = (got.listed(), expected.listed()) else { return false };
    Value::Set(got).equals_but_for_repeats(&Value::Set(expected))
}

/// Returns the bool, or whether any other value is not `None`.
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
    use crate::benchmark::problem::Format;
    use crate::check::CallOutcome;
    use crate::verdict::Verdict;

    fn verdict(entry_point: &str, args: &str, expected: &Value, got: Value) -> Verdict {
        let line = format!(
            r#"{{"task_id": "Mbpp/9000", "prompt": "", "entry_point": "{entry_point}",
            "canonical_solution": "", "base_input": [{args}], "plus_input": []}}"#
        );
        let problem = BenchmarkProblem::parse(&line, Format::EvalPlus).unwrap();
        let input = problem.calls().next().unwrap().clone();
        let check = check(&problem, &input, Expected::Returned(expected.clone()), 0.0);
        check.judge(&CallOutcome::Returned(got))
    }

    #[test]
    fn accepts_every_right_answer_of_ambiguous_problems() {
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
        right("similar_elements", "[1]", ("a", "b").into(), "ba".into());
        right("similar_elements", "[1]", (4, 5).into(), Value::dict([(5, 1), (4, 1)]));
        // The other reading of a problem adds no tolerance.
        wrong("surface_Area", "[3, 4]", 33.0.into(), 33.000_000_1.into());
        wrong("another", "[1]", 1.into(), 2.into());
    }

    #[test]
    fn floats_may_differ_as_in_numpy() {
        let close = |expected: Value, got: Value| {
            verdict("another", "[1]", &expected, got) == Verdict::Accepted
        };
        // 1e-6, and 1e-7 of the expected number.
        assert!(close(0.0.into(), 9e-7.into()));
        assert!(!close(0.0.into(), 2e-6.into()));
        assert!(close(1e3.into(), (1e3 + 1e-4).into()));
        assert!(!close(1e3.into(), (1e3 + 2e-4).into()));
        assert!(close(vec![1.000_000_5].into(), vec![true].into()));
        assert!(!close(vec![1.0, 2.0].into(), vec![1.0].into()));
    }

    #[test]
    fn large_results_cross_as_digests_where_only_equality_counts() {
        let equality = |name: &str, entry_point: &str, atol: f64| {
            let line = format!(
                r#"{{"task_id": "{name}", "prompt": "", "entry_point": "{entry_point}",
                "canonical_solution": "", "base_input": [[1]], "plus_input": [], "atol": {atol}}}"#
            );
            is_equality(&BenchmarkProblem::parse(&line, Format::EvalPlus).unwrap())
        };
        assert!(equality("Mbpp/1", "another", 0.0));
        assert!(equality("HumanEval/1", "similar_elements", 0.0));
        assert!(!equality("Mbpp/1", "another", 0.1));
        assert!(!equality("Mbpp/1", "similar_elements", 0.0));
    }

    #[test]
    fn root_is_a_zero_or_a_change_of_sign_close_by() {
        let root = |coefficients: &[f64], x: f64| {
            is_root(&[coefficients.to_vec().into()], &x.into(), 1e-4)
        };
        assert!(root(&[1.0, -2.0, 1.0], 1.0), "a double root");
        assert!(!root(&[1.0, -2.0, 1.0], 1.1));
        // So steep that the nearest float may miss the tolerance: 1e-8 away counts, relative to large roots.
        assert!(root(&[-1e12, 1e12], 1.0 + 5e-9));
        assert!(!root(&[-1e12, 1e12], 1.0 + 2e-8));
        assert!(root(&[-1e14, 1e12], 100.0 + 5e-7));
        // A zero at the very end of the distance does not change the sign.
        assert!(!root(&[0.0, 1e12], 1e-8));
        assert!(!root(&[0.0, 1e12], -1e-8));
    }
}
