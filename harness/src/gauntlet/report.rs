//! The gauntlet's table. Pure: it makes text and prints nothing.

use std::fmt::Write as _;

use comfy_table::{Table, presets};

use super::run::{Class, Outcome};

/// What came of a gauntlet, for people.
pub fn table(outcome: &Outcome) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["agent", "class", "expected", "got", ""]);
    for finding in &outcome.agents {
        let (_, name) = finding.name.split_once('/').unwrap_or_default();
        table.add_row([
            name,
            finding.class.folder(),
            &finding.expected,
            &finding.got.join(", "),
            if finding.holds { "holding" } else { "NOT holding" },
        ]);
    }
    let mut text = format!("{table}\n\n");
    for finding in &outcome.agents {
        if let Some(trouble) = &finding.trouble {
            let _ = writeln!(text, "{}: {trouble}", finding.name);
        }
    }
    let control = &outcome.control;
    let _ = writeln!(
        text,
        "honest control: median {} ms of CPU in each of {} trials beside them, {} in each of {} beside honest \
         agents: {}",
        control.hostile_cpu_ms,
        control.hostile_trials,
        control.honest_cpu_ms,
        control.honest_trials,
        control.trouble.as_deref().unwrap_or("it did not notice"),
    );
    let held = outcome.agents.iter().filter(|finding| finding.holds).count();
    let hostile = outcome.agents.iter().filter(|finding| finding.class != Class::Honest).count();
    let _ = writeln!(
        text,
        "{held} of {} hold ({hostile} hostile, {} honest): this sandbox {}",
        outcome.agents.len(),
        outcome.agents.len() - hostile,
        if outcome.holds { "holds" } else { "does NOT hold" },
    );
    text
}
