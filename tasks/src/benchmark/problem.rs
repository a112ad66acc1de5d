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
    /// A canonical solution and assertions: the original HumanEval
    HumanEval,
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
    /// Python source that defines `check(candidate)`
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
        let text = |field: &'static str| match record.get(field) {
            Some(Value::Str(text)) => Ok(text.clone()),
            _ => Err(ProblemError::Field { field, expected: "a string" }),
        };
        let name = text("task_id")?;
        let id = name.to_ascii_lowercase().replace('/', "_");
        let id = id.parse().map_err(|_| ProblemError::Name(name.clone()))?;
        let tests = match format {
            Format::HumanEval => Tests::Assertions(text("test")?),
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
    fn rejects_malformed_problems_with_the_reason() {
        for (line, reason) in [
            ("{", "invalid JSON at byte 1: expected a key"),
            ("{}", "`task_id` must be a string"),
            (
                r#"{"task_id": "Größe/1"}"#,
                "`task_id` 'Größe/1' cannot name a task: expected letters, digits, '_' and '/'",
            ),
        ] {
            let error = BenchmarkProblem::parse(line, Format::EvalPlus).unwrap_err();
            assert_eq!(error.to_string(), reason);
        }
    }
}
