//! Violations with their positions in the text.

use crate::api::Violation;

/// The maximum number of violations in one report.
pub(super) const MAX_VIOLATIONS: usize = 100;

/// A violation by the file as a whole.
pub(super) fn whole_file(reason: impl Into<String>) -> Violation {
    Violation { line: 1, column: 1, reason: reason.into() }
}

/// A violation at a byte offset of the text.
pub(super) fn violation_at(text: &str, offset: usize, reason: impl Into<String>) -> Violation {
    let before = &text[..text.floor_char_boundary(offset)];
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    Violation {
        line: before.matches('\n').count() + 1,
        column: before[line_start..].chars().count() + 1,
        reason: reason.into(),
    }
}
