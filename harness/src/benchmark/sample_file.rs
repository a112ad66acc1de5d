//! The file of a model's samples.

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

use tasks::Value;

use crate::benchmark::file::{Benchmark, lines, read_text};

/// One sample of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelSample {
    /// The problem, by its place in the benchmark
    pub problem: usize,
    /// Zero-based sample index
    pub index: u32,
    /// The whole answer; none if it has a lone surrogate, which no source may have
    pub answer: Option<String>,
}

/// Why a file of samples cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SamplesError {
    /// It cannot be read.
    #[error("cannot read {}: {cause}; name a JSONL file of samples", .path.display())]
    File {
        /// The file
        path: PathBuf,
        /// The system's answer
        cause: std::io::Error,
    },
    /// A line is not a sample.
    #[error("{}, line {line}: {what}", .path.display())]
    Line {
        /// The file
        path: PathBuf,
        /// The line number, from 1
        line: usize,
        /// What is wrong with it
        what: String,
    },
    /// The file has no lines.
    #[error("{} contains no samples", .0.display())]
    Empty(PathBuf),
}

/// Reads samples in EvalPlus's format: `task_id` with `solution`, a whole answer, or with `completion`, what
/// follows the problem's prompt.
pub fn read(path: &Path, benchmark: &Benchmark) -> Result<Vec<ModelSample>, SamplesError> {
    let file = |cause| SamplesError::File { path: path.to_owned(), cause };
    let text = read_text(path).map_err(file)?;
    let places = benchmark.places();
    let mut indices = HashMap::<usize, u32>::new();
    let mut samples = Vec::new();
    for (text, line) in lines(&text) {
        let wrong = |what: String| SamplesError::Line { path: path.to_owned(), line, what };
        let (problem, answer) = parse(text, benchmark, &places).map_err(wrong)?;
        let next = indices.entry(problem).or_default();
        samples.push(ModelSample { problem, index: *next, answer });
        *next += 1;
    }
    if samples.is_empty() {
        return Err(SamplesError::Empty(path.to_owned()));
    }
    Ok(samples)
}

fn parse(
    line: &str,
    benchmark: &Benchmark,
    places: &HashMap<&str, usize>,
) -> Result<(usize, Option<String>), String> {
    let record = Value::from_python_json(line).map_err(|error| error.to_string())?;
    let name = match record.get("task_id") {
        Some(Value::Str(name)) => Cow::Borrowed(name.as_str()),
        // MBPP numbers its problems.
        Some(Value::Int(number)) => Cow::Owned(format!("Mbpp/{number}")),
        Some(broken @ Value::BrokenStr(_)) => {
            return Err(format!("the benchmark has no problem {broken}"));
        }
        _ => return Err("`task_id` must be a string".to_owned()),
    };
    let problem = *places
        .get(&*name)
        .ok_or_else(|| format!("the benchmark has no problem '{}'", name.escape_debug()))?;
    let answer = match (record.get("solution"), record.get("completion")) {
        (Some(Value::Str(solution)), _) => Some(solution.clone()),
        (Some(Value::BrokenStr(_)), _) | (_, Some(Value::BrokenStr(_))) => None,
        (_, Some(Value::Str(completion))) => Some(benchmark.problem(problem).completed(completion)),
        _ => return Err("`solution` or `completion` must be a string".to_owned()),
    };
    Ok((problem, answer))
}
