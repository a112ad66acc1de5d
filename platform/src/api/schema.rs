//! Schemas of types that another crate defines without a description of their own.

use std::borrow::Cow;

use tasks::Family;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

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

/// The unit that has a container of its own.
#[derive(ToSchema)]
#[schema(as = Isolation, rename_all = "kebab-case")]
#[expect(dead_code, reason = "only its schema is used")]
pub(crate) enum IsolationSchema {
    /// An agent.
    Agent,
    /// A trial.
    Trial,
}

/// How the pool is split.
#[derive(ToSchema)]
#[schema(as = Payout, rename_all = "kebab-case")]
#[expect(dead_code, reason = "only its schema is used")]
pub(crate) enum PayoutSchema {
    /// In proportion to the scores.
    Proportional,
    /// All of it to the first.
    WinnerTakesAll,
    /// All of it to the holder of the first place, who loses it only to an agent that is better by evidence.
    Gated,
}

/// The form of an answer.
#[derive(ToSchema)]
#[schema(as = TaskKind, rename_all = "kebab-case")]
#[expect(dead_code, reason = "only its schema is used")]
pub(crate) enum TaskKindSchema {
    /// Python source that defines the entry point.
    Code,
    /// JSON in the format that the prompt states.
    Findings,
}

/// The kind of skill that a task tests.
pub(crate) struct FamilySchema;

impl ToSchema for FamilySchema {
    fn name() -> Cow<'static, str> {
        "Family".into()
    }
}

impl PartialSchema for FamilySchema {
    fn schema() -> RefOr<Schema> {
        let names = Family::ALL.iter().map(|family| family.as_str());
        ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some("The kind of skill that a task tests."))
            .enum_values(Some(names))
            .into()
    }
}
