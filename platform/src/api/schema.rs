//! Schemas of types that another crate defines without a description of their own.

use utoipa::ToSchema;

/// The id of a task.
#[derive(ToSchema)]
#[schema(as = TaskId, value_type = String, pattern = "^[a-z0-9_]{1,64}$", examples("reverse_string"))]
#[expect(dead_code, reason = "only its schema is used")]
pub(crate) struct TaskIdSchema(String);
