//! A problem of a public benchmark, parsed from a line of its file.

use serde::{Deserialize, Serialize};

use super::error::ProblemError;
use super::inputs;
use crate::digest::Sha256;
use crate::id::TaskId;
use crate::value::Value;

/// The format of a benchmark file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Inputs and a canonical solution: HumanEval+ and MBPP+
    EvalPlus,
    /// A canonical solution and assertions about `candidate`: the original HumanEval, and HumanEval+ in its format
    HumanEval,
    /// A description, code and assertions: the original MBPP, and MBPP+ in its format
    Mbpp,
}

impl Format {
    /// Returns whether verdicts rest on assertions that run in the answer's process, which can forge them.
    pub const fn is_advisory(self) -> bool {
        matches!(self, Self::HumanEval | Self::Mbpp)
    }
}

/// A problem of a benchmark.
#[derive(Clone, Debug)]
pub struct BenchmarkProblem {
    /// Name in the benchmark, such as `HumanEval/32`
    pub name: String,
    /// Task id, such as `humaneval_32`
    pub id: TaskId,
    /// The text to complete: the head of a function
    pub prompt: String,
    /// Name of the function
    pub entry_point: String,
    /// A correct completion of the prompt
    pub canonical_solution: String,
    /// How an answer is judged
    pub tests: Tests,
}

/// How answers to a problem are judged.
#[derive(Clone, Debug)]
pub enum Tests {
    /// Calls whose results are compared with those of the canonical solution
    Inputs {
        /// Arguments of the calls of the original benchmark
        base: Vec<Vec<Value>>,
        /// Arguments of the calls that EvalPlus added
        plus: Vec<Vec<Value>>,
        /// Maximum difference of numbers; with 0 a difference is allowed only between floats
        atol: f64,
    },
    /// Python source that runs after the answer and raises `AssertionError` if it is wrong
    Assertions(String),
}

/// The result of the canonical solution for one input.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Expected {
    /// The value
    Returned(Value),
    /// The digest of the canonical form of a large value
    Digest(Sha256),
}

impl BenchmarkProblem {
    /// Parses a line of a benchmark file.
    pub fn parse(line: &str, format: Format) -> Result<Self, ProblemError> {
        let record = Value::from_python_json(line)?;
        if format == Format::Mbpp {
            return Self::of_mbpp(&record);
        }
        let text = |field| text(&record, field);
        if format == Format::EvalPlus && record.get("base_input").is_none() {
            refuse_original(&record)?;
        }
        let name = text("task_id")?;
        let id = task_id(&name)?;
        let tests = match format {
            Format::HumanEval | Format::Mbpp => {
                let entry_point = text("entry_point")?;
                Tests::Assertions(format!("{}\n\ncheck({entry_point})\n", text("test")?))
            }
            Format::EvalPlus => Tests::Inputs {
                base: match inputs::read(&record, "base_input", &name)? {
                    none if none.is_empty() => return Err(ProblemError::NoInput(name)),
                    base => base,
                },
                plus: inputs::read(&record, "plus_input", &name)?,
                atol: atol(&record)?,
            },
        };
        Ok(Self {
            id,
            prompt: text("prompt")?,
            entry_point: text("entry_point")?,
            canonical_solution: text("canonical_solution")?,
            tests,
            name,
        })
    }

    /// Parses a record of the original MBPP. Its prompt becomes what MBPP+ makes of it: a docstring of the description
    /// and the first assertion, which a whole answer may follow.
    fn of_mbpp(record: &Value) -> Result<Self, ProblemError> {
        let field = |field, expected| ProblemError::Field { field, expected };
        let Some(Value::Int(number)) = record.get("task_id") else {
            return Err(field("task_id", "a number"));
        };
        let lines = |name: &'static str| match record.get(name).and_then(Value::items) {
            None if record.get(name).is_none() => Ok(Vec::new()),
            Some(items) => {
                let text = |item: &Value| match item {
                    Value::Str(text) => Some(text.clone()),
                    _ => None,
                };
                items.iter().map(text).collect::<Option<Vec<_>>>()
            }
            .ok_or_else(|| field(name, "a list of strings")),
            None => Err(field(name, "a list of strings")),
        };
        let canonical_solution = text(record, "code")?;
        let assertions = lines("test_list")?;
        let first = assertions.first().ok_or_else(|| field("test_list", "a list of assertions"))?;
        let description = text(record, "prompt").or_else(|_| text(record, "text"))?;
        let escaped = format!("{description}\n{first}").replace('\\', r"\\").replace('"', r#"\""#);
        let name = format!("Mbpp/{number}");
        let entry_point = called_function(&canonical_solution, first)
            .ok_or_else(|| field("code", "the source of a function that `test_list` calls"))?;
        // The releases of EvalPlus have all their assertions in `test`.
        let tests = if record.get("test").is_some() {
            text(record, "test")?
        } else {
            let set_up = text(record, "test_setup_code").into_iter();
            let all = lines("test_imports")?.into_iter().chain(set_up).chain(assertions);
            all.collect::<Vec<_>>().join("\n")
        };
        Ok(Self {
            id: task_id(&name)?,
            prompt: format!("\"\"\"\n{escaped}\n\"\"\"\n"),
            entry_point,
            canonical_solution,
            tests: Tests::Assertions(tests),
            name,
        })
    }

    /// Returns the whole answer that a completion of the prompt makes.
    pub fn completed(&self, completion: &str) -> String {
        format!("{}{completion}", self.prompt)
    }

    /// Returns the canonical solution as a whole answer.
    pub fn canonical(&self) -> String {
        self.completed(&self.canonical_solution)
    }

    /// Returns the number of cases of the original benchmark; they come first.
    pub fn base_count(&self) -> usize {
        match &self.tests {
            Tests::Inputs { base, .. } => base.len(),
            Tests::Assertions(_) => 1,
        }
    }

    /// Returns the problem without the cases that EvalPlus added.
    #[must_use]
    pub fn base_only(mut self) -> Self {
        if let Tests::Inputs { plus, .. } = &mut self.tests {
            plus.clear();
        }
        self
    }

    /// The arguments of every call, those of the original benchmark first.
    pub(super) fn calls(&self) -> impl Iterator<Item = &Vec<Value>> {
        let (base, plus) = match &self.tests {
            Tests::Inputs { base, plus, .. } => (base.as_slice(), plus.as_slice()),
            Tests::Assertions(_) => (&[][..], &[][..]),
        };
        base.iter().chain(plus)
    }
}

/// Returns the string in a field of a record.
fn text(record: &Value, field: &'static str) -> Result<String, ProblemError> {
    match record.get(field) {
        Some(Value::Str(text)) => Ok(text.clone()),
        _ => Err(ProblemError::Field { field, expected: "a string" }),
    }
}

/// Returns the task id of a problem: `HumanEval/32` becomes `humaneval_32`.
fn task_id(name: &str) -> Result<TaskId, ProblemError> {
    let id = name.to_ascii_lowercase().replace('/', "_");
    match id.parse::<TaskId>() {
        Ok(id) if id.is_private() => Err(ProblemError::Reserved(name.to_owned())),
        Ok(id) => Ok(id),
        Err(_) => Err(ProblemError::Name(name.to_owned())),
    }
}

/// Returns the last function on the top level of a source that an assertion calls.
fn called_function(source: &str, assertion: &str) -> Option<String> {
    let name = |line: &str| Some(line.strip_prefix("def ")?.split('(').next()?.trim().to_owned());
    let mut names: Vec<_> = source.lines().filter_map(name).collect();
    names.retain(|name| assertion.contains(&format!("{name}(")));
    names.pop()
}

/// Names the right format for a record of an original benchmark, which EvalPlus releases as `OriginFmt` too.
fn refuse_original(record: &Value) -> Result<(), ProblemError> {
    let original = |problem: String, format| Err(ProblemError::Original { problem, format });
    match (record.get("task_id"), record.get("test"), record.get("test_list")) {
        (Some(Value::Str(name)), Some(_), _) => original(name.clone(), "humaneval"),
        (Some(Value::Int(number)), _, Some(_)) => original(format!("Mbpp/{number}"), "mbpp"),
        _ => Ok(()),
    }
}

fn atol(record: &Value) -> Result<f64, ProblemError> {
    match record.get("atol") {
        None | Some(Value::None) => Ok(0.0),
        Some(Value::Float(atol)) if *atol >= 0.0 => Ok(*atol),
        Some(Value::Int(int)) if *int == 0.into() => Ok(0.0),
        _ => Err(ProblemError::Field { field: "atol", expected: "a number that is not negative" }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_original_mbpp_and_its_format() {
        let line = r#"{"task_id": 7, "text": "Say \\ \"hi\".", "code": "def f(a):\r\n    return g(a)\n\ndef g(a):\n    return a",
            "test_setup_code": "k = 1", "test_list": ["assert f(1) == k", "assert f(2) == 2"]}"#;
        let problem = BenchmarkProblem::parse(line, Format::Mbpp).unwrap();
        assert_eq!((problem.name.as_str(), problem.id.as_str()), ("Mbpp/7", "mbpp_7"));
        assert_eq!(problem.entry_point, "f");
        assert_eq!(problem.prompt, "\"\"\"\nSay \\\\ \\\"hi\\\".\nassert f(1) == k\n\"\"\"\n");
        let tests = |line: &str| match BenchmarkProblem::parse(line, Format::Mbpp).unwrap().tests {
            Tests::Assertions(source) => source,
            Tests::Inputs { .. } => panic!("assertions"),
        };
        assert_eq!(tests(line), "k = 1\nassert f(1) == k\nassert f(2) == 2");
        let with_test = line.replace("\"text\"", "\"test\": \"check()\", \"prompt\"");
        assert_eq!(tests(&with_test), "check()");
    }

    #[test]
    fn rejects_malformed_problems_with_the_reason() {
        for (line, reason) in [
            ("{", "invalid JSON at byte 1: expected a key"),
            ("{}", "`task_id` must be a string"),
            (
                r#"{"task_id": "HumanEval/1", "prompt": "", "test": "def check(candidate): pass"}"#,
                "HumanEval/1 has `test` in place of `base_input`: this is the original format, which \
                 'humaneval:FILE' names",
            ),
            (
                r#"{"task_id": 2, "code": "", "test_list": [], "test": ""}"#,
                "Mbpp/2 has `test` in place of `base_input`: this is the original format, which 'mbpp:FILE' names",
            ),
            (
                r#"{"task_id": "Größe/1"}"#,
                "`task_id` 'Größe/1' cannot name a task: expected letters, digits, '_' and '/'",
            ),
            (
                r#"{"task_id": "Private/1"}"#,
                "`task_id` 'Private/1' begins like the ids of private tasks; rename the problem",
            ),
        ] {
            let error = BenchmarkProblem::parse(line, Format::EvalPlus).unwrap_err();
            assert_eq!(error.to_string(), reason);
        }
    }
}
