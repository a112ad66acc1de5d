//! Converts the inputs of a problem from JSON to the values that its function takes.
//!
//! JSON has no tuples, sets or complex numbers, so EvalPlus converts the inputs of individual MBPP+ problems
//! before it calls them. The numbers below are those of its release. HumanEval+ needs no conversion.

use super::error::ProblemError;
use crate::value::{MAX_DEPTH, Value};

/// The types of a problem's arguments, where JSON cannot express them.
#[derive(Clone, Copy)]
enum ArgumentForm {
    /// Every argument is a tuple
    Tuples,
    /// Every argument is a list of tuples
    ListsOfTuples,
    /// Every argument is a tuple of tuples
    TuplesOfTuples,
    /// Tuples at every level
    AllTuples,
    /// The first is a tuple
    FirstTuple,
    /// The second is a tuple
    SecondTuple,
    /// The first is a list of tuples
    FirstListOfTuples,
    /// The first is a tuple whose lists are tuples
    TupleOfSome,
    /// The first is a list of sets, where an empty list stands for a dict
    ListOfSets,
    /// The first is a dict of tuples
    DictOfTuples,
    /// A float and a complex number
    FloatAndComplex,
    /// A complex number
    Complex,
}

/// The MBPP+ problems whose arguments need a conversion.
const MBPP: &[(ArgumentForm, &[u32])] = &[
    (
        ArgumentForm::Tuples,
        &[
            2, 116, 132, 143, 222, 261, 273, 394, 399, 421, 424, 429, 470, 560, 579, 596, 616, 630,
            726, 740, 744, 809,
        ],
    ),
    (
        ArgumentForm::ListsOfTuples,
        &[63, 64, 70, 94, 120, 237, 272, 299, 400, 409, 417, 438, 473, 614, 780],
    ),
    (ArgumentForm::TuplesOfTuples, &[259, 401, 445]),
    (ArgumentForm::AllTuples, &[580, 615, 791]),
    (ArgumentForm::FirstTuple, &[250, 307, 405, 446, 617, 720, 763, 808]),
    (ArgumentForm::SecondTuple, &[106, 750]),
    (ArgumentForm::FirstListOfTuples, &[75, 413, 444, 753]),
    (ArgumentForm::TupleOfSome, &[278]),
    (ArgumentForm::ListOfSets, &[115]),
    (ArgumentForm::DictOfTuples, &[722]),
    (ArgumentForm::FloatAndComplex, &[124]),
    (ArgumentForm::Complex, &[252]),
];

/// Reads the arguments of each call listed in a field of the record. As EvalPlus does, it takes whatever Python's
/// `list(...)` accepts: Mbpp/793 has an empty object in place of an empty list.
pub fn read(
    record: &Value,
    field: &'static str,
    name: &str,
) -> Result<Vec<Vec<Value>>, ProblemError> {
    let wrong = || ProblemError::Inputs { field, problem: name.to_owned() };
    let calls = record.get(field).and_then(Value::listed).ok_or_else(wrong)?;
    let number = name.strip_prefix("Mbpp/").and_then(|number| number.parse::<u32>().ok());
    let form = number.and_then(|number| MBPP.iter().find(|(_, all)| all.contains(&number)));
    let read = |call: &Value| {
        let args = call.listed().ok_or_else(wrong)?;
        let args = match form {
            None => Some(args),
            Some((form, _)) => converted(*form, args),
        };
        let args = args.filter(|args| args.iter().all(|arg| arg.is_within_depth(MAX_DEPTH)));
        args.ok_or_else(|| ProblemError::Input(name.to_owned()))
    };
    calls.iter().map(read).collect()
}

fn converted(form: ArgumentForm, mut args: Vec<Value>) -> Option<Vec<Value>> {
    let every =
        |to: fn(Value) -> Option<Value>, args: Vec<Value>| args.into_iter().map(to).collect();
    match form {
        ArgumentForm::Tuples => return every(tuple, args),
        ArgumentForm::ListsOfTuples => return every(list_of_tuples, args),
        ArgumentForm::TuplesOfTuples => return every(|arg| tuple(list_of_tuples(arg)?), args),
        ArgumentForm::AllTuples => return Some(args.into_iter().map(all_tuples).collect()),
        ArgumentForm::FirstTuple => change(args.first_mut()?, tuple)?,
        ArgumentForm::SecondTuple => change(args.get_mut(1)?, tuple)?,
        ArgumentForm::FirstListOfTuples => change(args.first_mut()?, list_of_tuples)?,
        ArgumentForm::TupleOfSome => change(args.first_mut()?, |arg| {
            let Value::List(items) = arg else { return None };
            Some(Value::Tuple(items.into_iter().map(list_as_tuple).collect()))
        })?,
        ArgumentForm::ListOfSets => change(args.first_mut()?, list_of_sets)?,
        ArgumentForm::DictOfTuples => change(args.first_mut()?, |arg| {
            let Value::Dict(entries) = arg else { return None };
            let entry = |(key, value)| Some((key, tuple(value)?));
            entries.into_iter().map(entry).collect::<Option<_>>().map(Value::Dict)
        })?,
        ArgumentForm::FloatAndComplex => {
            change(args.first_mut()?, |arg| match arg {
                Value::Str(text) => text.trim().parse().ok().map(Value::Float),
                Value::Int(int) => int.to_string().parse().ok().map(Value::Float),
                Value::Float(_) => Some(arg),
                _ => None,
            })?;
            change(args.get_mut(1)?, complex)?;
        }
        ArgumentForm::Complex => change(args.first_mut()?, complex)?,
    }
    Some(args)
}

fn change(place: &mut Value, to: impl FnOnce(Value) -> Option<Value>) -> Option<()> {
    *place = to(std::mem::replace(place, Value::None))?;
    Some(())
}

fn tuple(value: Value) -> Option<Value> {
    match value {
        Value::List(items) => Some(Value::Tuple(items)),
        other => other.listed().map(Value::Tuple),
    }
}

fn list_as_tuple(value: Value) -> Value {
    match value {
        Value::List(items) => Value::Tuple(items),
        other => other,
    }
}

fn list_of_tuples(value: Value) -> Option<Value> {
    let Value::List(items) = value else { return None };
    items.into_iter().map(tuple).collect::<Option<_>>().map(Value::List)
}

fn all_tuples(value: Value) -> Value {
    match value {
        Value::List(items) => Value::Tuple(items.into_iter().map(all_tuples).collect()),
        other => other,
    }
}

fn list_of_sets(value: Value) -> Option<Value> {
    let Value::List(items) = value else { return None };
    let set = |item| match item {
        Value::List(members) if !members.is_empty() => {
            let mut set: Vec<Value> = Vec::new();
            for member in members {
                if !set.iter().any(|known| known.equals(&member)) {
                    set.push(member);
                }
            }
            Value::Set(set)
        }
        _ => Value::Dict(Vec::new()),
    };
    Some(Value::List(items.into_iter().map(set).collect()))
}

/// Python's `complex(...)` of a number or of a string such as `(1+2j)`, `-3j` or `4`.
fn complex(value: Value) -> Option<Value> {
    let text = match value {
        Value::Float(real) => return Some(Value::Complex(real, 0.0)),
        Value::Int(int) => {
            return int.to_string().parse().ok().map(|real| Value::Complex(real, 0.0));
        }
        Value::Str(text) => text,
        _ => return None,
    };
    let text = text.trim();
    let text = text.strip_prefix('(').and_then(|text| text.strip_suffix(')')).unwrap_or(text);
    let Some(body) = text.strip_suffix(['j', 'J']) else {
        return text.parse().ok().map(|real| Value::Complex(real, 0.0));
    };
    // The parts are separated by the last sign that starts neither the text nor an exponent.
    let split = body
        .char_indices()
        .rev()
        .find(|(at, c)| matches!(c, '+' | '-') && *at > 0 && !body[..*at].ends_with(['e', 'E']));
    let (real, imaginary) = split.map_or(("0", body), |(at, _)| body.split_at(at));
    let imaginary = match imaginary {
        "" | "+" => 1.0,
        "-" => -1.0,
        digits => digits.parse().ok()?,
    };
    Some(Value::Complex(real.parse().ok()?, imaginary))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, input: &str, repr: &str) {
        let record = Value::from_python_json(&format!("{{\"base_input\": [{input}]}}")).unwrap();
        let calls = read(&record, "base_input", name).unwrap();
        assert_eq!(Value::List(calls[0].clone()).to_string(), repr, "{name}");
    }

    #[test]
    fn lists_are_converted_to_the_types_of_the_problem() {
        check("HumanEval/2", "[[1, 2], [3]]", "[[1, 2], [3]]");
        check("Mbpp/2", "[[1, 2], [3]]", "[(1, 2), (3,)]");
        check("Mbpp/63", "[[[1, 2], [3]]]", "[[(1, 2), (3,)]]");
        check("Mbpp/259", "[[[1], [2]]]", "[((1,), (2,))]");
        check("Mbpp/580", "[[1, [2, [3]]]]", "[(1, (2, (3,)))]");
        check("Mbpp/307", "[[\"a\"], 1, 2]", "[('a',), 1, 2]");
        check("Mbpp/106", "[[1], [2]]", "[[1], (2,)]");
        check("Mbpp/75", "[[[1]], 6]", "[[(1,)], 6]");
        check("Mbpp/278", "[[1, [2], \"a\"]]", "[(1, (2,), 'a')]");
        check("Mbpp/115", "[[[1, 1, 2], [], [3]]]", "[[{1, 2}, {}, {3}]]");
        check("Mbpp/722", "[{\"a\": [1, 2]}, 3]", "[{'a': (1, 2)}, 3]");
        check("Mbpp/124", "[\"1\", \"(0+1j)\"]", "[1.0, complex(0.0, 1.0)]");
        check("Mbpp/252", "[\"-1.5e-3-2j\"]", "[complex(-0.0015, -2.0)]");
        check("Mbpp/252", "[\"-j\"]", "[complex(0.0, -1.0)]");
        check("Mbpp/252", "[3]", "[complex(3.0, 0.0)]");
    }

    #[test]
    fn reads_whatever_python_makes_a_list_of() {
        let record = r#"{"base_input": {}, "plus_input": [{"a": 1, "b": 2, "a": 3}, "xy", []]}"#;
        let record = Value::from_python_json(record).unwrap();
        assert!(read(&record, "base_input", "Mbpp/793").unwrap().is_empty());
        let calls = read(&record, "plus_input", "HumanEval/1").unwrap();
        let calls: Vec<_> = calls.into_iter().map(|args| Value::List(args).to_string()).collect();
        assert_eq!(calls, ["['a', 'b']", "['x', 'y']", "[]"]);
        for wrong in ["null", "1", "true", "1.5", "[1]", "[[], null]"] {
            let record = Value::from_python_json(&format!("{{\"plus_input\": {wrong}}}")).unwrap();
            let error = read(&record, "plus_input", "Mbpp/9").unwrap_err();
            let sentence = "`plus_input` of Mbpp/9 must be a list of argument lists";
            assert_eq!(error.to_string(), sentence, "{wrong}");
        }
        let deep = format!("{{\"plus_input\": [[{}{}]]}}", "[".repeat(41), "]".repeat(41));
        let record = Value::from_python_json(&deep).unwrap();
        assert!(read(&record, "plus_input", "Mbpp/9").is_err());
    }

    #[test]
    fn rejects_inputs_of_another_form() {
        let record = Value::from_python_json("{\"base_input\": [[1]]}").unwrap();
        let error = read(&record, "base_input", "Mbpp/2").unwrap_err();
        assert!(error.to_string().contains("Mbpp/2"), "{error}");
    }
}
