//! Similar agents: their figures, the places that they share, and how those differ.

use std::fmt::Write as _;

use platform::similarity::survey::SimilarAgents;
use platform::similarity::{LineRange, Passage, SimilarityKind};
use serde::Serialize;
use similar::TextDiff;

use super::sheet::Sheet;
use super::text::without_controls;

/// The places of a pair that are shown with a diff, longest first.
const MAX_PLACES: usize = 10;

/// A pair of similar agents, as it is printed.
#[derive(Serialize)]
pub struct SimilarView<'a> {
    #[serde(flatten)]
    pair: &'a SimilarAgents,
    /// How the shared places differ, as unified diffs from the earlier agent to the later one
    #[serde(skip_serializing_if = "Option::is_none")]
    diff: Option<String>,
}

impl<'a> SimilarView<'a> {
    /// A pair without its sources.
    pub fn without_diff(pair: &'a SimilarAgents) -> Self {
        Self { pair, diff: None }
    }

    /// A pair with both sources.
    pub fn with_diff(pair: &'a SimilarAgents, earlier: &str, later: &str) -> Self {
        let mut diff = String::new();
        for passage in pair.passages.iter().take(MAX_PLACES) {
            let (old, new) = (lines(earlier, passage.earlier), lines(later, passage.later));
            let header = |agent, range| format!("{agent} {}", shown(range));
            let (from, to) = (
                header(&pair.earlier.miner_id, passage.earlier),
                header(&pair.later.miner_id, passage.later),
            );
            if old == new {
                let _ = writeln!(diff, "--- {from}\n+++ {to}\n the same text");
                continue;
            }
            let changes = TextDiff::from_lines(&old, &new);
            let _ = write!(diff, "{}", changes.unified_diff().header(&from, &to));
        }
        Self { pair, diff: Some(diff) }
    }
}

/// The lines of a range, each with a line end.
fn lines(source: &str, range: LineRange) -> String {
    let (first, last) = (range.first as usize, range.last as usize);
    let chosen = source.lines().take(last).skip(first.saturating_sub(1));
    chosen.flat_map(|line| [line, "\n"]).collect()
}

fn shown(range: LineRange) -> String {
    format!("lines {} to {}", range.first, range.last)
}

/// The pairs as a table.
pub fn sheet(views: &[SimilarView<'_>]) -> Sheet {
    let columns = [
        "earlier",
        "later",
        "#similarity",
        "#of both",
        "kind",
        "longest place in earlier",
        "in later",
    ];
    let mut sheet = Sheet::new(columns);
    for SimilarView { pair, .. } in views {
        let place = |of: fn(&Passage) -> LineRange| {
            pair.passages.first().map(|passage| shown(of(passage))).unwrap_or_default()
        };
        sheet.push([
            pair.earlier.miner_id.to_string(),
            pair.later.miner_id.to_string(),
            percent(pair.figures.similarity),
            percent(pair.figures.jaccard),
            kind(pair.kind).to_owned(),
            place(|passage| passage.earlier),
            place(|passage| passage.later),
        ]);
    }
    sheet
}

/// The pairs with their places and diffs.
pub fn text(views: &[SimilarView<'_>]) -> String {
    let mut text = String::new();
    for SimilarView { pair, diff } in views {
        let (earlier, later) = (&pair.earlier, &pair.later);
        let _ = writeln!(
            text,
            "{} (since {}), then {} (since {}): {}, similarity {}, {} of the code of both",
            earlier.miner_id,
            earlier.since,
            later.miner_id,
            later.since,
            kind(pair.kind),
            percent(pair.figures.similarity),
            percent(pair.figures.jaccard),
        );
        for passage in &pair.passages {
            let (there, here) = (shown(passage.earlier), shown(passage.later));
            let (a, b) = (&earlier.miner_id, &later.miner_id);
            let _ = writeln!(text, "  {there} of {a}, {here} of {b}: {} tokens", passage.tokens);
        }
        // The sources are not trusted.
        for line in diff.iter().flat_map(|diff| diff.lines()) {
            let _ = writeln!(text, "{}", without_controls(line));
        }
        text.push('\n');
    }
    text
}

fn kind(kind: SimilarityKind) -> &'static str {
    match kind {
        SimilarityKind::Copy => "a copy",
        SimilarityKind::Renamed => "a copy with other names or values",
        SimilarityKind::Shared => "shared code",
    }
}

/// A share, rounded down, so that 100 % means all.
fn percent(share: f64) -> String {
    format!("{:.0} %", (share * 100.0).floor())
}
