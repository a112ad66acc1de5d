//! Verdicts of both sides in one form: for each sample whether it passes the base cases, and all of them.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use super::super::peer;
use crate::commands::Failure;

/// By problem and number of the sample: accepted on the base cases, accepted on all cases.
pub type Verdicts = BTreeMap<(String, usize), (bool, bool)>;

/// What `harness samples` wrote.
pub fn ours(path: &Path) -> Result<Verdicts, Failure> {
    #[derive(Deserialize)]
    struct Line {
        task_id: String,
        sample: usize,
        base: String,
        plus: Option<String>,
    }
    let text = std::fs::read_to_string(path).map_err(|cause| peer("harness samples", cause))?;
    let mut verdicts = Verdicts::new();
    for line in text.lines() {
        let Line { task_id, sample, base, plus } =
            serde_json::from_str(line).map_err(|error| peer("harness samples", error))?;
        let plus = plus.unwrap_or_else(|| base.clone());
        verdicts.insert((task_id, sample), (base == "AC", plus == "AC"));
    }
    Ok(verdicts)
}

/// What `evalplus.evaluate` wrote.
pub fn theirs(path: &Path) -> Result<Verdicts, Failure> {
    #[derive(Deserialize)]
    struct Results {
        eval: BTreeMap<String, Vec<Sample>>,
    }
    #[derive(Deserialize)]
    struct Sample {
        base_status: String,
        plus_status: Option<String>,
    }
    let bytes = std::fs::read(path).map_err(|cause| peer("evalplus", cause))?;
    let Results { eval } =
        serde_json::from_slice(&bytes).map_err(|error| peer("evalplus", error))?;
    let mut verdicts = Verdicts::new();
    for (name, samples) in eval {
        for (number, Sample { base_status, plus_status }) in samples.into_iter().enumerate() {
            let base = base_status == "pass";
            let plus = plus_status.is_none_or(|status| status == "pass");
            verdicts.insert((name.clone(), number), (base, base && plus));
        }
    }
    Ok(verdicts)
}
