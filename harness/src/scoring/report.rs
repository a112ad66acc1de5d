//! Reports: a round or a check as JSON, and the line of an agent. Nothing here prints.

use std::cell::{Cell, RefCell};

use platform::api::{DisclosedTrial, Ranking, Rankings, Round, SshSignature};
use serde::Serialize;
use serde::ser::{SerializeSeq as _, Serializer};
use serde_json::Value;

use crate::Fault;
use crate::scoring::digest::ReportDigest;

/// Formats a score without trailing zeros: `100`, `66.67`.
pub fn score(score: f64) -> String {
    format!("{score:.2}").trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// The line of one agent: `good: 100 (reward: 50 'TAO')`.
pub fn line(ranking: &Ranking) -> String {
    let Ranking { miner_id, reward_tao, .. } = ranking;
    format!("{miner_id}: {} (reward: {reward_tao} 'TAO')", score(ranking.score))
}

/// The document of `check --json`.
#[derive(Serialize)]
pub struct CheckDocument<'a> {
    /// One record per task
    pub trials: &'a [DisclosedTrial],
    /// The mean of the task scores; null if a trial was not judged
    pub score: Option<f64>,
    /// One sentence per trial that was not judged
    pub faults: &'a [String],
}

/// Writes the document of `evaluate --json`. Trials come one at a time, so that a round of any size
/// needs no more memory than its largest trial. Its last field is the digest of the others.
pub fn write_evaluation(
    out: impl std::io::Write,
    ranked: &Rankings,
    trials: impl Iterator<Item = Result<DisclosedTrial, Fault>>,
) -> Result<(), Fault> {
    #[derive(Serialize)]
    struct EvaluationDocument<'a, T: Serialize> {
        round: &'a Round,
        trials: T,
        rankings: &'a [Ranking],
        #[serde(skip_serializing_if = "Option::is_none")]
        signature: Option<&'a SshSignature>,
        digest: LastDigest<'a>,
    }
    let Rankings { round, rankings, signature } = ranked;
    let signature = signature.as_ref();
    let digest = RefCell::new(ReportDigest::of_round(&to_value(round)));
    let trials = StreamedTrials {
        trials: RefCell::new(Some(trials)),
        digest: &digest,
        fault: Cell::new(None),
    };
    let last = LastDigest { digest: &digest, rankings, signature };
    let document = EvaluationDocument { round, trials: &trials, rankings, signature, digest: last };
    let written = serde_json::to_writer_pretty(out, &document);
    match (trials.fault.take(), written) {
        (Some(fault), _) => Err(fault),
        (None, Err(error)) => Err(Fault::File {
            action: "write the report to",
            path: "standard output".into(),
            cause: error.into(),
        }),
        (None, Ok(())) => Ok(()),
    }
}

/// Serializes what an iterator yields, once, and keeps the fault that ended it early.
struct StreamedTrials<'a, I> {
    trials: RefCell<Option<I>>,
    digest: &'a RefCell<ReportDigest>,
    fault: Cell<Option<Fault>>,
}

impl<I: Iterator<Item = Result<DisclosedTrial, Fault>>> Serialize for StreamedTrials<'_, I> {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        let mut list = out.serialize_seq(None)?;
        for trial in self.trials.borrow_mut().take().into_iter().flatten() {
            match trial {
                Ok(trial) => {
                    self.digest.borrow_mut().add_trial(&to_value(&trial));
                    list.serialize_element(&trial)?;
                }
                Err(fault) => {
                    self.fault.set(Some(fault));
                    return Err(serde::ser::Error::custom("a record could not be read"));
                }
            }
        }
        list.end()
    }
}

/// Serializes the digest of the report, after its trials.
struct LastDigest<'a> {
    digest: &'a RefCell<ReportDigest>,
    rankings: &'a [Ranking],
    signature: Option<&'a SshSignature>,
}

impl Serialize for LastDigest<'_> {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        let mut digest = self.digest.borrow_mut();
        for ranking in self.rankings {
            digest.add_ranking(&to_value(ranking));
        }
        if let Some(signature) = self.signature {
            digest.add_signature(&to_value(signature));
        }
        digest.value().serialize(out)
    }
}

fn to_value(part: &impl Serialize) -> Value {
    serde_json::to_value(part).expect("reports are plain data")
}

#[cfg(test)]
mod tests {
    #[test]
    fn formats_scores_without_trailing_zeros() {
        for (number, text) in
            [(100.0, "100"), (0.0, "0"), (66.67, "66.67"), (66.5, "66.5"), (10.0, "10")]
        {
            assert_eq!(super::score(number), text);
        }
    }
}
