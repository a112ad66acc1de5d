//! Schemas of types that another crate defines without a description of their own.

use utoipa::ToSchema;

/// The id of a task.
#[derive(ToSchema)]
#[schema(as = TaskId, value_type = String, pattern = "^[a-z0-9_]{1,64}$", examples("reverse_string"))]
#[expect(dead_code, reason = "only its schema is used")]
pub(crate) struct TaskIdSchema(String);

/// The outcome of a case or of a trial.
#[derive(ToSchema)]
#[schema(as = Verdict)]
#[expect(dead_code, reason = "only its schema is used")]
pub(crate) enum VerdictSchema {
    /// Accepted.
    #[schema(rename = "AC")]
    Accepted,
    /// Wrong answer.
    #[schema(rename = "WA")]
    WrongAnswer,
    /// Runtime error.
    #[schema(rename = "RE")]
    RuntimeError,
    /// Time limit exceeded.
    #[schema(rename = "TLE")]
    TimeLimit,
    /// Memory limit exceeded.
    #[schema(rename = "MLE")]
    MemoryLimit,
    /// Output limit exceeded.
    #[schema(rename = "OLE")]
    OutputLimit,
    /// No solution.
    #[schema(rename = "NS")]
    NoSolution,
}
