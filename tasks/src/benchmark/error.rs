//! Why a line of a benchmark file is rejected.

use crate::value::NotJson;

/// A line that is not a benchmark problem.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProblemError {
    /// The line is not JSON.
    #[error(transparent)]
    NotJson(#[from] NotJson),
    /// A field is missing or has the wrong type.
    #[error("`{field}` must be {expected}")]
    Field {
        /// The field's name
        field: &'static str,
        /// The required type, with its article
        expected: &'static str,
    },
    /// The inputs are not a list of argument lists.
    #[error("`{field}` of {problem} must be a list of argument lists")]
    Inputs {
        /// The field's name
        field: &'static str,
        /// The problem
        problem: String,
    },
    /// The line is in the format of the original benchmark.
    #[error(
        "{problem} has `test` in place of `base_input`: this is the original format, which '{format}:FILE' names"
    )]
    Original {
        /// The problem
        problem: String,
        /// The format's name
        format: &'static str,
    },
    /// The problem's name cannot be converted to a task id.
    #[error("`task_id` '{0}' cannot name a task: expected letters, digits, '_' and '/'")]
    Name(String),
    /// The problem's name would make the id of a private task.
    #[error("`task_id` '{0}' begins like the ids of private tasks; rename the problem")]
    Reserved(String),
    /// There is nothing to judge by.
    #[error("`base_input` of {0} is empty, so every answer would pass")]
    NoInput(String),
    /// An input does not have the form that the benchmark defines for this problem.
    #[error(
        "an input of {0} does not have the form that this problem requires, or is nested too deeply"
    )]
    Input(String),
}
