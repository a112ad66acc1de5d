//! `harness verify REPORT`: recomputes a report.

use std::path::Path;

use harness::scoring::verify::{Report, verify};

use super::{Failure, print};

/// Reads a report and says what of it does not follow from the rest.
pub fn run(path: &Path) -> Result<(), Failure> {
    let shown = path.display();
    let text = std::fs::read(path)
        .map_err(|cause| Failure::Input(format!("cannot read {shown}: {cause}")))?;
    let report: Report = serde_json::from_slice(&text).map_err(|cause| {
        Failure::Input(format!("{shown} is not what 'harness evaluate --json' prints: {cause}"))
    })?;
    let wrong = verify(&report);
    for sentence in &wrong {
        print(&format!("{sentence}\n"))?;
    }
    if !wrong.is_empty() {
        return Err(Failure::Faults);
    }
    let committed = if report.round.commitment.is_some() { "its commitment, " } else { "" };
    let trials = report.trials.len();
    print(&format!("{shown} holds: {committed}{trials} trials, scores, ranks and rewards\n"))
}
