//! Verdicts of both sides in one form.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context as _;
use serde::Deserialize;

/// Which cases of a problem a sample passes.
#[derive(Debug, PartialEq, Eq)]
pub struct PassedCases {
    /// Whether it passes the base cases
    pub base: bool,
    /// Whether it passes all cases
    pub all: bool,
}

/// By problem and index of the sample.
pub type PassedSamples = BTreeMap<(String, usize), PassedCases>;

/// Reads the output of `arena samples`.
pub fn ours(path: &Path) -> anyhow::Result<PassedSamples> {
    #[derive(Deserialize)]
    struct VerdictLine {
        task_id: String,
        sample: usize,
        base: String,
        plus: Option<String>,
    }
    let text =
        std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let parse = |line| {
        let VerdictLine { task_id, sample, base, plus } = serde_json::from_str(line)?;
        let all = plus.as_deref().unwrap_or(&base) == "AC";
        Ok(((task_id, sample), PassedCases { base: base == "AC", all }))
    };
    text.lines().map(parse).collect()
}

/// Reads the output of `evalplus.evaluate`.
pub fn theirs(path: &Path) -> anyhow::Result<PassedSamples> {
    #[derive(Deserialize)]
    struct EvalPlusResults {
        eval: BTreeMap<String, Vec<EvalPlusSample>>,
    }
    #[derive(Deserialize)]
    struct EvalPlusSample {
        base_status: String,
        plus_status: Option<String>,
    }
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let EvalPlusResults { eval } = serde_json::from_slice(&bytes)?;
    let mut verdicts = PassedSamples::new();
    for (name, samples) in eval {
        for (index, EvalPlusSample { base_status, plus_status }) in samples.into_iter().enumerate()
        {
            let base = base_status == "pass";
            let all = base && plus_status.is_none_or(|status| status == "pass");
            verdicts.insert((name.clone(), index), PassedCases { base, all });
        }
    }
    Ok(verdicts)
}
