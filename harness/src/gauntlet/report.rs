//! The gauntlet's outcome as text. Nothing here prints.

use std::fmt::Write as _;

use comfy_table::{ContentArrangement, Table, presets};

use crate::gauntlet::programs::ProgramClass;
use crate::gauntlet::run::GauntletOutcome;

/// The outcome of a gauntlet, as a table that is at most `width` columns wide, and a summary.
pub fn table(outcome: &GauntletOutcome, width: Option<u16>) -> String {
    let mut table = Table::new();
    table.set_content_arrangement(ContentArrangement::Dynamic);
    if let Some(width) = width {
        table.set_width(width);
    }
    table.load_style(presets::NOTHING);
    table.set_header(["agent", "class", "expected", "got", ""]);
    for check in &outcome.agents {
        let (_, name) = check.name.split_once('/').unwrap_or_default();
        table.add_row([
            name,
            check.class.directory(),
            &check.expected,
            &check.got.join(", "),
            if check.holds { "holding" } else { "NOT holding" },
        ]);
    }
    let mut text = format!("{table}\n\n");
    for check in &outcome.agents {
        if let Some(issue) = &check.issue {
            let _ = writeln!(text, "{}: {issue}", check.name);
        }
    }
    let control = &outcome.control;
    let _ = writeln!(
        text,
        "honest control: median {} ms of CPU time in each of {} trials in hostile company, {} ms in each of {} in \
         honest company: {}",
        control.hostile_cpu_ms,
        control.hostile_trials,
        control.honest_cpu_ms,
        control.honest_trials,
        control.issue.as_deref().unwrap_or("unharmed"),
    );
    if let Some(warning) = &control.warning {
        let _ = writeln!(text, "warning: {warning}");
    }
    let held = outcome.agents.iter().filter(|check| check.holds).count();
    let hostile = outcome.agents.iter().filter(|c| c.class != ProgramClass::Honest).count();
    let _ = writeln!(
        text,
        "{held} of {} hold ({hostile} hostile, {} honest): this sandbox {}",
        outcome.agents.len(),
        outcome.agents.len() - hostile,
        if outcome.holds { "holds" } else { "does NOT hold" },
    );
    text
}
