//! `cargo xtask demo` as a whole.

use std::process::Command;

use crate::program;
use crate::report::{BenchReport, progress};
use crate::row::{BenchRow, RowTarget};
use crate::setup::BenchSetup;

/// Measures the demo.
pub fn measure(setup: &BenchSetup, report: &mut BenchReport) -> anyhow::Result<()> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut seconds = Vec::new();
    // The first run builds, and is not counted.
    for run in 0..=setup.runs {
        progress(&format!("cargo xtask demo: run {run} of {}", setup.runs));
        let measured = program::run(Command::new(&cargo).args(["xtask", "demo"]), "the demo")?;
        if run > 0 {
            seconds.push(measured.seconds);
        }
    }
    let what = "'cargo xtask demo' after the build".to_owned();
    report.add(BenchRow::alone(what, "s", seconds, RowTarget::at_most(12.0)))
}
