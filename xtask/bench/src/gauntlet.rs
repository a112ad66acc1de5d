//! CPU time of an honest agent that shares the machine with the hostile agents of the gauntlet.
//!
//! Hostile company is compared with honest company of the same width, not with an idle machine: processors
//! share caches and memory, so work costs more next to any other work.

use std::process::Command;

use anyhow::Context as _;
use serde_json::Value;

use crate::program;
use crate::report::{BenchReport, progress};
use crate::row::{BenchRow, RowFigures, RowSubject, RowTarget};
use crate::setup::BenchSetup;

/// Measures the honest control of `arena gauntlet`.
pub fn measure(setup: &BenchSetup, report: &mut BenchReport) -> anyhow::Result<()> {
    let (mut hostile, mut honest) = (vec![], vec![]);
    for run in 1..=setup.runs {
        progress(&format!("honest agent next to the gauntlet: run {run} of {}", setup.runs));
        let mut command = Command::new(&setup.arena);
        command.args(["gauntlet", "--json"]);
        // A hostile agent that holds the machine up is the gauntlet's own finding, not this row's.
        let (measured, failure) = program::run_to_any_end(&mut command, "arena gauntlet")?;
        let document: Value = serde_json::from_str(&measured.stdout)
            .with_context(|| format!("arena gauntlet {}", failure.unwrap_or_default()))?;
        let cpu_ms = |company: &str| {
            document["control"][company]
                .as_f64()
                .with_context(|| format!("arena gauntlet --json has no control.{company}"))
        };
        hostile.push(cpu_ms("hostile_cpu_ms")?);
        honest.push(cpu_ms("honest_cpu_ms")?);
    }
    let subject = RowSubject {
        what: "CPU time of an honest trial in the company of hostile agents".into(),
        against: "in the company of as many honest agents".into(),
        unit: "ms",
    };
    let figures = RowFigures { ours: hostile, theirs: honest };
    report.add(BenchRow::ratio(subject, figures, RowTarget::at_most(1.1)))
}
